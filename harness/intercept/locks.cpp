// pthread mutexes, condition variables, reader-writer locks, spin locks.
#include <cerrno>
#include <pthread.h>

#include "intercept/hook.hpp"
#include "intercept/time.hpp"

using heddle::uptr;
using heddle::exec::FindingKind;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::engine;
using heddle::intercept::to_nanoseconds;

namespace {

enum class MutexType { kNormal, kRecursive, kErrorCheck };

// The type is where pthread_mutex_init and the static initialisers of the C library put it.
MutexType type_of(const pthread_mutex_t* mutex) {
  switch (mutex->__data.__kind & 3) {
    case PTHREAD_MUTEX_RECURSIVE_NP: return MutexType::kRecursive;
    case PTHREAD_MUTEX_ERRORCHECK_NP: return MutexType::kErrorCheck;
    default: return MutexType::kNormal;
  }
}

bool owns(Thread& thread, void* object) {
  const uptr address = reinterpret_cast<uptr>(object);
  return engine().variable_at(address, engine().shadow().cell(address & ~uptr{7})).owner ==
         thread.id;
}

int unlock_by_stranger(Thread& thread, uptr pc, const char* message) {
  engine().report(thread, FindingKind::kMisuse, "unlock-not-owner", pc, message);
  return EPERM;
}

}  // namespace

HEDDLE_HOOK int pthread_mutex_destroy(pthread_mutex_t* mutex) noexcept {
  if (Thread* thread = current_thread) {
    engine().destroy_sync(*thread, mutex, "mutex", HEDDLE_PC);
    return 0;
  }
  return HEDDLE_ORIGINAL(pthread_mutex_destroy)(mutex);
}

HEDDLE_HOOK int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_mutex_lock)(mutex);
  }
  heddle::intercept::check_poison(mutex, sizeof(int), true);
  const MutexType type = type_of(mutex);
  if (type == MutexType::kErrorCheck && owns(*thread, mutex)) {
    return EDEADLK;
  }
  engine().mutex_lock(*thread, mutex, type == MutexType::kRecursive, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_mutex_trylock)(mutex);
  }
  heddle::intercept::check_poison(mutex, sizeof(int), true);
  return engine().mutex_try_lock(*thread, mutex, type_of(mutex) == MutexType::kRecursive, HEDDLE_PC)
             ? 0
             : EBUSY;
}

HEDDLE_HOOK int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_mutex_unlock)(mutex);
  }
  heddle::intercept::check_poison(mutex, sizeof(int), true);
  if (engine().mutex_unlock(*thread, mutex, HEDDLE_PC)) {
    return 0;
  }
  return type_of(mutex) == MutexType::kNormal
             ? unlock_by_stranger(*thread, HEDDLE_PC,
                                  "unlock of a mutex that the thread does not hold")
             : EPERM;
}

HEDDLE_HOOK int pthread_cond_init(pthread_cond_t* condition,
                                  const pthread_condattr_t* attributes) noexcept {
  return HEDDLE_ORIGINAL(pthread_cond_init)(condition, attributes);
}

HEDDLE_HOOK int pthread_cond_destroy(pthread_cond_t* condition) noexcept {
  if (Thread* thread = current_thread) {
    engine().destroy_sync(*thread, condition, "condition variable", HEDDLE_PC);
    return 0;
  }
  return HEDDLE_ORIGINAL(pthread_cond_destroy)(condition);
}

HEDDLE_HOOK int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_cond_wait)(condition, mutex);
  }
  engine().condition_wait(*thread, condition, mutex, heddle::exec::kNever, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                       const timespec* until) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_cond_timedwait)(condition, mutex, until);
  }
  return engine().condition_wait(*thread, condition, mutex, to_nanoseconds(*until), HEDDLE_PC)
             ? 0
             : ETIMEDOUT;
}

HEDDLE_HOOK int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                       clockid_t clock, const timespec* until) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_cond_clockwait)(condition, mutex, clock, until);
  }
  return engine().condition_wait(*thread, condition, mutex, to_nanoseconds(*until), HEDDLE_PC)
             ? 0
             : ETIMEDOUT;
}

HEDDLE_HOOK int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_cond_signal)(condition);
  }
  engine().condition_notify(*thread, condition, false, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_cond_broadcast)(condition);
  }
  engine().condition_notify(*thread, condition, true, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int pthread_rwlock_destroy(pthread_rwlock_t* lock) noexcept {
  if (Thread* thread = current_thread) {
    engine().destroy_sync(*thread, lock, "reader-writer lock", HEDDLE_PC);
    return 0;
  }
  return HEDDLE_ORIGINAL(pthread_rwlock_destroy)(lock);
}

HEDDLE_HOOK int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_rwlock_rdlock)(lock);
  }
  if (owns(*thread, lock)) {
    return EDEADLK;
  }
  engine().lock_shared(*thread, lock, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int pthread_rwlock_tryrdlock(pthread_rwlock_t* lock) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_rwlock_tryrdlock)(lock);
  }
  return engine().try_lock_shared(*thread, lock, HEDDLE_PC) ? 0 : EBUSY;
}

HEDDLE_HOOK int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_rwlock_wrlock)(lock);
  }
  if (owns(*thread, lock)) {
    return EDEADLK;
  }
  engine().lock_exclusive(*thread, lock, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int pthread_rwlock_trywrlock(pthread_rwlock_t* lock) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_rwlock_trywrlock)(lock);
  }
  return engine().try_lock_exclusive(*thread, lock, HEDDLE_PC) ? 0 : EBUSY;
}

HEDDLE_HOOK int pthread_rwlock_unlock(pthread_rwlock_t* lock) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_rwlock_unlock)(lock);
  }
  if (engine().rwlock_unlock(*thread, lock, HEDDLE_PC)) {
    return 0;
  }
  return unlock_by_stranger(*thread, HEDDLE_PC, "unlock of a reader-writer lock that nobody holds");
}

HEDDLE_HOOK int pthread_spin_lock(pthread_spinlock_t* lock) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_spin_lock)(lock);
  }
  engine().mutex_lock(*thread, const_cast<int*>(lock), false, HEDDLE_PC);
  return 0;
}

HEDDLE_HOOK int pthread_spin_trylock(pthread_spinlock_t* lock) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_spin_trylock)(lock);
  }
  return engine().mutex_try_lock(*thread, const_cast<int*>(lock), false, HEDDLE_PC) ? 0 : EBUSY;
}

HEDDLE_HOOK int pthread_spin_unlock(pthread_spinlock_t* lock) noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_spin_unlock)(lock);
  }
  if (engine().mutex_unlock(*thread, const_cast<int*>(lock), HEDDLE_PC)) {
    return 0;
  }
  return unlock_by_stranger(*thread, HEDDLE_PC,
                            "unlock of a spin lock that the thread does not hold");
}
