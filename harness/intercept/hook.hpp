// In-target world. What all hooks share. Nobody outside of this room includes it.
#pragma once

#include "exec/execution.hpp"

#ifdef HEDDLE_WITH_ASAN
#include <sanitizer/asan_interface.h>
#endif

// A function of the C world that the program under test calls instead of the original.
#define HEDDLE_HOOK extern "C" __attribute__((visibility("default"), used))

// A function that ThreadSanitizer's runtime defines too. Where that is linked, the linker leads
// calls of `name` to __wrap_name.
#ifdef HEDDLE_WITH_TSAN
#define HEDDLE_TSAN_HOOK(type, name) HEDDLE_HOOK type __wrap_##name
#else
#define HEDDLE_TSAN_HOOK(type, name) HEDDLE_HOOK type name
#endif

// The return address into the target's code: where an event happened.
#define HEDDLE_PC reinterpret_cast<::heddle::uptr>(__builtin_return_address(0))

namespace heddle::intercept {

using exec::current_thread;
using exec::engine;
using exec::Thread;

/// The original of an interposed function: a sanitizer's own interceptor if one is linked in
/// (skipping it would leave the sanitizer with half of a pair of calls), else the library's.
void* find_original(const char* name);

template <class Function>
Function* original(const char* name) {
  return reinterpret_cast<Function*>(find_original(name));
}

/// Calls the original of the function named, found once.
#define HEDDLE_ORIGINAL(name)                                                           \
  ([]() -> decltype(&::name) {                                                          \
    static decltype(&::name) found = nullptr; /* several OS threads may look at once */ \
    auto* function = __atomic_load_n(&found, __ATOMIC_RELAXED);                         \
    if (__builtin_expect(function == nullptr, 0)) {                                     \
      function = ::heddle::intercept::original<decltype(::name)>(#name);                \
      __atomic_store_n(&found, function, __ATOMIC_RELAXED);                             \
    }                                                                                   \
    return function;                                                                    \
  }())

#ifdef HEDDLE_WITH_ASAN
/// Accesses that became calls escape AddressSanitizer's instrumentation. What the engine will see
/// for itself is left to it, which knows better where and when.
void report_poisoned(uptr bad, std::size_t size, bool write, uptr pc);

inline void check_poison(void* address, std::size_t size, bool write, uptr pc) {
  void* bad = __asan_region_is_poisoned(address, size);
  if (__builtin_expect(bad != nullptr, 0)) {
    report_poisoned(reinterpret_cast<uptr>(bad), size, write, pc);
  }
}
#else
inline void check_poison(void*, std::size_t, bool, uptr) {}
#endif

}  // namespace heddle::intercept
