// In-target world. What of the executable belongs to the program, not to Heddle.
#pragma once

#include "base/types.hpp"

// Defined by program/begin.c and program/end.c, which heddle-cc links around a program's objects.
extern "C" {
extern char heddle_data_begin[] __attribute__((weak));
extern char heddle_data_end[] __attribute__((weak));
extern char heddle_bss_begin[] __attribute__((weak));
extern char heddle_bss_end[] __attribute__((weak));
void heddle_text_begin() __attribute__((weak));
void heddle_text_end() __attribute__((weak));
}

namespace heddle::process {

/// True if this executable was linked by heddle-cc.
inline bool is_program_linked() { return heddle_data_begin != nullptr; }

inline bool is_program_data(uptr address) {
  const auto between = [address](const char* begin, const char* end) {
    return address >= reinterpret_cast<uptr>(begin) && address < reinterpret_cast<uptr>(end);
  };
  return between(heddle_data_begin, heddle_data_end) || between(heddle_bss_begin, heddle_bss_end);
}

inline bool is_program_code(uptr pc) {
  return pc > reinterpret_cast<uptr>(heddle_text_begin) &&
         pc < reinterpret_cast<uptr>(heddle_text_end);
}

}  // namespace heddle::process
