// In-target world. Virtual time, in the C library's words.
#pragma once

#include <ctime>

#include "base/types.hpp"

namespace heddle::intercept {

inline timespec to_timespec(u64 nanoseconds) {
  timespec time = {};
  time.tv_sec = static_cast<time_t>(nanoseconds / 1'000'000'000);
  time.tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000);
  return time;
}

inline u64 to_nanoseconds(const timespec& time) {
  return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

}  // namespace heddle::intercept
