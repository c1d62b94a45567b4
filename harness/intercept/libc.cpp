// The rest of the C and C++ runtime that an execution must own: static locals, exits, time, sleep,
// and the futex system call.
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "exec/faults.hpp"
#include "intercept/hook.hpp"
#include "intercept/time.hpp"

using heddle::u32;
using heddle::u64;
using heddle::exec::FindingKind;
using heddle::exec::RuntimeScope;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::engine;
using heddle::intercept::to_nanoseconds;
using heddle::intercept::to_timespec;

// ---- static locals ----

HEDDLE_HOOK int __cxa_guard_acquire(u64* guard) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    static auto* function = heddle::intercept::original<int(u64*)>("__cxa_guard_acquire");
    return function(guard);
  }
  return engine().guard_acquire(*thread, guard, HEDDLE_PC) ? 1 : 0;
}

HEDDLE_HOOK void __cxa_guard_release(u64* guard) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    static auto* function = heddle::intercept::original<void(u64*)>("__cxa_guard_release");
    return function(guard);
  }
  engine().guard_release(*thread, guard, true, HEDDLE_PC);
}

HEDDLE_HOOK void __cxa_guard_abort(u64* guard) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    static auto* function = heddle::intercept::original<void(u64*)>("__cxa_guard_abort");
    return function(guard);
  }
  engine().guard_release(*thread, guard, false, HEDDLE_PC);
}

// ---- exits ----

HEDDLE_HOOK int __cxa_atexit(void (*function)(void*), void* argument, void* library) noexcept {
  if (current_thread != nullptr) {
    engine().at_exit(function, argument);
    return 0;
  }
  static auto* original =
      heddle::intercept::original<int(void (*)(void*), void*, void*)>("__cxa_atexit");
  return original(function, argument, library);
}

HEDDLE_HOOK void abort() noexcept { heddle::exec::on_abort(HEDDLE_PC); }

HEDDLE_HOOK void __assert_fail(const char* assertion, const char* file, unsigned line,
                               const char* function) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    HEDDLE_ORIGINAL(__assert_fail)(assertion, file, line, function);
    __builtin_unreachable();
  }
  const RuntimeScope runtime;
  heddle::Text<600> message;
  message.add("assertion '%s' failed in T%u (%s)", assertion, heddle::to_index(thread->id),
              function);
  engine().report(*thread, FindingKind::kCrash, "assertion", HEDDLE_PC, message.data);
  __builtin_unreachable();
}

HEDDLE_HOOK void exit(int status) noexcept {
  if (current_thread != nullptr) {
    engine().abandon();  // ends the execution, not the process
  }
  HEDDLE_ORIGINAL(exit)(status);
  __builtin_unreachable();
}

// ---- time ----

HEDDLE_HOOK int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (current_thread == nullptr) {
    return HEDDLE_ORIGINAL(clock_gettime)(clock, time);
  }
  *time = to_timespec(engine().virtual_now_ns());
  return 0;
}

HEDDLE_HOOK int gettimeofday(timeval* time, void* zone) noexcept {
  if (current_thread == nullptr) {
    return HEDDLE_ORIGINAL(gettimeofday)(time, zone);
  }
  const timespec now = to_timespec(engine().virtual_now_ns());
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

HEDDLE_HOOK time_t time(time_t* out) noexcept {
  if (current_thread == nullptr) {
    return HEDDLE_ORIGINAL(time)(out);
  }
  const time_t now = to_timespec(engine().virtual_now_ns()).tv_sec;
  if (out != nullptr) {
    *out = now;
  }
  return now;
}

HEDDLE_HOOK int nanosleep(const timespec* duration, timespec* remaining) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(nanosleep)(duration, remaining);
  }
  engine().sleep(*thread, engine().virtual_now_ns() + to_nanoseconds(*duration), HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int clock_nanosleep(clockid_t clock, int flags, const timespec* time,
                                timespec* remaining) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(clock_nanosleep)(clock, flags, time, remaining);
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
  engine().sleep(*thread, engine().virtual_now_ns() + u64{microseconds} * 1000, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK unsigned sleep(unsigned seconds) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(sleep)(seconds);
  }
  engine().sleep(*thread, engine().virtual_now_ns() + u64{seconds} * 1'000'000'000, HEDDLE_PC);
  return 0;
}

// ---- system calls made by name ----

HEDDLE_HOOK long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) {
    argument = va_arg(list, long);
  }
  va_end(list);
  Thread* thread = current_thread;
  if (thread == nullptr || number != SYS_futex) {
    static auto* function = heddle::intercept::original<long(long, ...)>("syscall");
    return function(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                    arguments[5]);
  }
  void* word = reinterpret_cast<void*>(arguments[0]);
  const int operation = static_cast<int>(arguments[1]) & FUTEX_CMD_MASK;
  const u32 value = static_cast<u32>(arguments[2]);
  if (operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET) {
    // FUTEX_WAIT takes a duration, FUTEX_WAIT_BITSET a point in time.
    const auto* timeout = reinterpret_cast<const timespec*>(arguments[3]);
    const u64 deadline =
        timeout == nullptr
            ? heddle::exec::kNever
            : to_nanoseconds(*timeout) + (operation == FUTEX_WAIT ? engine().virtual_now_ns() : 0);
    const int error = engine().futex_wait(*thread, word, value, deadline, HEDDLE_PC);
    errno = error;
    return error == 0 ? 0 : -1;
  }
  if (operation == FUTEX_WAKE || operation == FUTEX_WAKE_BITSET) {
    return static_cast<long>(engine().futex_wake(*thread, word, value, HEDDLE_PC));
  }
  heddle::Text<100> message;
  message.add("futex operation %d is not supported", operation);
  engine().report(*thread, FindingKind::kUnsupported, "futex", HEDDLE_PC, message.data);
  return -1;
}
