// pthread reader-writer locks.
#include <cerrno>

#include "intercept/thread_library.hpp"
#include "intercept/time.hpp"

using heddle::u64;
using heddle::uptr;
using heddle::exec::FindingKind;
using heddle::exec::kAtOnce;
using heddle::exec::kNever;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::destroy_object;
using heddle::intercept::engine;
using heddle::intercept::initialise_object;
using heddle::intercept::wait_until;

namespace {

int lock(Thread& thread, pthread_rwlock_t* object, bool shared, u64 deadline_ns, uptr pc) {
  heddle::intercept::check_poison(object, sizeof *object, true, pc);
  if (deadline_ns != kAtOnce && engine().owns(thread, object)) {
    return EDEADLK;
  }
  const bool locked = shared ? engine().lock_shared(thread, object, deadline_ns, pc)
                             : engine().lock_exclusive(thread, object, deadline_ns, pc);
  return locked ? 0 : deadline_ns == kAtOnce ? EBUSY : ETIMEDOUT;
}

int lock(Thread& thread, pthread_rwlock_t* object, bool shared, const timespec& until, uptr pc) {
  return wait_until(until,
                    [&](u64 deadline) { return lock(thread, object, shared, deadline, pc); });
}

}  // namespace

HEDDLE_HOOK int pthread_rwlock_init(pthread_rwlock_t* object,
                                    const pthread_rwlockattr_t* attributes) noexcept {
  return initialise_object(object, sizeof *object, "reader-writer lock", HEDDLE_PC, [&] {
    return HEDDLE_ORIGINAL(pthread_rwlock_init)(object, attributes);
  });
}

HEDDLE_HOOK int pthread_rwlock_destroy(pthread_rwlock_t* object) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_rwlock_destroy)(object)
                           : destroy_object(*thread, object, "reader-writer lock", HEDDLE_PC);
}

// The functions that lock differ in mode and deadline only.
#define RWLOCK_HOOK(name, shared, deadline)                                        \
  HEDDLE_HOOK int name(pthread_rwlock_t* object) noexcept {                        \
    Thread* thread = current_thread;                                               \
    return thread == nullptr ? HEDDLE_ORIGINAL(name)(object)                       \
                             : lock(*thread, object, shared, deadline, HEDDLE_PC); \
  }
RWLOCK_HOOK(pthread_rwlock_rdlock, true, kNever)
RWLOCK_HOOK(pthread_rwlock_tryrdlock, true, kAtOnce)
RWLOCK_HOOK(pthread_rwlock_wrlock, false, kNever)
RWLOCK_HOOK(pthread_rwlock_trywrlock, false, kAtOnce)

#define RWLOCK_TIMED_HOOK(name, shared)                                            \
  HEDDLE_HOOK int name(pthread_rwlock_t* object, const timespec* until) noexcept { \
    Thread* thread = current_thread;                                               \
    return thread == nullptr ? HEDDLE_ORIGINAL(name)(object, until)                \
                             : lock(*thread, object, shared, *until, HEDDLE_PC);   \
  }
RWLOCK_TIMED_HOOK(pthread_rwlock_timedrdlock, true)
RWLOCK_TIMED_HOOK(pthread_rwlock_timedwrlock, false)

#define RWLOCK_CLOCK_HOOK(name, shared)                                    \
  HEDDLE_HOOK int name(pthread_rwlock_t* object, clockid_t clock,          \
                       const timespec* until) noexcept {                   \
    Thread* thread = current_thread;                                       \
    return thread == nullptr ? HEDDLE_ORIGINAL(name)(object, clock, until) \
           : heddle::intercept::can_wait_by(clock)                         \
               ? lock(*thread, object, shared, *until, HEDDLE_PC)          \
               : EINVAL;                                                   \
  }
RWLOCK_CLOCK_HOOK(pthread_rwlock_clockrdlock, true)
RWLOCK_CLOCK_HOOK(pthread_rwlock_clockwrlock, false)

HEDDLE_HOOK int pthread_rwlock_unlock(pthread_rwlock_t* object) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_rwlock_unlock)(object);
  }
  heddle::intercept::check_poison(object, sizeof *object, true, HEDDLE_PC);
  if (engine().rwlock_unlock(*thread, object, HEDDLE_PC)) {
    return 0;
  }
  engine().report(*thread, FindingKind::kMisuse, "unlock-not-owner", HEDDLE_PC,
                  "unlock of a reader-writer lock that the thread does not hold");
  return EPERM;
}
