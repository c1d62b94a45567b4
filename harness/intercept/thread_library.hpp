// In-target world. The thread library by what it does; POSIX and C11 spell it differently.
#pragma once

#include <pthread.h>

#include "intercept/hook.hpp"

namespace heddle::intercept {

// Each returns what its pthread_ namesake does. `pc` is where the program called.
int create_thread(Thread& thread, pthread_t* handle, const pthread_attr_t* attributes,
                  void* (*entry)(void*), void* argument, uptr pc);
int join_thread(Thread& thread, pthread_t handle, void** result, u64 deadline_ns, uptr pc);
int join_thread(Thread& thread, pthread_t handle, void** result, const timespec& until, uptr pc);
/// Ends the calling thread: C's clean-up handlers, C++'s destructors, then the thread itself.
[[noreturn]] void exit_thread(Thread& thread, void* result);
/// The first byte at `once` marks that `initialise` has run.
void run_once(Thread& thread, void* once, void (*initialise)(), uptr pc);
int lock_mutex(Thread& thread, pthread_mutex_t* mutex, u64 deadline_ns, uptr pc);
int lock_mutex(Thread& thread, pthread_mutex_t* mutex, const timespec& until, uptr pc);
int unlock_mutex(Thread& thread, pthread_mutex_t* mutex, uptr pc);
/// Of a type that is there to tell who does not own it so. POSIX asks it of recursive ones, too,
/// but C++ does not of those that it makes of them, and nobody looks.
bool tells_strangers(const pthread_mutex_t* mutex);
int wait_for_condition(Thread& thread, pthread_cond_t* condition, pthread_mutex_t* mutex,
                       u64 deadline_ns, uptr pc);
int wait_for_condition(Thread& thread, pthread_cond_t* condition, pthread_mutex_t* mutex,
                       const timespec& until, uptr pc);
int notify_condition(Thread& thread, pthread_cond_t* condition, bool all, uptr pc);

/// Runs `initialise`, the C library's own, for an object of `size` bytes at `object`.
template <class Initialise>
int initialise_object(void* object, uptr size, const char* what, uptr pc, Initialise initialise) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return initialise();
  }
  check_poison(object, size, true, pc);
  engine().init_sync(*thread, object, size, what, pc);
  const exec::RuntimeScope runtime;
  return initialise();
}

/// Ends an object's life; a finding if it is in use.
inline int destroy_object(Thread& thread, void* object, const char* what, uptr pc) {
  check_poison(object, 1, true, pc);
  engine().destroy_sync(thread, object, what, pc);
  return 0;
}

}  // namespace heddle::intercept
