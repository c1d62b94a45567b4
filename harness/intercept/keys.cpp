// Thread-specific data by key.
#include <cerrno>
#include <pthread.h>

#include "intercept/hook.hpp"

using heddle::u32;
using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::engine;

namespace {

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
