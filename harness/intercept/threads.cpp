// pthread_*: threads, thread-specific keys, once.
#include <cerrno>
#include <pthread.h>
#include <sched.h>

#include "intercept/hook.hpp"
#include "intercept/origin.hpp"

using heddle::ThreadId;
using heddle::to_index;
using heddle::u32;
using heddle::exec::FindingKind;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::engine;

namespace {

// On a fiber pthread_t is the thread's number plus one; 0 means "no thread" to std::thread::id.
pthread_t handle_of(const Thread& thread) { return to_index(thread.id) + 1; }

Thread* thread_of(pthread_t handle) {
  return handle >= 1 && handle <= engine().thread_count()
             ? &engine().thread(heddle::to_thread_id(static_cast<u32>(handle - 1)))
             : nullptr;
}

// Keys made inside of an execution live above those of the C library and are forgotten with it.
constexpr u32 kFirstKey = 1024;
constexpr u32 kKeysMax = 4096;
using Destructor = void (*)(void*);
Destructor destructors[kKeysMax];
u32 keys_made = 0;
heddle::u64 keys_execution = ~heddle::u64{0};

// A sanitizer's runtime keeps its idea of the OS thread under a key that it makes before any static
// constructor runs. Those keys stay per OS thread.
volatile bool constructors_run = false;  // volatile: else the compiler runs the constructor itself
bool belongs_to_sanitizer[kFirstKey];

__attribute__((constructor(101))) void note_constructors() { constructors_run = true; }

bool is_logical(pthread_key_t key) {
  return current_thread != nullptr && (key >= kFirstKey || !belongs_to_sanitizer[key]);
}

}  // namespace

HEDDLE_HOOK int pthread_create(pthread_t* handle, const pthread_attr_t* attributes,
                               void* (*entry)(void*), void* argument) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_create)(handle, attributes, entry, argument);
  }
  Thread& created = engine().create_thread(*thread, entry, argument, HEDDLE_PC);
  int detach_state = PTHREAD_CREATE_JOINABLE;
  if (attributes != nullptr) {
    ::pthread_attr_getdetachstate(attributes, &detach_state);
  }
  created.detached = detach_state == PTHREAD_CREATE_DETACHED;
  *handle = handle_of(created);
  return 0;
}

HEDDLE_HOOK int pthread_join(pthread_t handle, void** result) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_join)(handle, result);
  }
  Thread* target = thread_of(handle);
  if (target == nullptr) {
    return ESRCH;
  }
  if (target == thread) {
    return EDEADLK;
  }
  if (target->joined || target->detached) {
    engine().report(*thread, FindingKind::kMisuse, "bad-join", HEDDLE_PC,
                    target->joined ? "pthread_join of a thread that was joined already"
                                   : "pthread_join of a detached thread");
  }
  engine().join(*thread, *target, HEDDLE_PC);
  if (result != nullptr) {
    *result = target->result;
  }
  return 0;
}

HEDDLE_HOOK int pthread_detach(pthread_t handle) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_detach)(handle);
  }
  Thread* target = thread_of(handle);
  if (target == nullptr) {
    return ESRCH;
  }
  if (target->joined || target->detached) {
    return EINVAL;
  }
  target->detached = true;
  return 0;
}

HEDDLE_HOOK pthread_t pthread_self() noexcept {
  Thread* thread = current_thread;
  return thread == nullptr ? HEDDLE_ORIGINAL(pthread_self)() : handle_of(*thread);
}

HEDDLE_HOOK void pthread_exit(void* result) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    HEDDLE_ORIGINAL(pthread_exit)(result);
    __builtin_unreachable();
  }
  thread->result = result;
  engine().finish_thread(*thread);
}

HEDDLE_HOOK int pthread_setname_np(pthread_t handle, const char* name) noexcept {
  return current_thread == nullptr ? HEDDLE_ORIGINAL(pthread_setname_np)(handle, name) : 0;
}

HEDDLE_HOOK int pthread_once(pthread_once_t* once, void (*initialise)()) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_once)(once, initialise);
  }
  if (!heddle::intercept::is_program(HEDDLE_PC)) {
    // A system library initialises itself (libgcc's unwinder does): for the process, and in one go.
    const heddle::exec::RuntimeScope runtime;
    return HEDDLE_ORIGINAL(pthread_once)(once, initialise);
  }
  // Its first byte as the "done" mark of a guard; an exception leaves it as it was.
  if (engine().guard_acquire(*thread, once, HEDDLE_PC)) {
    struct Release {
      Thread* thread;
      pthread_once_t* once;
      bool done = false;
      ~Release() { engine().guard_release(*thread, once, done, 0); }
    } release{thread, once};
    initialise();
    release.done = true;
  }
  return 0;
}

HEDDLE_HOOK int pthread_key_create(pthread_key_t* key, Destructor destructor) noexcept {
  if (current_thread == nullptr) {
    const int error = HEDDLE_ORIGINAL(pthread_key_create)(key, destructor);
    if (error == 0 && *key < kFirstKey) {
      destructors[*key] = destructor;
      belongs_to_sanitizer[*key] = !constructors_run;
    }
    return error;
  }
  if (keys_execution != engine().executions()) {
    keys_execution = engine().executions();
    keys_made = 0;
  }
  if (kFirstKey + keys_made == kKeysMax) {
    return EAGAIN;
  }
  *key = kFirstKey + keys_made++;
  destructors[*key] = destructor;
  return 0;
}

HEDDLE_HOOK int pthread_key_delete(pthread_key_t key) noexcept {
  if (current_thread == nullptr) {
    return HEDDLE_ORIGINAL(pthread_key_delete)(key);
  }
  if (key < kKeysMax) {
    destructors[key] = nullptr;
  }
  return 0;
}

HEDDLE_HOOK void* pthread_getspecific(pthread_key_t key) noexcept {
  Thread* thread = current_thread;
  if (!is_logical(key)) {
    return HEDDLE_ORIGINAL(pthread_getspecific)(key);
  }
  return key < thread->specifics.size() ? thread->specifics[key].object : nullptr;
}

HEDDLE_HOOK int pthread_setspecific(pthread_key_t key, const void* value) noexcept {
  Thread* thread = current_thread;
  if (!is_logical(key)) {
    return HEDDLE_ORIGINAL(pthread_setspecific)(key, value);
  }
  if (key >= kKeysMax) {
    return EINVAL;
  }
  while (thread->specifics.size() <= key) {
    thread->specifics.push_back(heddle::exec::ThreadExit{nullptr, nullptr});
  }
  thread->specifics[key] = heddle::exec::ThreadExit{destructors[key], const_cast<void*>(value)};
  return 0;
}

HEDDLE_HOOK int sched_yield() noexcept {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return HEDDLE_ORIGINAL(sched_yield)();
  }
  engine().yield(*thread, HEDDLE_PC);
  return 0;
}
