// In-target world. Text in fixed buffers, for messages made inside hooks.
#pragma once

#include <cstdarg>
#include <cstdio>

#include "base/types.hpp"

namespace heddle {

/// By hand: the C library's functions are interceptors of sanitizers, too.
inline bool is_same(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) {
    ++a;
    ++b;
  }
  return *a == *b;
}

/// A truncating, always terminated string of at most N - 1 bytes.
template <u32 N>
struct Text {
  char data[N] = {};
  u32 length = 0;

  void clear() {
    length = 0;
    data[0] = '\0';
  }

  __attribute__((format(printf, 2, 3))) void add(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int written = std::vsnprintf(data + length, N - length, format, arguments);
    va_end(arguments);
    if (written > 0) {
      const u32 grown = length + static_cast<u32>(written);
      length = grown < N ? grown : N - 1;
    }
  }
};

}  // namespace heddle
