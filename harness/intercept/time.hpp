// In-target world. Virtual time, in the C library's words.
#pragma once

#include <cerrno>
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

/// False for what the C library refuses with EINVAL.
inline bool is_valid(const timespec& time) {
  return time.tv_nsec >= 0 && time.tv_nsec < 1'000'000'000;
}

/// A deadline on the virtual clock, all of whose clocks show the same; at least 1, since 0 stands
/// for an attempt that does not wait.
inline u64 to_deadline(const timespec& time) {
  return time.tv_sec < 0 || to_nanoseconds(time) == 0 ? 1 : to_nanoseconds(time);
}

/// Whether waits may have a deadline on this clock.
constexpr bool can_wait_by(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}

/// An error of the thread library's: what `wait(deadline_ns)` returns, or that of a bad time.
template <class Wait>
int wait_until(const timespec& time, Wait wait) {
  return is_valid(time) ? wait(to_deadline(time)) : EINVAL;
}

}  // namespace heddle::intercept
