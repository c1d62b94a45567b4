// pthread mutexes and spin locks.
#include <cerrno>

#include "intercept/origin.hpp"
#include "intercept/thread_library.hpp"
#include "intercept/time.hpp"

using heddle::u64;
using heddle::uptr;
using heddle::exec::FindingKind;
using heddle::exec::kAtOnce;
using heddle::exec::kNever;
using heddle::exec::LockResult;
using heddle::exec::MutexType;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::destroy_object;
using heddle::intercept::engine;
using heddle::intercept::initialise_object;
using heddle::intercept::lock_mutex;
using heddle::intercept::unlock_mutex;

namespace {

constexpr int kTypeBits = 3;
constexpr int kRobustBit = 16;

// The type is where pthread_mutex_init and the static initialisers of the C library put it.
bool has_type(const pthread_mutex_t* mutex, int type) {
  return (mutex->__data.__kind & kTypeBits) == type;
}

MutexType type_of(const pthread_mutex_t* mutex) {
  return MutexType{has_type(mutex, PTHREAD_MUTEX_RECURSIVE_NP),
                   (mutex->__data.__kind & kRobustBit) != 0};
}

int error_of(LockResult result, u64 deadline_ns) {
  switch (result) {
    case LockResult::kAcquired: return 0;
    case LockResult::kRefused: return deadline_ns == kAtOnce ? EBUSY : ETIMEDOUT;
    case LockResult::kOwnerDied: return EOWNERDEAD;
    case LockResult::kNotRecoverable: return ENOTRECOVERABLE;
  }
  return EINVAL;
}

// As the C library does; whoever makes a new one there, statically or not, overwrites it.
constexpr int kDestroyed = -1;

void refuse_destroyed(Thread& thread, const pthread_mutex_t* mutex, uptr pc) {
  if (mutex->__data.__kind == kDestroyed) {
    engine().report(thread, FindingKind::kMisuse, "use-after-destroy", pc,
                    "use of a mutex that was destroyed");
  }
}

void* object_of(pthread_spinlock_t* lock) { return const_cast<int*>(lock); }

}  // namespace

namespace heddle::intercept {

bool tells_strangers(const pthread_mutex_t* mutex) {
  return has_type(mutex, PTHREAD_MUTEX_ERRORCHECK_NP) || type_of(mutex).robust;
}

int lock_mutex(Thread& thread, pthread_mutex_t* mutex, u64 deadline_ns, uptr pc) {
  check_poison(mutex, sizeof(int), true, pc);
  refuse_destroyed(thread, mutex, pc);
  note_library(exec::Uncontrolled::kLockOfLibrary, "pthread_mutex_lock", pc);
  if (deadline_ns != kAtOnce && has_type(mutex, PTHREAD_MUTEX_ERRORCHECK_NP) &&
      engine().owns(thread, mutex)) {
    return EDEADLK;
  }
  return error_of(engine().mutex_lock(thread, mutex, type_of(mutex), deadline_ns, pc), deadline_ns);
}

int lock_mutex(Thread& thread, pthread_mutex_t* mutex, const timespec& until, uptr pc) {
  return wait_until(until, [&](u64 deadline) { return lock_mutex(thread, mutex, deadline, pc); });
}

int unlock_mutex(Thread& thread, pthread_mutex_t* mutex, uptr pc) {
  check_poison(mutex, sizeof(int), true, pc);
  refuse_destroyed(thread, mutex, pc);
  if (engine().mutex_unlock(thread, mutex, pc)) {
    return 0;
  }
  if (!tells_strangers(mutex)) {
    engine().report(thread, FindingKind::kMisuse, "unlock-not-owner", pc,
                    "unlock of a mutex that the thread does not hold");
  }
  return EPERM;
}

}  // namespace heddle::intercept

HEDDLE_HOOK int pthread_mutex_init(pthread_mutex_t* mutex,
                                   const pthread_mutexattr_t* attributes) noexcept {
  return initialise_object(mutex, sizeof *mutex, "mutex", HEDDLE_PC,
                           [&] { return HEDDLE_ORIGINAL(pthread_mutex_init)(mutex, attributes); });
}

HEDDLE_HOOK int pthread_mutex_destroy(pthread_mutex_t* mutex) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_mutex_destroy)(mutex);
  }
  refuse_destroyed(*thread, mutex, HEDDLE_PC);
  destroy_object(*thread, mutex, "mutex", HEDDLE_PC);
  engine().plain_range(*thread, reinterpret_cast<uptr>(mutex), sizeof *mutex, true, HEDDLE_PC);
  mutex->__data.__kind = kDestroyed;
  return 0;
}

HEDDLE_HOOK int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_mutex_lock)(mutex)
                           : lock_mutex(*thread, mutex, kNever, HEDDLE_PC);
}

HEDDLE_HOOK int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_mutex_trylock)(mutex)
                           : lock_mutex(*thread, mutex, kAtOnce, HEDDLE_PC);
}

HEDDLE_HOOK int pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* until) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_mutex_timedlock)(mutex, until)
                           : lock_mutex(*thread, mutex, *until, HEDDLE_PC);
}

HEDDLE_HOOK int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock,
                                        const timespec* until) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_mutex_clocklock)(mutex, clock, until)
         : heddle::intercept::can_wait_by(clock) ? lock_mutex(*thread, mutex, *until, HEDDLE_PC)
                                                 : EINVAL;
}

HEDDLE_HOOK int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_mutex_unlock)(mutex)
                           : unlock_mutex(*thread, mutex, HEDDLE_PC);
}

HEDDLE_HOOK int pthread_mutex_consistent(pthread_mutex_t* mutex) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_mutex_consistent)(mutex);
  }
  return engine().mutex_make_consistent(*thread, mutex, HEDDLE_PC) ? 0 : EINVAL;
}

HEDDLE_HOOK int pthread_spin_init(pthread_spinlock_t* lock, int shared) noexcept {
  return initialise_object(object_of(lock), sizeof *lock, "spin lock", HEDDLE_PC,
                           [&] { return HEDDLE_ORIGINAL(pthread_spin_init)(lock, shared); });
}

HEDDLE_HOOK int pthread_spin_destroy(pthread_spinlock_t* lock) noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_spin_destroy)(lock)
                           : destroy_object(*thread, object_of(lock), "spin lock", HEDDLE_PC);
}

HEDDLE_HOOK int pthread_spin_lock(pthread_spinlock_t* lock) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_spin_lock)(lock);
  }
  heddle::intercept::check_poison(object_of(lock), sizeof *lock, true, HEDDLE_PC);
  engine().mutex_lock(*thread, object_of(lock), {}, kNever, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int pthread_spin_trylock(pthread_spinlock_t* lock) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_spin_trylock)(lock);
  }
  heddle::intercept::check_poison(object_of(lock), sizeof *lock, true, HEDDLE_PC);
  return error_of(engine().mutex_lock(*thread, object_of(lock), {}, kAtOnce, HEDDLE_PC), kAtOnce);
}

HEDDLE_HOOK int pthread_spin_unlock(pthread_spinlock_t* lock) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_spin_unlock)(lock);
  }
  heddle::intercept::check_poison(object_of(lock), sizeof *lock, true, HEDDLE_PC);
  if (engine().mutex_unlock(*thread, object_of(lock), HEDDLE_PC)) {
    return 0;
  }
  engine().report(*thread, FindingKind::kMisuse, "unlock-not-owner", HEDDLE_PC,
                  "unlock of a spin lock that the thread does not hold");
  return EPERM;
}
