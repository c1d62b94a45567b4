// How programs end: exit() and its kin, and the functions that they ask to be called then.
#include <cstdlib>
#include <unistd.h>

#include "intercept/hook.hpp"
#include "intercept/origin.hpp"
#include "process/before_main.hpp"
#include "process/phase.hpp"

using heddle::u32;
using heddle::exec::Thread;
using heddle::exec::ThreadExit;
using heddle::intercept::current_thread;
using heddle::intercept::engine;

namespace {

heddle::Vec<ThreadExit> quick_exits;
heddle::u64 quick_exits_execution = ~heddle::u64{0};

heddle::Vec<ThreadExit>& quick_exits_of_this_execution() {
  if (quick_exits_execution != engine().executions()) {
    quick_exits_execution = engine().executions();
    quick_exits.clear();
  }
  return quick_exits;
}

// A test's process goes on: its execution is over. A program is judged by its status.
bool is_program_under_test() { return engine().surroundings() != nullptr; }

}  // namespace

HEDDLE_HOOK int __cxa_atexit(void (*function)(void*), void* argument, void* library) noexcept {
  if (current_thread != nullptr) {
    engine().at_exit(function, argument);
    return 0;
  }
  if (heddle_makes_own_objects) {
    return 0;
  }
  if (heddle::process::is_before_main() &&
      heddle::intercept::is_programs_object(argument, function)) {
    heddle::process::before_main().note_exit(function, argument);
    return 0;
  }
  return HEDDLE_ORIGINAL(__cxa_atexit)(function, argument, library);
}

#ifdef HEDDLE_WITH_TSAN
// Elsewhere the C library's calls __cxa_atexit; ThreadSanitizer has one of its own.
extern "C" int __interceptor_atexit(void (*function)());

HEDDLE_HOOK int atexit(void (*function)()) noexcept {
  if (current_thread == nullptr) {
    return __interceptor_atexit(function);
  }
  engine().at_exit([](void* called) { reinterpret_cast<void (*)()>(called)(); },
                   reinterpret_cast<void*>(function));
  return 0;
}
#endif

HEDDLE_HOOK int __cxa_at_quick_exit(void (*function)(void*), void* library) noexcept {
  if (current_thread != nullptr) {
    quick_exits_of_this_execution().push_back(ThreadExit{function, nullptr});
    return 0;
  }
  return HEDDLE_ORIGINAL(__cxa_at_quick_exit)(function, library);
}

HEDDLE_HOOK void exit(int status) noexcept {
  Thread* thread = current_thread;
  if (thread != nullptr) {
    if (!is_program_under_test()) {
      engine().abandon();
    }
    engine().exit_program(*thread, status, HEDDLE_PC);
  }
  HEDDLE_ORIGINAL(exit)(status);
  __builtin_unreachable();
}

HEDDLE_HOOK void quick_exit(int status) noexcept {
  Thread* thread = current_thread;
  if (thread != nullptr && is_program_under_test()) {
    heddle::Vec<ThreadExit>& exits = quick_exits_of_this_execution();
    while (!exits.empty()) {
      const ThreadExit last = exits.back();
      exits.pop_back();
      last.function(last.object);
    }
    engine().end_program(*thread, status, HEDDLE_PC);
  }
  HEDDLE_ORIGINAL(quick_exit)(status);
  __builtin_unreachable();
}

HEDDLE_HOOK void _exit(int status) {
  Thread* thread = current_thread;
  if (thread != nullptr && is_program_under_test()) {
    engine().end_program(*thread, status, HEDDLE_PC);
  }
  HEDDLE_ORIGINAL(_exit)(status);
  __builtin_unreachable();
}

HEDDLE_HOOK void _Exit(int status) noexcept {
  Thread* thread = current_thread;
  if (thread != nullptr && is_program_under_test()) {
    engine().end_program(*thread, status, HEDDLE_PC);
  }
  HEDDLE_ORIGINAL(_Exit)(status);
  __builtin_unreachable();
}
