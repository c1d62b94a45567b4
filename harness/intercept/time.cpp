// Clocks and sleeps. Inside of an execution all clocks show virtual time.
#include <cerrno>
#include <poll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/times.h>
#include <threads.h>
#include <unistd.h>

#include "intercept/hook.hpp"
#include "intercept/time.hpp"

using heddle::u64;
using heddle::uptr;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::engine;
using heddle::intercept::is_valid;
using heddle::intercept::to_nanoseconds;
using heddle::intercept::to_timespec;

namespace {

constexpr u64 kSecondNs = 1'000'000'000;

timespec look(Thread& thread, uptr pc) { return to_timespec(engine().read_clock(thread, pc)); }

void sleep_for(Thread& thread, u64 nanoseconds, uptr pc) {
  engine().sleep(thread, engine().virtual_now_ns() + nanoseconds, pc);
}

}  // namespace

HEDDLE_HOOK int clock_gettime(clockid_t clock, timespec* time) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(clock_gettime)(clock, time);
  }
  *time = look(*thread, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int timespec_get(timespec* time, int base) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(timespec_get)(time, base);
  }
  *time = look(*thread, HEDDLE_PC);
  return base;
}

HEDDLE_HOOK int gettimeofday(timeval* time, void* zone) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(gettimeofday)(time, zone);
  }
  const timespec now = look(*thread, HEDDLE_PC);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

HEDDLE_HOOK time_t time(time_t* out) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(time)(out);
  }
  const time_t now = look(*thread, HEDDLE_PC).tv_sec;
  if (out != nullptr) {
    *out = now;
  }
  return now;
}

HEDDLE_HOOK clock_t clock() noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(clock)();
  }
  const u64 now = engine().read_clock(*thread, HEDDLE_PC);
  return static_cast<clock_t>(now / (kSecondNs / CLOCKS_PER_SEC));
}

HEDDLE_HOOK clock_t times(tms* out) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(times)(out);
  }
  const auto ticks = static_cast<clock_t>(engine().read_clock(*thread, HEDDLE_PC) /
                                          (kSecondNs / 100));  // sysconf(_SC_CLK_TCK)
  if (out != nullptr) {
    *out = tms{ticks, 0, 0, 0};
  }
  return ticks;
}

// What reading the processor's counter has become; see instrumentation/machine_instructions.cpp.
// In an execution a cycle takes a nanosecond.
HEDDLE_HOOK u64 __heddle_read_cycles() {
  Thread* thread = current_thread;
  return thread == nullptr ? __builtin_ia32_rdtsc() : engine().read_clock(*thread, HEDDLE_PC);
}

HEDDLE_HOOK int nanosleep(const timespec* duration, timespec* remaining) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(nanosleep)(duration, remaining);
  }
  if (!is_valid(*duration) || duration->tv_sec < 0) {
    errno = EINVAL;
    return -1;
  }
  sleep_for(*thread, to_nanoseconds(*duration), HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int thrd_sleep(const timespec* duration, timespec* remaining) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(thrd_sleep)(duration, remaining);
  }
  if (!is_valid(*duration) || duration->tv_sec < 0) {
    return -2;
  }
  sleep_for(*thread, to_nanoseconds(*duration), HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int clock_nanosleep(clockid_t clock, int flags, const timespec* time,
                                timespec* remaining) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(clock_nanosleep)(clock, flags, time, remaining);
  }
  if (!is_valid(*time)) {
    return EINVAL;
  }
  const u64 wanted = to_nanoseconds(*time);
  const bool absolute = (flags & TIMER_ABSTIME) != 0;
  engine().sleep(*thread, absolute ? wanted : engine().virtual_now_ns() + wanted, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int usleep(useconds_t microseconds) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(usleep)(microseconds);
  }
  sleep_for(*thread, u64{microseconds} * 1000, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK unsigned sleep(unsigned seconds) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(sleep)(seconds);
  }
  sleep_for(*thread, u64{seconds} * kSecondNs, HEDDLE_PC);
  return 0;
}

// Without descriptors these are sleeps that old code likes.
HEDDLE_HOOK int select(int count, fd_set* reads, fd_set* writes, fd_set* exceptions,
                       timeval* timeout) {
  Thread* thread = current_thread;
  if (thread == nullptr || count != 0 || timeout == nullptr) {
    return HEDDLE_ORIGINAL(select)(count, reads, writes, exceptions, timeout);
  }
  sleep_for(
      *thread,
      static_cast<u64>(timeout->tv_sec) * kSecondNs + static_cast<u64>(timeout->tv_usec) * 1000,
      HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int poll(pollfd* descriptors, nfds_t count, int milliseconds) {
  Thread* thread = current_thread;
  if (thread == nullptr || count != 0 || milliseconds < 0) {
    return HEDDLE_ORIGINAL(poll)(descriptors, count, milliseconds);
  }
  sleep_for(*thread, static_cast<u64>(milliseconds) * 1'000'000, HEDDLE_PC);
  return 0;
}
