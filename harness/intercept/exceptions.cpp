// Exceptions that several threads hold. The C++ library counts who does, out of sight; the counter
// orders a thread's last look at an exception before another one's freeing it.
#include <cstring>
#include <exception>

#include "intercept/hook.hpp"

extern "C" void __cxa_end_catch();
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);

using heddle::intercept::current_thread;

HEDDLE_HOOK void heddle_release_exception(std::exception_ptr* pointer) __asm__(
    "_ZNSt15__exception_ptr13exception_ptr10_M_releaseEv");
HEDDLE_HOOK void heddle_release_exception(std::exception_ptr* pointer) {
  if (current_thread != nullptr) {
    char* exception;
    std::memcpy(&exception, pointer, sizeof exception);
    void* header = exception - sizeof(void*);  // what is thrown lies behind it, and may be written
    __tsan_release(header);
    __tsan_acquire(header);
  }
  static auto* function = reinterpret_cast<void (*)(std::exception_ptr*)>(
      heddle::intercept::find_in_libraries("_ZNSt15__exception_ptr13exception_ptr10_M_releaseEv"));
  function(pointer);
}

HEDDLE_HOOK void __cxa_end_catch() {
  if (current_thread != nullptr) {
    std::current_exception();  // gives it back at once, as this function does in the library
  }
  HEDDLE_ORIGINAL(__cxa_end_catch)();
}
