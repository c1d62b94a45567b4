// In-target world. What all hooks share. Nobody outside of this room includes it.
#pragma once

#include "exec/execution.hpp"
#include "process/phase.hpp"

#ifdef HEDDLE_WITH_ASAN
#include <sanitizer/asan_interface.h>
#endif

// A function of the C world that the program under test calls instead of the original.
#define HEDDLE_HOOK extern "C" __attribute__((visibility("default"), used))

// A function that ThreadSanitizer's runtime defines too: there, where it is linked, the name begins
// with __real_. CMake asks for the list.
#ifdef HEDDLE_LIST_TSAN_HOOKS
#define HEDDLE_TSAN_HOOK(type, name) HEDDLE_HOOK type __hook_##name
#else
#define HEDDLE_TSAN_HOOK(type, name) HEDDLE_HOOK type name
#endif

// The return address into the target's code: where an event happened.
#define HEDDLE_PC reinterpret_cast<::heddle::uptr>(__builtin_return_address(0))

namespace heddle::intercept {

using exec::current_thread;
using exec::engine;
using exec::Thread;

/// The function of that name in the libraries.
void* find_in_libraries(const char* name);

/// The original of an interposed function, found once: a sanitizer's own interceptor if one is
/// linked in (skipping it would leave the sanitizer with half of a pair of calls), else the
/// library's.
#define HEDDLE_ORIGINAL(name)                                                                 \
  ([]() -> decltype(&::name) {                                                                \
    extern decltype(::name) __interceptor_##name __asm__("__interceptor_" #name)              \
        __attribute__((weak));                                                                \
    static decltype(&::name) found = &__interceptor_##name; /* several OS threads may look */ \
    auto* function = __atomic_load_n(&found, __ATOMIC_RELAXED);                               \
    if (__builtin_expect(function == nullptr, 0)) {                                           \
      function =                                                                              \
          reinterpret_cast<decltype(&::name)>(::heddle::intercept::find_in_libraries(#name)); \
      __atomic_store_n(&found, function, __ATOMIC_RELAXED);                                   \
    }                                                                                         \
    return function;                                                                          \
  }())

#ifdef HEDDLE_WITH_TSAN
/// First line of a hook that ThreadSanitizer has, too: in a program that nobody drives it does what
/// it does without Heddle, for the caller that it would see then.
#define HEDDLE_LEAVE_TO_TSAN(name, ...)                                      \
  if (current_thread == nullptr && ::heddle::process::is_native_program()) { \
    extern decltype(::name) __real_##name __asm__("__real_" #name);          \
    [[clang::musttail]] return __real_##name(__VA_ARGS__);                   \
  }
#else
#define HEDDLE_LEAVE_TO_TSAN(name, ...)
#endif

#ifdef HEDDLE_WITH_ASAN
/// Accesses that became calls escape AddressSanitizer's instrumentation. What the engine will see
/// for itself is left to it, which knows better where and when.
void report_poisoned(uptr bad, std::size_t size, bool write, uptr pc);

inline void check_poison(const void* address, std::size_t size, bool write, uptr pc) {
  void* bad = __asan_region_is_poisoned(const_cast<void*>(address), size);
  if (__builtin_expect(bad != nullptr, 0)) {
    report_poisoned(reinterpret_cast<uptr>(bad), size, write, pc);
  }
}
#else
inline void check_poison(const void*, std::size_t, bool, uptr) {}
#endif

}  // namespace heddle::intercept
