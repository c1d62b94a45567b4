// pthread_exit: the stack is unwound, as the C library does it, before the thread ends.
#include <csetjmp>
#include <pthread.h>
#include <unwind.h>

#include "intercept/thread_library.hpp"

using heddle::exec::Thread;
using heddle::intercept::current_thread;
using heddle::intercept::engine;

namespace {

_Unwind_Reason_Code end_of_stack(int, _Unwind_Action actions, _Unwind_Exception_Class,
                                 _Unwind_Exception*, _Unwind_Context*, void* thread) {
  if ((actions & _UA_END_OF_STACK) != 0) {
    engine().finish_thread(*static_cast<Thread*>(thread), false);
  }
  return _URC_NO_REASON;
}

}  // namespace

namespace heddle::intercept {

// C pushes clean-up handlers as jump buffers (C++ as objects with destructors). Each handler comes
// back here, through __pthread_unwind_next.
void exit_thread(Thread& thread, void* result) {
  thread.result = result;
  if (!thread.cleanups.empty()) {
    auto* buffer = static_cast<__pthread_unwind_buf_t*>(thread.cleanups.back());
    thread.cleanups.pop_back();
    std::longjmp(reinterpret_cast<__jmp_buf_tag*>(buffer), 1);
  }
  static_assert(sizeof(_Unwind_Exception) <= sizeof thread.unwinding);
  auto* unwinding = reinterpret_cast<_Unwind_Exception*>(thread.unwinding);
  *unwinding = {};
  _Unwind_ForcedUnwind(unwinding, end_of_stack, &thread);
  engine().finish_thread(thread, false);
}

}  // namespace heddle::intercept

HEDDLE_HOOK void pthread_exit(void* result) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    HEDDLE_ORIGINAL(pthread_exit)(result);
    __builtin_unreachable();
  }
  heddle::intercept::exit_thread(*thread, result);
}

HEDDLE_HOOK void __pthread_register_cancel(__pthread_unwind_buf_t* buffer) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    HEDDLE_ORIGINAL(__pthread_register_cancel)(buffer);
    return;
  }
  thread->cleanups.push_back(buffer);
}

HEDDLE_HOOK void __pthread_unregister_cancel(__pthread_unwind_buf_t* buffer) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    HEDDLE_ORIGINAL(__pthread_unregister_cancel)(buffer);
    return;
  }
  thread->cleanups.pop_back();
}

HEDDLE_HOOK void __pthread_unwind_next(__pthread_unwind_buf_t* buffer) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    HEDDLE_ORIGINAL(__pthread_unwind_next)(buffer);
    __builtin_unreachable();
  }
  heddle::intercept::exit_thread(*thread, thread->result);
}
