// What functions of the C library, and of libstdc++'s that are no templates, read and write for
// code under test, which calls these here instead (instrumentation/library_calls.cpp): they tell,
// and leave the work to the originals. Of texts and numbers: c_texts.cpp.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "intercept/ranges.hpp"

using heddle::uptr;
using heddle::intercept::Caller;

// ---- memory ----

HEDDLE_CHECKED(int, memcmp, const void* a, const void* b, uptr size) {
  HEDDLE_CALLER;
  caller.reads(a, size);
  caller.reads(b, size);
  return std::memcmp(a, b, size);
}

HEDDLE_CHECKED(int, bcmp, const void* a, const void* b, uptr size) {
  HEDDLE_CALLER;
  caller.reads(a, size);
  caller.reads(b, size);
  return std::memcmp(a, b, size);
}

namespace {

/// `found` is in there, or null.
void* looked_for(const Caller& caller, const void* bytes, uptr size, void* found) {
  caller.reads(
      bytes,
      found == nullptr
          ? size
          : static_cast<uptr>(static_cast<char*>(found) - static_cast<const char*>(bytes)) + 1);
  return found;
}

}  // namespace

HEDDLE_CHECKED(void*, memchr, const void* bytes, int byte, uptr size) {
  HEDDLE_CALLER;
  caller.reads(bytes, size == 0 ? 0 : 1);
  return looked_for(caller, bytes, size, const_cast<void*>(std::memchr(bytes, byte, size)));
}

HEDDLE_CHECKED(void*, memrchr, const void* bytes, int byte, uptr size) {
  HEDDLE_CALLER;
  caller.reads(bytes, size);
  return const_cast<void*>(memrchr(bytes, byte, size));
}

HEDDLE_CHECKED(void*, memmem, const void* bytes, uptr size, const void* wanted, uptr wanted_size) {
  HEDDLE_CALLER;
  caller.reads(bytes, size);
  caller.reads(wanted, wanted_size);
  return memmem(bytes, size, wanted, wanted_size);
}

HEDDLE_CHECKED(void*, mempcpy, void* to, const void* from, uptr size) {
  HEDDLE_CALLER;
  caller.reads(from, size);
  caller.writes(to, size);
  return mempcpy(to, from, size);
}

HEDDLE_CHECKED(void*, memccpy, void* to, const void* from, int last, uptr size) {
  HEDDLE_CALLER;
  caller.reads(from, size == 0 ? 0 : 1);
  const void* end = std::memchr(from, last, size);
  looked_for(caller, from, size, const_cast<void*>(end));
  caller.writes(
      to,
      end == nullptr
          ? size
          : static_cast<uptr>(static_cast<const char*>(end) - static_cast<const char*>(from)) + 1);
  return memccpy(to, from, last, size);
}

// With _FORTIFY_SOURCE. What is too large the originals say.

extern "C" void* __memcpy_chk(void* to, const void* from, uptr size, uptr room);
extern "C" void* __memmove_chk(void* to, const void* from, uptr size, uptr room);
extern "C" void* __memset_chk(void* to, int byte, uptr size, uptr room);

HEDDLE_CHECKED(void*, __memcpy_chk, void* to, const void* from, uptr size, uptr room) {
  HEDDLE_CALLER;
  caller.reads(from, size);
  caller.writes(to, size);
  return __memcpy_chk(to, from, size, room);
}

HEDDLE_CHECKED(void*, __memmove_chk, void* to, const void* from, uptr size, uptr room) {
  HEDDLE_CALLER;
  caller.reads(from, size);
  caller.writes(to, size);
  return __memmove_chk(to, from, size, room);
}

HEDDLE_CHECKED(void*, __memset_chk, void* to, int byte, uptr size, uptr room) {
  HEDDLE_CALLER;
  caller.writes(to, size);
  return __memset_chk(to, byte, size, room);
}

// ---- formatting; not what the format has them read ----

namespace {

int format(const Caller& caller, char* to, uptr room, const char* form, va_list arguments) {
  caller.reads_text(form);
  va_list copy;
  va_copy(copy, arguments);
  const int length = std::vsnprintf(nullptr, 0, form, copy);
  va_end(copy);
  if (length >= 0) {
    const uptr size = static_cast<uptr>(length) + 1;
    caller.writes(to, size < room ? size : room);
  }
  return std::vsnprintf(to, room, form, arguments);
}

// The C library takes no room for objects larger than any.
constexpr uptr kAnyRoom = ~uptr{0} >> 1;

}  // namespace

HEDDLE_CHECKED(int, vsnprintf, char* to, uptr room, const char* form, va_list arguments) {
  HEDDLE_CALLER;
  return format(caller, to, room, form, arguments);
}

HEDDLE_CHECKED(int, vsprintf, char* to, const char* form, va_list arguments) {
  HEDDLE_CALLER;
  return format(caller, to, kAnyRoom, form, arguments);
}

HEDDLE_CHECKED(int, snprintf, char* to, uptr room, const char* form, ...) {
  HEDDLE_CALLER;
  va_list arguments;
  va_start(arguments, form);
  const int length = format(caller, to, room, form, arguments);
  va_end(arguments);
  return length;
}

HEDDLE_CHECKED(int, sprintf, char* to, const char* form, ...) {
  HEDDLE_CALLER;
  va_list arguments;
  va_start(arguments, form);
  const int length = format(caller, to, kAnyRoom, form, arguments);
  va_end(arguments);
  return length;
}

// ---- files; who reads from one writes the first byte, if any, before anything is touched ----

namespace {

bool has_more(FILE* file) { return std::ungetc(std::getc(file), file) != EOF; }

}  // namespace

HEDDLE_CHECKED(uptr, fread, void* to, uptr size, uptr count, FILE* file) {
  HEDDLE_CALLER;
  caller.writes(to, size != 0 && count != 0 && has_more(file) ? 1 : 0);
  const uptr done = std::fread(to, size, count, file);
  caller.writes(to, done * size);
  return done;
}

HEDDLE_CHECKED(uptr, fwrite, const void* from, uptr size, uptr count, FILE* file) {
  HEDDLE_CALLER;
  caller.reads(from, size * count);
  return std::fwrite(from, size, count, file);
}

HEDDLE_CHECKED(char*, fgets, char* to, int room, FILE* file) {
  HEDDLE_CALLER;
  caller.writes(to, room == 1 || (room > 1 && has_more(file)) ? 1 : 0);
  char* line = std::fgets(to, room, file);
  caller.writes(to, line == nullptr ? 0 : std::strlen(line) + 1);
  return line;
}

HEDDLE_CHECKED(int, fputs, const char* text, FILE* file) {
  HEDDLE_CALLER;
  caller.reads_text(text);
  return std::fputs(text, file);
}

HEDDLE_CHECKED(int, puts, const char* text) {
  HEDDLE_CALLER;
  caller.reads_text(text);
  return std::puts(text);
}

// ---- the rest ----

HEDDLE_CHECKED(void, qsort, void* first, uptr count, uptr size,
               int (*compare)(const void*, const void*)) {
  HEDDLE_CALLER;
  caller.writes(first, count < 2 ? 0 : count * size);
  std::qsort(first, count, size, compare);
}

// libstdc++'s std::hash of texts.
HEDDLE_CHECKED(uptr, _ZSt11_Hash_bytesPKvmm, const void* bytes, uptr size, uptr seed) {
  HEDDLE_CALLER;
  caller.reads(bytes, size);
  return std::_Hash_bytes(bytes, size, seed);
}
