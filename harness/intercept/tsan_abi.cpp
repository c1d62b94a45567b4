// The functions that code compiled with -fsanitize=thread calls: plain and atomic accesses, fences,
// function entry and exit, memory intrinsics. Outside of an execution they do what the code would
// have done without instrumentation.
#include <cstring>

#include "exec/atomics_inl.hpp"
#include "exec/thread_sanitizer.hpp"
#include "intercept/ranges.hpp"

using namespace heddle;  // NOLINT(google-build-using-namespace): C functions, nothing to qualify
using heddle::exec::Order;
using heddle::exec::Thread;
using heddle::intercept::announce_range;
using heddle::intercept::check_poison;
using heddle::intercept::current_thread;
using heddle::intercept::engine;
namespace tsan = heddle::exec::tsan;

namespace {

void plain(void* address, u32 size, bool write, uptr pc) {
  if (Thread* thread = current_thread) {
    engine().plain_access(*thread, reinterpret_cast<uptr>(address), size, write, pc);
    tsan::plain(reinterpret_cast<uptr>(address), size, write, pc);
  } else if (tsan::kPresent && process::is_native_program()) {
    tsan::plain(reinterpret_cast<uptr>(address), size, write, pc);
  }
}

Order order_of(int memory_order) {
  // The high bits carry hints of hardware lock elision.
  return static_cast<Order>(memory_order & 0x7);
}

}  // namespace

#ifndef HEDDLE_WITH_TSAN
HEDDLE_HOOK void __tsan_init() {}
#endif

HEDDLE_TSAN_HOOK(void, __tsan_func_entry)(void* caller) {
  HEDDLE_LEAVE_TO_TSAN(__tsan_func_entry, caller)
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return;
  }
  tsan::enter_function(caller);
  if (__builtin_expect(engine().tracing(), 0)) {
    thread->frames.push_back(reinterpret_cast<uptr>(caller));
  }
}

HEDDLE_TSAN_HOOK(void, __tsan_func_exit)() {
  HEDDLE_LEAVE_TO_TSAN(__tsan_func_exit)
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return;
  }
  tsan::leave_function();
  if (__builtin_expect(engine().tracing(), 0) && !thread->frames.empty()) {
    thread->frames.pop_back();
  }
}

#define PLAIN_HOOKS(size)                                                                       \
  HEDDLE_TSAN_HOOK(void, __tsan_read##size)(void* p) { plain(p, size, false, HEDDLE_PC); }      \
  HEDDLE_TSAN_HOOK(void, __tsan_write##size)(void* p) { plain(p, size, true, HEDDLE_PC); }      \
  HEDDLE_TSAN_HOOK(void, __tsan_read_write##size)(void* p) { plain(p, size, true, HEDDLE_PC); } \
  HEDDLE_TSAN_HOOK(void, __tsan_unaligned_read##size)(void* p) {                                \
    plain(p, size, false, HEDDLE_PC);                                                           \
  }                                                                                             \
  HEDDLE_TSAN_HOOK(void, __tsan_unaligned_write##size)(void* p) {                               \
    plain(p, size, true, HEDDLE_PC);                                                            \
  }                                                                                             \
  HEDDLE_TSAN_HOOK(void, __tsan_unaligned_read_write##size)(void* p) {                          \
    plain(p, size, true, HEDDLE_PC);                                                            \
  }                                                                                             \
  HEDDLE_TSAN_HOOK(void, __tsan_volatile_read##size)(void* p) {                                 \
    plain(p, size, false, HEDDLE_PC);                                                           \
  }                                                                                             \
  HEDDLE_TSAN_HOOK(void, __tsan_volatile_write##size)(void* p) {                                \
    plain(p, size, true, HEDDLE_PC);                                                            \
  }                                                                                             \
  HEDDLE_TSAN_HOOK(void, __tsan_unaligned_volatile_read##size)(void* p) {                       \
    plain(p, size, false, HEDDLE_PC);                                                           \
  }                                                                                             \
  HEDDLE_TSAN_HOOK(void, __tsan_unaligned_volatile_write##size)(void* p) {                      \
    plain(p, size, true, HEDDLE_PC);                                                            \
  }                                                                                             \
  HEDDLE_TSAN_HOOK(void, __tsan_read##size##_pc)(void* p, void* pc) {                           \
    plain(p, size, false, reinterpret_cast<uptr>(pc));                                          \
  }                                                                                             \
  HEDDLE_TSAN_HOOK(void, __tsan_write##size##_pc)(void* p, void* pc) {                          \
    plain(p, size, true, reinterpret_cast<uptr>(pc));                                           \
  }

PLAIN_HOOKS(1)
PLAIN_HOOKS(2)
PLAIN_HOOKS(4)
PLAIN_HOOKS(8)

// Sixteen bytes span granules.
#define PLAIN_HOOKS_16(name, write) \
  HEDDLE_TSAN_HOOK(void, name)(void* p) { announce_range(p, 16, write, HEDDLE_PC); }
PLAIN_HOOKS_16(__tsan_read16, false)
PLAIN_HOOKS_16(__tsan_write16, true)
PLAIN_HOOKS_16(__tsan_read_write16, true)
PLAIN_HOOKS_16(__tsan_unaligned_read16, false)
PLAIN_HOOKS_16(__tsan_unaligned_write16, true)
PLAIN_HOOKS_16(__tsan_unaligned_read_write16, true)
PLAIN_HOOKS_16(__tsan_volatile_read16, false)
PLAIN_HOOKS_16(__tsan_volatile_write16, true)
PLAIN_HOOKS_16(__tsan_unaligned_volatile_read16, false)
PLAIN_HOOKS_16(__tsan_unaligned_volatile_write16, true)

HEDDLE_TSAN_HOOK(void, __tsan_read16_pc)(void* p, void* pc) {
  announce_range(p, 16, false, reinterpret_cast<uptr>(pc));
}
HEDDLE_TSAN_HOOK(void, __tsan_write16_pc)(void* p, void* pc) {
  announce_range(p, 16, true, reinterpret_cast<uptr>(pc));
}

HEDDLE_TSAN_HOOK(void, __tsan_vptr_read)(void** p) { plain(p, sizeof *p, false, HEDDLE_PC); }

HEDDLE_TSAN_HOOK(void, __tsan_vptr_update)(void** p, void* value) {
  // A constructor or destructor that stores the value already there changes nothing that others
  // see.
  if (*p != value) {
    plain(p, sizeof *p, true, HEDDLE_PC);
  }
}

HEDDLE_TSAN_HOOK(void, __tsan_read_range)(void* p, unsigned long size) {
  announce_range(p, size, false, HEDDLE_PC);
}
HEDDLE_TSAN_HOOK(void, __tsan_write_range)(void* p, unsigned long size) {
  announce_range(p, size, true, HEDDLE_PC);
}
HEDDLE_TSAN_HOOK(void, __tsan_read_range_pc)(void* p, unsigned long size, void* pc) {
  announce_range(p, size, false, reinterpret_cast<uptr>(pc));
}
HEDDLE_TSAN_HOOK(void, __tsan_write_range_pc)(void* p, unsigned long size, void* pc) {
  announce_range(p, size, true, reinterpret_cast<uptr>(pc));
}

#ifdef HEDDLE_WITH_ASAN
extern "C" void* __asan_memcpy(void*, const void*, uptr);
extern "C" void* __asan_memmove(void*, const void*, uptr);
extern "C" void* __asan_memset(void*, int, uptr);
#else
#define __asan_memcpy std::memcpy
#define __asan_memmove std::memmove
#define __asan_memset std::memset
#endif

HEDDLE_TSAN_HOOK(void*, __tsan_memcpy)(void* to, const void* from, uptr size) {
  announce_range(from, size, false, HEDDLE_PC);
  announce_range(to, size, true, HEDDLE_PC);
  return __asan_memcpy(to, from, size);
}

HEDDLE_TSAN_HOOK(void*, __tsan_memmove)(void* to, const void* from, uptr size) {
  announce_range(from, size, false, HEDDLE_PC);
  announce_range(to, size, true, HEDDLE_PC);
  return __asan_memmove(to, from, size);
}

HEDDLE_TSAN_HOOK(void*, __tsan_memset)(void* to, int value, uptr size) {
  announce_range(to, size, true, HEDDLE_PC);
  return __asan_memset(to, value, size);
}

namespace {

template <class T>
T atomic_load(T* p, int order, uptr pc) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
  }
  check_poison(p, sizeof(T), false, pc);
  return engine().atomic_load(*thread, p, order_of(order), pc);
}

template <class T>
void atomic_store(T* p, T value, int order, uptr pc) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    __atomic_store_n(p, value, __ATOMIC_SEQ_CST);
    return;
  }
  check_poison(p, sizeof(T), true, pc);
  engine().atomic_store(*thread, p, value, order_of(order), pc);
}

template <class T>
T atomic_cas(T* p, T expected, T desired, bool weak, int success, int failure, uptr pc,
             bool* done) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    *done = __atomic_compare_exchange_n(p, &expected, desired, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST);
    return expected;
  }
  check_poison(p, sizeof(T), true, pc);
  *done = engine().atomic_cas(*thread, p, &expected, desired, weak, order_of(success),
                              order_of(failure), pc);
  return expected;
}

// The new value from the old one.
template <class T>
T exchange(T, T argument) {
  return argument;
}
template <class T>
T fetch_add(T old_value, T argument) {
  return static_cast<T>(old_value + argument);
}
template <class T>
T fetch_sub(T old_value, T argument) {
  return static_cast<T>(old_value - argument);
}
template <class T>
T fetch_and(T old_value, T argument) {
  return static_cast<T>(old_value & argument);
}
template <class T>
T fetch_or(T old_value, T argument) {
  return static_cast<T>(old_value | argument);
}
template <class T>
T fetch_xor(T old_value, T argument) {
  return static_cast<T>(old_value ^ argument);
}
template <class T>
T fetch_nand(T old_value, T argument) {
  return static_cast<T>(~(old_value & argument));
}

template <class T>
T atomic_update(T* p, T argument, T (*modify)(T, T), int order, uptr pc) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    T old_value = __atomic_load_n(p, __ATOMIC_SEQ_CST);
    while (!__atomic_compare_exchange_n(p, &old_value, modify(old_value, argument), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
    return old_value;
  }
  check_poison(p, sizeof(T), true, pc);
  return engine().atomic_update(*thread, p, modify, argument, order_of(order), pc);
}

}  // namespace

#define ATOMIC_UPDATE(bits, T, what)                                                         \
  HEDDLE_TSAN_HOOK(T, __tsan_atomic##bits##_##what)(volatile T * p, T argument, int order) { \
    HEDDLE_LEAVE_TO_TSAN(__tsan_atomic##bits##_##what, p, argument, order)                   \
    return atomic_update(const_cast<T*>(p), argument, what<T>, order, HEDDLE_PC);            \
  }

#define ATOMIC_HOOKS(bits, T)                                                                   \
  HEDDLE_TSAN_HOOK(T, __tsan_atomic##bits##_load)(const volatile T* p, int order) {             \
    HEDDLE_LEAVE_TO_TSAN(__tsan_atomic##bits##_load, p, order)                                  \
    return atomic_load(const_cast<T*>(p), order, HEDDLE_PC);                                    \
  }                                                                                             \
  HEDDLE_TSAN_HOOK(void, __tsan_atomic##bits##_store)(volatile T * p, T value, int order) {     \
    HEDDLE_LEAVE_TO_TSAN(__tsan_atomic##bits##_store, p, value, order)                          \
    atomic_store(const_cast<T*>(p), value, order, HEDDLE_PC);                                   \
  }                                                                                             \
  ATOMIC_UPDATE(bits, T, exchange)                                                              \
  ATOMIC_UPDATE(bits, T, fetch_add)                                                             \
  ATOMIC_UPDATE(bits, T, fetch_sub)                                                             \
  ATOMIC_UPDATE(bits, T, fetch_and)                                                             \
  ATOMIC_UPDATE(bits, T, fetch_or)                                                              \
  ATOMIC_UPDATE(bits, T, fetch_xor)                                                             \
  ATOMIC_UPDATE(bits, T, fetch_nand)                                                            \
  HEDDLE_TSAN_HOOK(int, __tsan_atomic##bits##_compare_exchange_strong)(                         \
      volatile T * p, T * expected, T desired, int success, int failure) {                      \
    HEDDLE_LEAVE_TO_TSAN(__tsan_atomic##bits##_compare_exchange_strong, p, expected, desired,   \
                         success, failure)                                                      \
    bool done = false;                                                                          \
    *expected = atomic_cas(const_cast<T*>(p), *expected, desired, false, success, failure,      \
                           HEDDLE_PC, &done);                                                   \
    return done;                                                                                \
  }                                                                                             \
  HEDDLE_TSAN_HOOK(int, __tsan_atomic##bits##_compare_exchange_weak)(                           \
      volatile T * p, T * expected, T desired, int success, int failure) {                      \
    HEDDLE_LEAVE_TO_TSAN(__tsan_atomic##bits##_compare_exchange_weak, p, expected, desired,     \
                         success, failure)                                                      \
    bool done = false;                                                                          \
    *expected = atomic_cas(const_cast<T*>(p), *expected, desired, true, success, failure,       \
                           HEDDLE_PC, &done);                                                   \
    return done;                                                                                \
  }                                                                                             \
  HEDDLE_TSAN_HOOK(T, __tsan_atomic##bits##_compare_exchange_val)(                              \
      volatile T * p, T expected, T desired, int success, int failure) {                        \
    HEDDLE_LEAVE_TO_TSAN(__tsan_atomic##bits##_compare_exchange_val, p, expected, desired,      \
                         success, failure)                                                      \
    bool done = false;                                                                          \
    return atomic_cas(const_cast<T*>(p), expected, desired, false, success, failure, HEDDLE_PC, \
                      &done);                                                                   \
  }

ATOMIC_HOOKS(8, u8)
ATOMIC_HOOKS(16, u16)
ATOMIC_HOOKS(32, u32)
ATOMIC_HOOKS(64, u64)
ATOMIC_HOOKS(128, u128)

// Asked before each weak compare-exchange; see heddle/weak_cas.h.
HEDDLE_HOOK int heddle_weak_cas_fails() {
  return current_thread != nullptr && engine().fails_by_decision(exec::DecisionKind::kWeakCas);
}

HEDDLE_TSAN_HOOK(void, __tsan_atomic_thread_fence)(int order) {
  HEDDLE_LEAVE_TO_TSAN(__tsan_atomic_thread_fence, order)
  if (Thread* thread = current_thread) {
    engine().fence(*thread, order_of(order), HEDDLE_PC);
  } else {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
  }
}

// Orders a thread with its own signal handlers only, which an execution does not have.
HEDDLE_TSAN_HOOK(void, __tsan_atomic_signal_fence)(int) {}
