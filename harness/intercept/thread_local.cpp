// thread_local, static locals, and std::call_once for logical threads. This file is compiled with
// -femulated-tls, as the program under test is, so that std::__once_callable below is the very
// variable that instrumented code asks for.
#include <cstring>

#include "intercept/hook.hpp"
#include "intercept/os_tls.hpp"

using heddle::u32;
using heddle::u64;
using heddle::uptr;
using heddle::exec::Thread;
using heddle::exec::ThreadExit;
using heddle::intercept::engine;
using heddle::intercept::os_thread;
using heddle::intercept::OsThread;

namespace {

// What the compiler emits for each emulated thread-local variable.
struct EmulatedTls {
  uptr size;
  uptr alignment;
  uptr index;           // 0 until its first use in the process
  const void* initial;  // null: zeroes
};

u32 variables = 0;

void* initialised(void* memory, const EmulatedTls& variable) {
  if (variable.initial != nullptr) {
    std::memcpy(memory, variable.initial, variable.size);
  } else {
    std::memset(memory, 0, variable.size);
  }
  return memory;
}

void*& slot_in(heddle::Vec<void*>& table, uptr index) {
  while (table.size() <= index) {
    table.push_back(nullptr);
  }
  return table[static_cast<u32>(index)];
}

}  // namespace

HEDDLE_HOOK void* __emutls_get_address(EmulatedTls* variable) {
  uptr index = __atomic_load_n(&variable->index, __ATOMIC_ACQUIRE);
  if (index == 0) {
    index = __atomic_add_fetch(&variables, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&variable->index, index, __ATOMIC_RELEASE);
  }
  OsThread& os = os_thread();
  if (Thread* thread = os.logical()) {
    void*& slot = slot_in(thread->tls, index);
    if (slot == nullptr) {
      slot = initialised(
          engine().arena().allocate_internal(thread->id, variable->size, variable->alignment),
          *variable);
    }
    return slot;
  }
  void*& slot = slot_in(os.tls(), index);
  if (slot == nullptr) {
    slot = initialised(os.allocate(variable->size, variable->alignment), *variable);
  }
  return slot;
}

HEDDLE_HOOK int __cxa_thread_atexit(void (*destructor)(void*), void* object, void* library) {
  if (Thread* thread = os_thread().logical()) {
    thread->exits.push_back(ThreadExit{destructor, object});
    return 0;
  }
  return HEDDLE_ORIGINAL(__cxa_thread_atexit)(destructor, object, library);
}

// libstdc++ passes std::call_once's callable through these; it has them as real thread-local
// variables, instrumented code looks for emulated ones.
namespace std {
extern __thread void* __once_callable;
extern __thread void (*__once_call)();
__thread void* __once_callable;
__thread void (*__once_call)();
}  // namespace std

HEDDLE_HOOK void __once_proxy() {
  if (std::__once_call != nullptr) {
    auto* call = std::__once_call;
    call();
    return;
  }
  // A call_once in code that is not instrumented.
  HEDDLE_ORIGINAL(__once_proxy)();
}
