// C11 threads. The C library's types are those of POSIX threads under other names.
#include <cerrno>
#include <threads.h>

#include "intercept/thread_library.hpp"

using heddle::exec::kAtOnce;
using heddle::exec::kNever;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::destroy_object;
using heddle::intercept::engine;
using heddle::intercept::lock_mutex;
using heddle::intercept::notify_condition;
using heddle::intercept::wait_for_condition;

namespace {

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t));

pthread_mutex_t* posix(mtx_t* mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex); }
pthread_cond_t* posix(cnd_t* condition) { return reinterpret_cast<pthread_cond_t*>(condition); }

int result_of(int error) {
  switch (error) {
    case 0: return thrd_success;
    case EBUSY: return thrd_busy;
    case ETIMEDOUT: return thrd_timedout;
    case ENOMEM: return thrd_nomem;
    default: return thrd_error;
  }
}

}  // namespace

HEDDLE_HOOK int thrd_create(thrd_t* thread, thrd_start_t entry, void* argument) {
  if (current_thread == nullptr) {
    return HEDDLE_ORIGINAL(thrd_create)(thread, entry, argument);
  }
  // The result comes back in the same register; of it, thrd_join takes the lower half.
  auto* posix_entry = reinterpret_cast<void* (*)(void*)>(reinterpret_cast<heddle::uptr>(entry));
  const int error = heddle::intercept::create_thread(*current_thread, thread, nullptr, posix_entry,
                                                     argument, HEDDLE_PC);
  return error == EAGAIN ? thrd_nomem : result_of(error);
}

HEDDLE_HOOK int thrd_join(thrd_t thread, int* result) {
  if (current_thread == nullptr) {
    return HEDDLE_ORIGINAL(thrd_join)(thread, result);
  }
  void* value = nullptr;
  const int error =
      heddle::intercept::join_thread(*current_thread, thread, &value, kNever, HEDDLE_PC);
  if (error == 0 && result != nullptr) {
    *result = static_cast<int>(reinterpret_cast<long>(value));
  }
  return result_of(error);
}

HEDDLE_HOOK int thrd_detach(thrd_t thread) {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(thrd_detach)(thread)
                                   : result_of(::pthread_detach(thread));
}

HEDDLE_HOOK void thrd_exit(int result) {
  if (current_thread == nullptr) {
    HEDDLE_ORIGINAL(thrd_exit)(result);
  }
  ::pthread_exit(reinterpret_cast<void*>(static_cast<long>(result)));
}

HEDDLE_HOOK thrd_t thrd_current() {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(thrd_current)() : ::pthread_self();
}

HEDDLE_HOOK void thrd_yield() {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    HEDDLE_ORIGINAL(thrd_yield)();
    return;
  }
  engine().yield(*thread, HEDDLE_PC);
}

HEDDLE_HOOK int mtx_init(mtx_t* mutex, int type) {
  return heddle::intercept::initialise_object(mutex, sizeof *mutex, "mutex", HEDDLE_PC, [&] {
    return HEDDLE_ORIGINAL(mtx_init)(mutex, type);
  });
}

HEDDLE_HOOK void mtx_destroy(mtx_t* mutex) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    HEDDLE_ORIGINAL(mtx_destroy)(mutex);
    return;
  }
  destroy_object(*thread, mutex, "mutex", HEDDLE_PC);
}

HEDDLE_HOOK int mtx_lock(mtx_t* mutex) {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(mtx_lock)(mutex)
                           : result_of(lock_mutex(*thread, posix(mutex), kNever, HEDDLE_PC));
}

HEDDLE_HOOK int mtx_trylock(mtx_t* mutex) {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(mtx_trylock)(mutex)
                           : result_of(lock_mutex(*thread, posix(mutex), kAtOnce, HEDDLE_PC));
}

HEDDLE_HOOK int mtx_timedlock(mtx_t* mutex, const timespec* until) {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(mtx_timedlock)(mutex, until)
                           : result_of(lock_mutex(*thread, posix(mutex), *until, HEDDLE_PC));
}

HEDDLE_HOOK int mtx_unlock(mtx_t* mutex) {
  Thread* thread = current_thread;
  return thread == nullptr
             ? HEDDLE_ORIGINAL(mtx_unlock)(mutex)
             : result_of(heddle::intercept::unlock_mutex(*thread, posix(mutex), HEDDLE_PC));
}

HEDDLE_HOOK int cnd_init(cnd_t* condition) {
  return heddle::intercept::initialise_object(condition, sizeof *condition, "condition variable",
                                              HEDDLE_PC,
                                              [&] { return HEDDLE_ORIGINAL(cnd_init)(condition); });
}

HEDDLE_HOOK void cnd_destroy(cnd_t* condition) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    HEDDLE_ORIGINAL(cnd_destroy)(condition);
    return;
  }
  destroy_object(*thread, condition, "condition variable", HEDDLE_PC);
}

HEDDLE_HOOK int cnd_wait(cnd_t* condition, mtx_t* mutex) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(cnd_wait)(condition, mutex);
  }
  return result_of(wait_for_condition(*thread, posix(condition), posix(mutex), kNever, HEDDLE_PC));
}

HEDDLE_HOOK int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(cnd_timedwait)(condition, mutex, until);
  }
  return result_of(wait_for_condition(*thread, posix(condition), posix(mutex), *until, HEDDLE_PC));
}

HEDDLE_HOOK int cnd_signal(cnd_t* condition) {
  Thread* thread = current_thread;
  return thread == nullptr
             ? HEDDLE_ORIGINAL(cnd_signal)(condition)
             : result_of(notify_condition(*thread, posix(condition), false, HEDDLE_PC));
}

HEDDLE_HOOK int cnd_broadcast(cnd_t* condition) {
  Thread* thread = current_thread;
  return thread == nullptr
             ? HEDDLE_ORIGINAL(cnd_broadcast)(condition)
             : result_of(notify_condition(*thread, posix(condition), true, HEDDLE_PC));
}

HEDDLE_HOOK void call_once(once_flag* flag, void (*initialise)()) {
  if (current_thread == nullptr) {
    HEDDLE_ORIGINAL(call_once)(flag, initialise);
    return;
  }
  heddle::intercept::run_once(*current_thread, flag, initialise, HEDDLE_PC);
}

HEDDLE_HOOK int tss_create(tss_t* key, tss_dtor_t destructor) {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(tss_create)(key, destructor)
                                   : result_of(::pthread_key_create(key, destructor));
}

HEDDLE_HOOK void tss_delete(tss_t key) {
  if (current_thread == nullptr) {
    HEDDLE_ORIGINAL(tss_delete)(key);
    return;
  }
  ::pthread_key_delete(key);
}

HEDDLE_HOOK void* tss_get(tss_t key) {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(tss_get)(key) : ::pthread_getspecific(key);
}

HEDDLE_HOOK int tss_set(tss_t key, void* value) {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(tss_set)(key, value)
                                   : result_of(::pthread_setspecific(key, value));
}
