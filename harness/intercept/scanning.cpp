// What scanf() and its kin store into objects of the program: writes, as all others. The names are
// those that the C library's headers give these functions from C99 on.
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <cwchar>

#include "intercept/hook.hpp"

using heddle::uptr;
using heddle::intercept::current_thread;

extern "C" {
int __isoc99_vfscanf(std::FILE*, const char*, va_list);
int __isoc99_vsscanf(const char*, const char*, va_list);
void __tsan_write_range_pc(void*, unsigned long, void*);
}

namespace {

/// One conversion of a format.
struct Conversion {
  char kind = '\0';
  bool assigns = true;
  bool allocates = false;  // stores a pointer to new memory
  uptr width = 1;
  uptr integer = sizeof(int);
  uptr real = sizeof(float);
  uptr character = sizeof(char);

  uptr size(const void* stored) const {
    if (allocates) {
      return sizeof(void*);
    }
    switch (kind) {
      case 'c': return width * character;
      case 's':
      case '[': return (length(stored) + 1) * character;
      case 'p': return sizeof(void*);
      case 'a':
      case 'e':
      case 'f':
      case 'g':
      case 'A':
      case 'E':
      case 'F':
      case 'G': return real;
      default: return integer;
    }
  }

 private:
  uptr length(const void* text) const {
    return character == 1 ? std::strlen(static_cast<const char*>(text))
                          : std::wcslen(static_cast<const wchar_t*>(text));
  }
};

const char* skip_set(const char* at) {
  at += *at == '^';
  at += *at == ']';  // the first one is a member
  while (*at != '\0' && *at != ']') {
    ++at;
  }
  return at + (*at == ']');
}

void read_length(const char*& at, Conversion& conversion) {
  for (;; ++at) {
    switch (*at) {
      case 'h': conversion.integer /= 2; break;
      case 'l':
        conversion.integer = sizeof(long);
        conversion.real = sizeof(double);
        conversion.character = sizeof(wchar_t);
        break;
      case 'L': conversion.real = sizeof(long double); [[fallthrough]];
      case 'q':
      case 'j':
      case 'z':
      case 't': conversion.integer = sizeof(long); break;
      default: return;
    }
  }
}

/// The conversion whose text begins at `at`, behind the percent sign.
Conversion read_conversion(const char*& at) {
  Conversion conversion;
  if (*at == '*') {
    conversion.assigns = false;
    ++at;
  }
  if (*at >= '0' && *at <= '9') {
    for (conversion.width = 0; *at >= '0' && *at <= '9'; ++at) {
      conversion.width = conversion.width * 10 + static_cast<uptr>(*at - '0');
    }
  }
  if (*at == 'm') {
    conversion.allocates = true;
    ++at;
  }
  read_length(at, conversion);
  conversion.kind = *at;
  at += *at != '\0';
  if (conversion.kind == '[') {
    at = skip_set(at);
  } else if (conversion.kind == 'C' || conversion.kind == 'S') {
    conversion.kind = conversion.kind == 'C' ? 'c' : 's';
    conversion.character = sizeof(wchar_t);
  }
  return conversion;
}

/// Tells of what the first `assigned` conversions have stored. Arguments by number are not
/// followed.
void note_stores(const char* format, int assigned, va_list arguments, uptr pc) {
  while ((format = std::strchr(format, '%')) != nullptr) {
    const Conversion conversion = read_conversion(++format);
    if (conversion.kind == '\0' || conversion.kind == '$') {
      return;
    }
    if (conversion.kind == '%' || !conversion.assigns) {
      continue;
    }
    if (conversion.kind != 'n' && assigned-- <= 0) {
      return;
    }
    void* const stored = va_arg(arguments, void*);
    __tsan_write_range_pc(stored, conversion.size(stored), reinterpret_cast<void*>(pc));
  }
}

template <class Source>
int scan(int (*original)(Source, const char*, va_list), Source source, const char* format,
         va_list arguments, uptr pc) {
  va_list again;
  va_copy(again, arguments);
  const int assigned = original(source, format, arguments);
  if (current_thread != nullptr) {
    note_stores(format, assigned, again, pc);
  }
  va_end(again);
  return assigned;
}

}  // namespace

// Not in the namespace above: the originals are looked for by weak declarations.
static int scan_file(std::FILE* file, const char* format, va_list arguments, uptr pc) {
  return scan(HEDDLE_ORIGINAL(__isoc99_vfscanf), file, format, arguments, pc);
}

static int scan_text(const char* text, const char* format, va_list arguments, uptr pc) {
  return scan(HEDDLE_ORIGINAL(__isoc99_vsscanf), text, format, arguments, pc);
}

HEDDLE_HOOK int __isoc99_vfscanf(std::FILE* file, const char* format, va_list arguments) {
  return scan_file(file, format, arguments, HEDDLE_PC);
}

HEDDLE_HOOK int __isoc99_vscanf(const char* format, va_list arguments) {
  return scan_file(stdin, format, arguments, HEDDLE_PC);
}

HEDDLE_HOOK int __isoc99_vsscanf(const char* text, const char* format, va_list arguments) {
  return scan_text(text, format, arguments, HEDDLE_PC);
}

HEDDLE_HOOK int __isoc99_fscanf(std::FILE* file, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int assigned = scan_file(file, format, arguments, HEDDLE_PC);
  va_end(arguments);
  return assigned;
}

HEDDLE_HOOK int __isoc99_scanf(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int assigned = scan_file(stdin, format, arguments, HEDDLE_PC);
  va_end(arguments);
  return assigned;
}

HEDDLE_HOOK int __isoc99_sscanf(const char* text, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int assigned = scan_text(text, format, arguments, HEDDLE_PC);
  va_end(arguments);
  return assigned;
}
