// pthread condition variables and barriers, POSIX semaphores.
#include <cerrno>
#include <semaphore.h>
#include <utility>

#include "intercept/origin.hpp"
#include "intercept/thread_library.hpp"
#include "intercept/time.hpp"

using heddle::u32;
using heddle::u64;
using heddle::uptr;
using heddle::exec::FindingKind;
using heddle::exec::kAtOnce;
using heddle::exec::kNever;
using heddle::exec::Thread;
using heddle::intercept::can_wait_by;
using heddle::intercept::current_thread;
using heddle::intercept::destroy_object;
using heddle::intercept::engine;
using heddle::intercept::initialise_object;
using heddle::intercept::notify_condition;
using heddle::intercept::wait_for_condition;
using heddle::intercept::wait_until;

namespace heddle::intercept {

int wait_for_condition(Thread& thread, pthread_cond_t* condition, pthread_mutex_t* mutex,
                       u64 deadline_ns, uptr pc) {
  check_poison(condition, sizeof *condition, true, pc);
  check_poison(mutex, sizeof *mutex, true, pc);
  if (tells_strangers(mutex) && !engine().owns(thread, mutex)) {
    return EPERM;
  }
  return engine().condition_wait(thread, condition, mutex, deadline_ns, place_in_program(pc));
}

int wait_for_condition(Thread& thread, pthread_cond_t* condition, pthread_mutex_t* mutex,
                       const timespec& until, uptr pc) {
  return wait_until(until, [&](u64 deadline) {
    return wait_for_condition(thread, condition, mutex, deadline, pc);
  });
}

int notify_condition(Thread& thread, pthread_cond_t* condition, bool all, uptr pc) {
  check_poison(condition, sizeof *condition, true, pc);
  engine().condition_notify(thread, condition, all, pc);
  return 0;
}

}  // namespace heddle::intercept

namespace {

// The first words of the C library's barrier.
struct Barrier {
  u32 in;
  u32 round;
  u32 parties;
};

u32& parties_of(pthread_barrier_t* barrier) { return reinterpret_cast<Barrier*>(barrier)->parties; }

// Those that are initialised have parties; destruction takes them away.
void refuse_destroyed(Thread& thread, pthread_barrier_t* barrier, uptr pc) {
  if (parties_of(barrier) == 0) {
    engine().report(thread, FindingKind::kMisuse, "use-after-destroy", pc,
                    "use of a barrier that was destroyed, or never initialised");
  }
}

int take(Thread& thread, sem_t* semaphore, u64 deadline_ns, uptr pc) {
  heddle::intercept::check_poison(semaphore, sizeof *semaphore, true, pc);
  const bool taken = engine().semaphore_wait(thread, semaphore, deadline_ns, pc);
  return taken ? 0 : deadline_ns == kAtOnce ? EAGAIN : ETIMEDOUT;
}

int take(Thread& thread, sem_t* semaphore, const timespec& until, uptr pc) {
  return wait_until(until, [&](u64 deadline) { return take(thread, semaphore, deadline, pc); });
}

/// Semaphores tell of errors by errno.
int result_of(int error) {
  if (error == 0) {
    return 0;
  }
  errno = error;
  return -1;
}

}  // namespace

// ---- condition variables ----

HEDDLE_HOOK int pthread_cond_init(pthread_cond_t* condition,
                                  const pthread_condattr_t* attributes) noexcept {
  return initialise_object(condition, sizeof *condition, "condition variable", HEDDLE_PC, [&] {
    return HEDDLE_ORIGINAL(pthread_cond_init)(condition, attributes);
  });
}

HEDDLE_HOOK int pthread_cond_destroy(pthread_cond_t* condition) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_cond_destroy)(condition)
                           : destroy_object(*thread, condition, "condition variable", HEDDLE_PC);
}

HEDDLE_HOOK int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_cond_wait)(condition, mutex)
                           : wait_for_condition(*thread, condition, mutex, kNever, HEDDLE_PC);
}

HEDDLE_HOOK int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                       const timespec* until) {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_cond_timedwait)(condition, mutex, until)
                           : wait_for_condition(*thread, condition, mutex, *until, HEDDLE_PC);
}

HEDDLE_HOOK int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                       clockid_t clock, const timespec* until) {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_cond_clockwait)(condition, mutex, clock, until)
         : can_wait_by(clock) ? wait_for_condition(*thread, condition, mutex, *until, HEDDLE_PC)
                              : EINVAL;
}

HEDDLE_HOOK int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_cond_signal)(condition)
                           : notify_condition(*thread, condition, false, HEDDLE_PC);
}

HEDDLE_HOOK int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_cond_broadcast)(condition)
                           : notify_condition(*thread, condition, true, HEDDLE_PC);
}

// ---- barriers ----

HEDDLE_HOOK int pthread_barrier_init(pthread_barrier_t* barrier,
                                     const pthread_barrierattr_t* attributes,
                                     unsigned parties) noexcept {
  return initialise_object(barrier, sizeof *barrier, "barrier", HEDDLE_PC, [&] {
    return HEDDLE_ORIGINAL(pthread_barrier_init)(barrier, attributes, parties);
  });
}

HEDDLE_HOOK int pthread_barrier_destroy(pthread_barrier_t* barrier) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_barrier_destroy)(barrier);
  }
  refuse_destroyed(*thread, barrier, HEDDLE_PC);
  destroy_object(*thread, barrier, "barrier", HEDDLE_PC);
  engine().plain_range(*thread, reinterpret_cast<uptr>(barrier), sizeof *barrier, true, HEDDLE_PC);
  parties_of(barrier) = 0;
  return 0;
}

namespace {

// What the last wait outside of executions returned.
thread_local bool serial_outside = false;

bool wait_at(Thread& thread, pthread_barrier_t* barrier, bool asks, uptr pc) {
  heddle::intercept::check_poison(barrier, sizeof *barrier, true, pc);
  refuse_destroyed(thread, barrier, pc);
  return engine().barrier_wait(thread, barrier, parties_of(barrier), asks, pc);
}

}  // namespace

// Of code without heddle/system/pthread.h, or by its address.
HEDDLE_HOOK int pthread_barrier_wait(pthread_barrier_t* barrier) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_barrier_wait)(barrier);
  }
  return wait_at(*thread, barrier, true, HEDDLE_PC) ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

HEDDLE_HOOK int heddle_ask_for_serial() {
  if (Thread* thread = current_thread) {
    thread->asks = true;
  }
  return 1;
}

HEDDLE_HOOK void heddle_barrier_wait(pthread_barrier_t* barrier) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    serial_outside = pthread_barrier_wait(barrier) != 0;
    return;
  }
  wait_at(*thread, barrier, std::exchange(thread->asks, false), HEDDLE_PC);
}

HEDDLE_HOOK int heddle_is_serial(int) {
  return current_thread != nullptr ? current_thread->is_serial : serial_outside;
}

// ---- semaphores ----

HEDDLE_HOOK int sem_init(sem_t* semaphore, int shared, unsigned value) noexcept {
  return initialise_object(semaphore, sizeof *semaphore, "semaphore", HEDDLE_PC,
                           [&] { return HEDDLE_ORIGINAL(sem_init)(semaphore, shared, value); });
}

HEDDLE_HOOK int sem_destroy(sem_t* semaphore) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(sem_destroy)(semaphore)
                           : destroy_object(*thread, semaphore, "semaphore", HEDDLE_PC);
}

HEDDLE_HOOK int sem_wait(sem_t* semaphore) {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(sem_wait)(semaphore)
                           : result_of(take(*thread, semaphore, kNever, HEDDLE_PC));
}

HEDDLE_HOOK int sem_trywait(sem_t* semaphore) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(sem_trywait)(semaphore)
                           : result_of(take(*thread, semaphore, kAtOnce, HEDDLE_PC));
}

HEDDLE_HOOK int sem_timedwait(sem_t* semaphore, const timespec* until) {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(sem_timedwait)(semaphore, until)
                           : result_of(take(*thread, semaphore, *until, HEDDLE_PC));
}

HEDDLE_HOOK int sem_clockwait(sem_t* semaphore, clockid_t clock, const timespec* until) {
  Thread* thread = current_thread;
  return thread == nullptr
             ? HEDDLE_ORIGINAL(sem_clockwait)(semaphore, clock, until)
             : result_of(can_wait_by(clock) ? take(*thread, semaphore, *until, HEDDLE_PC) : EINVAL);
}

HEDDLE_HOOK int sem_post(sem_t* semaphore) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(sem_post)(semaphore);
  }
  heddle::intercept::check_poison(semaphore, sizeof *semaphore, true, HEDDLE_PC);
  return result_of(engine().semaphore_post(*thread, semaphore, HEDDLE_PC) ? 0 : EOVERFLOW);
}

HEDDLE_HOOK int sem_getvalue(sem_t* semaphore, int* value) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(sem_getvalue)(semaphore, value);
  }
  heddle::intercept::check_poison(semaphore, sizeof *semaphore, true, HEDDLE_PC);
  *value = static_cast<int>(engine().semaphore_value(*thread, semaphore, HEDDLE_PC));
  return 0;
}

HEDDLE_HOOK sem_t* sem_open(const char* name, int flags, ...) noexcept {
  Thread* thread = current_thread;
  if (thread != nullptr) {
    engine().report(*thread, FindingKind::kUnsupported, "named-semaphore", HEDDLE_PC,
                    "sem_open: semaphores shared with other processes cannot be scheduled");
  }
  __builtin_va_list list;
  __builtin_va_start(list, flags);
  const unsigned mode = __builtin_va_arg(list, unsigned);
  const unsigned value = __builtin_va_arg(list, unsigned);
  __builtin_va_end(list);
  return HEDDLE_ORIGINAL(sem_open)(name, flags, mode, value);
}
