#include "base/invariant.hpp"

#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace heddle {

int error_output = STDERR_FILENO;

namespace {

[[noreturn]] void die(int code, const char* text, std::size_t length) {
  // write and _exit only: this may run on a fiber, inside a signal handler, or inside malloc.
  while (length > 0) {
    const ssize_t written = ::write(error_output, text, length);
    if (written <= 0) {
      break;
    }
    text += written;
    length -= static_cast<std::size_t>(written);
  }
  ::_exit(code);
}

}  // namespace

void internal_bug(const char* condition, const char* file, int line) {
  char text[512];
  const int length = std::snprintf(
      text, sizeof text, "[heddle internal bug] %s:%d: %s does not hold\n", file, line, condition);
  die(6, text,
      static_cast<std::size_t>(length) < sizeof text ? static_cast<std::size_t>(length)
                                                     : sizeof text - 1);
}

void environment_failure(const char* what) {
  char text[512];
  const int length = std::snprintf(text, sizeof text, "heddle: %s\n", what);
  die(5, text,
      static_cast<std::size_t>(length) < sizeof text ? static_cast<std::size_t>(length)
                                                     : sizeof text - 1);
}

}  // namespace heddle
