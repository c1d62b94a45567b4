// What functions of the C library, and of libstdc++'s that are no templates, read and write for
// code under test, which calls these here instead (instrumentation/library_calls.cpp): they tell,
// and leave the work to the originals. What is read is what the C standard says, at the most: of
// texts, up to where the answer is known.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <functional>

#include "intercept/ranges.hpp"

using heddle::uptr;

namespace {

/// The caller of a function.
class Caller {
 public:
  explicit Caller(uptr pc) : pc_(pc) {}

  template <class T>
  void reads(const T* first, uptr count) const {
    heddle::intercept::announce_range(first, count * sizeof(T), false, pc_);
  }
  template <class T>
  void writes(const T* first, uptr count) const {
    heddle::intercept::announce_range(first, count * sizeof(T), true, pc_);
  }
  void reads(const void* bytes, uptr size) const { reads(static_cast<const char*>(bytes), size); }
  void writes(const void* bytes, uptr size) const { writes(static_cast<const char*>(bytes), size); }

  /// Characters up to and with the last one that it asks for: the terminator, or one for which
  /// `is_last` is true. Their number. The first one is told before anything is touched: what is
  /// freed need not have an end.
  template <class Char, class IsLast>
  uptr reads_until(const Char* text, uptr max, IsLast is_last) const {
    uptr count = 0;
    if (max != 0) {
      reads(text, 1);
      while (count < max && text[count] != 0 && !is_last(text[count])) {
        ++count;
      }
      count += count < max;
      reads(text, count);
    }
    return count;
  }
  template <class Char>
  uptr reads_text(const Char* text, uptr max = ~uptr{0}) const {
    return reads_until(text, max, [](Char) { return false; });
  }
  /// Both, up to where they differ.
  template <class Char, class IsSame>
  void compares(const Char* a, const Char* b, uptr max, IsSame is_same) const {
    if (max != 0) {
      reads(a, 1);
      reads(b, 1);
      uptr count = 0;
      while (count + 1 < max && a[count] != 0 && is_same(a[count], b[count])) {
        ++count;
      }
      reads(a, count + 1);
      reads(b, count + 1);
    }
  }

 private:
  uptr pc_;
};

constexpr uptr kAll = ~uptr{0};

template <class Char>
bool is_same(Char a, Char b) {
  return a == b;
}

bool is_same_letter(char a, char b) {
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; };
  return small(a) == small(b);
}

}  // namespace

#define HEDDLE_CHECKED(type, name, ...) HEDDLE_HOOK type heddle_checked_##name(__VA_ARGS__)
#define HEDDLE_CALLER \
  const Caller caller { HEDDLE_PC }

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

HEDDLE_CHECKED(void*, rawmemchr, const void* bytes, int byte) {
  HEDDLE_CALLER;
  caller.reads(bytes, 1);
  return looked_for(caller, bytes, 0, const_cast<void*>(rawmemchr(bytes, byte)));
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

// ---- texts ----

HEDDLE_CHECKED(uptr, strlen, const char* text) {
  HEDDLE_CALLER;
  caller.reads_text(text);
  return std::strlen(text);
}

HEDDLE_CHECKED(uptr, strnlen, const char* text, uptr max) {
  HEDDLE_CALLER;
  caller.reads_text(text, max);
  return strnlen(text, max);
}

HEDDLE_CHECKED(int, strcmp, const char* a, const char* b) {
  HEDDLE_CALLER;
  caller.compares(a, b, kAll, is_same<char>);
  return std::strcmp(a, b);
}

HEDDLE_CHECKED(int, strncmp, const char* a, const char* b, uptr max) {
  HEDDLE_CALLER;
  caller.compares(a, b, max, is_same<char>);
  return std::strncmp(a, b, max);
}

HEDDLE_CHECKED(int, strcasecmp, const char* a, const char* b) {
  HEDDLE_CALLER;
  caller.compares(a, b, kAll, is_same_letter);
  return strcasecmp(a, b);
}

HEDDLE_CHECKED(int, strncasecmp, const char* a, const char* b, uptr max) {
  HEDDLE_CALLER;
  caller.compares(a, b, max, is_same_letter);
  return strncasecmp(a, b, max);
}

HEDDLE_CHECKED(char*, strchr, const char* text, int wanted) {
  HEDDLE_CALLER;
  caller.reads_until(text, kAll, [=](char c) { return c == static_cast<char>(wanted); });
  return const_cast<char*>(std::strchr(text, wanted));
}

HEDDLE_CHECKED(char*, strchrnul, const char* text, int wanted) {
  HEDDLE_CALLER;
  caller.reads_until(text, kAll, [=](char c) { return c == static_cast<char>(wanted); });
  return const_cast<char*>(strchrnul(text, wanted));
}

HEDDLE_CHECKED(char*, strrchr, const char* text, int wanted) {
  HEDDLE_CALLER;
  caller.reads_text(text);
  return const_cast<char*>(std::strrchr(text, wanted));
}

HEDDLE_CHECKED(char*, strstr, const char* text, const char* wanted) {
  HEDDLE_CALLER;
  caller.reads_text(text);
  caller.reads_text(wanted);
  return const_cast<char*>(std::strstr(text, wanted));
}

HEDDLE_CHECKED(char*, strpbrk, const char* text, const char* wanted) {
  HEDDLE_CALLER;
  caller.reads_text(wanted);
  caller.reads_until(text, kAll, [=](char c) { return std::strchr(wanted, c) != nullptr; });
  return const_cast<char*>(std::strpbrk(text, wanted));
}

HEDDLE_CHECKED(uptr, strcspn, const char* text, const char* wanted) {
  HEDDLE_CALLER;
  caller.reads_text(wanted);
  caller.reads_until(text, kAll, [=](char c) { return std::strchr(wanted, c) != nullptr; });
  return std::strcspn(text, wanted);
}

HEDDLE_CHECKED(uptr, strspn, const char* text, const char* wanted) {
  HEDDLE_CALLER;
  caller.reads_text(wanted);
  caller.reads_until(text, kAll, [=](char c) { return std::strchr(wanted, c) == nullptr; });
  return std::strspn(text, wanted);
}

HEDDLE_CHECKED(char*, strcpy, char* to, const char* from) {
  HEDDLE_CALLER;
  caller.writes(to, caller.reads_text(from));
  return std::strcpy(to, from);
}

HEDDLE_CHECKED(char*, stpcpy, char* to, const char* from) {
  HEDDLE_CALLER;
  caller.writes(to, caller.reads_text(from));
  return stpcpy(to, from);
}

HEDDLE_CHECKED(char*, strncpy, char* to, const char* from, uptr max) {
  HEDDLE_CALLER;
  caller.reads_text(from, max);
  caller.writes(to, max);
  return std::strncpy(to, from, max);
}

HEDDLE_CHECKED(char*, stpncpy, char* to, const char* from, uptr max) {
  HEDDLE_CALLER;
  caller.reads_text(from, max);
  caller.writes(to, max);
  return stpncpy(to, from, max);
}

HEDDLE_CHECKED(char*, strcat, char* to, const char* from) {
  HEDDLE_CALLER;
  const uptr length = caller.reads_text(to) - 1;
  caller.writes(to + length, caller.reads_text(from));
  return std::strcat(to, from);
}

HEDDLE_CHECKED(char*, strncat, char* to, const char* from, uptr max) {
  HEDDLE_CALLER;
  const uptr length = caller.reads_text(to) - 1;
  caller.reads_text(from, max);
  caller.writes(to + length, strnlen(from, max) + 1);
  return std::strncat(to, from, max);
}

HEDDLE_CHECKED(char*, strtok_r, char* text, const char* between, char** rest) {
  HEDDLE_CALLER;
  caller.reads_text(between);
  caller.reads(rest, text == nullptr ? 1 : 0);
  char* from = text == nullptr ? *rest : text;
  if (from != nullptr) {
    caller.reads_text(from);
  }
  char* token = strtok_r(text, between, rest);
  caller.writes(rest, 1);
  if (token != nullptr && *rest != token + std::strlen(token)) {
    caller.writes(token + std::strlen(token), 1);
  }
  return token;
}

HEDDLE_CHECKED(char*, strsep, char** rest, const char* between) {
  HEDDLE_CALLER;
  caller.writes(rest, 1);
  caller.reads_text(between);
  if (*rest != nullptr) {
    const uptr count =
        caller.reads_until(*rest, kAll, [=](char c) { return std::strchr(between, c) != nullptr; });
    caller.writes(*rest + count - 1, (*rest)[count - 1] == 0 ? 0 : 1);
  }
  return strsep(rest, between);
}

HEDDLE_CHECKED(char*, strdup, const char* text) {
  HEDDLE_CALLER;
  caller.reads_text(text);
  return strdup(text);
}

HEDDLE_CHECKED(char*, strndup, const char* text, uptr max) {
  HEDDLE_CALLER;
  caller.reads_text(text, max);
  return strndup(text, max);
}

// ---- numbers ----

namespace {

/// `convert(&end)`; what it looked at ends behind the number.
template <class Convert>
auto converted(const Caller& caller, const char* text, char** end, Convert convert) {
  caller.reads(text, 1);
  char* behind = nullptr;
  const auto value = convert(&behind);
  caller.reads(text, static_cast<uptr>(behind - text) + 1);
  if (end != nullptr) {
    caller.writes(end, 1);
    *end = behind;
  }
  return value;
}

}  // namespace

#define HEDDLE_CONVERSION(type, name)                                                          \
  HEDDLE_CHECKED(type, name, const char* text, char** end, int base) {                         \
    HEDDLE_CALLER;                                                                             \
    return converted(caller, text, end, [=](char** at) { return std::name(text, at, base); }); \
  }
HEDDLE_CONVERSION(long, strtol)
HEDDLE_CONVERSION(unsigned long, strtoul)
HEDDLE_CONVERSION(long long, strtoll)
HEDDLE_CONVERSION(unsigned long long, strtoull)

HEDDLE_CHECKED(float, strtof, const char* text, char** end) {
  HEDDLE_CALLER;
  return converted(caller, text, end, [=](char** at) { return std::strtof(text, at); });
}

HEDDLE_CHECKED(double, strtod, const char* text, char** end) {
  HEDDLE_CALLER;
  return converted(caller, text, end, [=](char** at) { return std::strtod(text, at); });
}

HEDDLE_CHECKED(double, atof, const char* text) {
  HEDDLE_CALLER;
  return converted(caller, text, nullptr, [=](char** at) { return std::strtod(text, at); });
}

HEDDLE_CHECKED(int, atoi, const char* text) {
  HEDDLE_CALLER;
  return static_cast<int>(
      converted(caller, text, nullptr, [=](char** at) { return std::strtol(text, at, 10); }));
}

HEDDLE_CHECKED(long, atol, const char* text) {
  HEDDLE_CALLER;
  return converted(caller, text, nullptr, [=](char** at) { return std::strtol(text, at, 10); });
}

HEDDLE_CHECKED(long long, atoll, const char* text) {
  HEDDLE_CALLER;
  return converted(caller, text, nullptr, [=](char** at) { return std::strtoll(text, at, 10); });
}

// ---- wide characters ----

HEDDLE_CHECKED(int, wmemcmp, const wchar_t* a, const wchar_t* b, uptr count) {
  HEDDLE_CALLER;
  caller.reads(a, count);
  caller.reads(b, count);
  return std::wmemcmp(a, b, count);
}

HEDDLE_CHECKED(wchar_t*, wmemchr, const wchar_t* text, wchar_t wanted, uptr count) {
  HEDDLE_CALLER;
  caller.reads(text, count == 0 ? 0 : 1);
  const wchar_t* found = std::wmemchr(text, wanted, count);
  caller.reads(text, found == nullptr ? count : static_cast<uptr>(found - text) + 1);
  return const_cast<wchar_t*>(found);
}

HEDDLE_CHECKED(wchar_t*, wmemcpy, wchar_t* to, const wchar_t* from, uptr count) {
  HEDDLE_CALLER;
  caller.reads(from, count);
  caller.writes(to, count);
  return std::wmemcpy(to, from, count);
}

HEDDLE_CHECKED(wchar_t*, wmemmove, wchar_t* to, const wchar_t* from, uptr count) {
  HEDDLE_CALLER;
  caller.reads(from, count);
  caller.writes(to, count);
  return std::wmemmove(to, from, count);
}

HEDDLE_CHECKED(wchar_t*, wmemset, wchar_t* to, wchar_t character, uptr count) {
  HEDDLE_CALLER;
  caller.writes(to, count);
  return std::wmemset(to, character, count);
}

HEDDLE_CHECKED(uptr, wcslen, const wchar_t* text) {
  HEDDLE_CALLER;
  caller.reads_text(text);
  return std::wcslen(text);
}

HEDDLE_CHECKED(uptr, wcsnlen, const wchar_t* text, uptr max) {
  HEDDLE_CALLER;
  caller.reads_text(text, max);
  return wcsnlen(text, max);
}

HEDDLE_CHECKED(int, wcscmp, const wchar_t* a, const wchar_t* b) {
  HEDDLE_CALLER;
  caller.compares(a, b, kAll, is_same<wchar_t>);
  return std::wcscmp(a, b);
}

HEDDLE_CHECKED(int, wcsncmp, const wchar_t* a, const wchar_t* b, uptr max) {
  HEDDLE_CALLER;
  caller.compares(a, b, max, is_same<wchar_t>);
  return std::wcsncmp(a, b, max);
}

HEDDLE_CHECKED(wchar_t*, wcscpy, wchar_t* to, const wchar_t* from) {
  HEDDLE_CALLER;
  caller.writes(to, caller.reads_text(from));
  return std::wcscpy(to, from);
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

// ---- files ----

HEDDLE_CHECKED(uptr, fread, void* to, uptr size, uptr count, FILE* file) {
  HEDDLE_CALLER;
  caller.writes(to, size != 0 && count != 0 ? 1 : 0);
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
  caller.writes(to, room > 0 ? 1 : 0);
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
