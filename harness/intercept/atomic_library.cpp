// What compilers call for atomic objects that no instruction can access: the functions of
// libatomic. On fibers no lock is needed, a switch happens at scheduling points only.
#include <cstring>

#include "intercept/hook.hpp"

using heddle::u128;
using heddle::u16;
using heddle::u32;
using heddle::u64;
using heddle::u8;
using heddle::uptr;
using heddle::exec::Order;
using heddle::exec::Thread;
using heddle::intercept::check_poison;
using heddle::intercept::current_thread;
using heddle::intercept::engine;

namespace {

Order order_of(int memory_order) { return static_cast<Order>(memory_order & 0x7); }

/// Real threads outside of executions exclude each other here. Objects whose size has functions of
/// its own are accessed by instructions: others may be compiled to use these in line.
class NativeLock {
 public:
  explicit NativeLock(const void* object)
      : flag_(flags_[reinterpret_cast<uptr>(object) / 64 % kFlags]) {
    while (__atomic_test_and_set(&flag_, __ATOMIC_ACQUIRE)) {
    }
  }
  ~NativeLock() { __atomic_clear(&flag_, __ATOMIC_RELEASE); }
  NativeLock(const NativeLock&) = delete;
  NativeLock& operator=(const NativeLock&) = delete;

 private:
  static constexpr u32 kFlags = 64;
  static inline bool flags_[kFlags];
  bool& flag_;
};

void load(uptr size, const void* object, void* result, int order, uptr pc) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    const NativeLock lock(object);
    std::memcpy(result, object, size);
    return;
  }
  check_poison(const_cast<void*>(object), size, false, pc);
  engine().large_load(*thread, const_cast<void*>(object), size, result, order_of(order), pc);
}

void store(uptr size, void* object, const void* value, int order, uptr pc) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    const NativeLock lock(object);
    std::memcpy(object, value, size);
    return;
  }
  check_poison(object, size, true, pc);
  engine().large_exchange(*thread, object, size, value, nullptr, order_of(order), pc);
}

void exchange(uptr size, void* object, const void* value, void* result, int order, uptr pc) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    const NativeLock lock(object);
    std::memcpy(result, object, size);
    std::memcpy(object, value, size);
    return;
  }
  check_poison(object, size, true, pc);
  engine().large_exchange(*thread, object, size, value, result, order_of(order), pc);
}

bool compare_exchange(uptr size, void* object, void* expected, const void* desired, int success,
                      int failure, uptr pc) {
  Thread* thread = current_thread;
  if (thread == nullptr) {
    const NativeLock lock(object);
    const bool equal = std::memcmp(object, expected, size) == 0;
    std::memcpy(equal ? object : expected, equal ? desired : object, size);
    return equal;
  }
  check_poison(object, size, true, pc);
  return engine().large_cas(*thread, object, size, expected, desired, order_of(success),
                            order_of(failure), pc);
}

template <class T, class Modify>
T update(T* object, T argument, int order, uptr pc, Modify modify) {
  T old_value = *object;
  for (;;) {
    T new_value = modify(old_value, argument);
    if (compare_exchange(sizeof(T), object, &old_value, &new_value, order, order, pc)) {
      return old_value;
    }
  }
}

}  // namespace

// The compiler knows these names as builtins of its own and lets nobody define them.
#define LIBRARY_HOOK(type, identifier, symbol, ...)         \
  HEDDLE_HOOK type identifier(__VA_ARGS__) __asm__(symbol); \
  HEDDLE_HOOK type identifier(__VA_ARGS__)

LIBRARY_HOOK(void, heddle_atomic_load, "__atomic_load", uptr size, const void* object, void* result,
             int order) {
  load(size, object, result, order, HEDDLE_PC);
}
LIBRARY_HOOK(void, heddle_atomic_store, "__atomic_store", uptr size, void* object,
             const void* value, int order) {
  store(size, object, value, order, HEDDLE_PC);
}
LIBRARY_HOOK(void, heddle_atomic_exchange, "__atomic_exchange", uptr size, void* object,
             const void* value, void* result, int order) {
  exchange(size, object, value, result, order, HEDDLE_PC);
}
LIBRARY_HOOK(bool, heddle_atomic_compare_exchange, "__atomic_compare_exchange", uptr size,
             void* object, void* expected, const void* desired, int success, int failure) {
  return compare_exchange(size, object, expected, desired, success, failure, HEDDLE_PC);
}
LIBRARY_HOOK(bool, heddle_atomic_is_lock_free, "__atomic_is_lock_free", uptr size, const void*) {
  return size <= 8 && (size & (size - 1)) == 0;
}

#define SIZED_UPDATE(bytes, T, name, expression)                                           \
  LIBRARY_HOOK(T, heddle_atomic_##name##_##bytes, "__atomic_" #name "_" #bytes, T* object, \
               T argument, int order) {                                                    \
    return current_thread == nullptr                                                       \
               ? __atomic_##name(object, argument, __ATOMIC_SEQ_CST)                       \
               : update(object, argument, order, HEDDLE_PC,                                \
                        [](T a, T b) -> T { return static_cast<T>(expression); });         \
  }

#define SIZED_HOOKS(bytes, T)                                                                      \
  LIBRARY_HOOK(T, heddle_atomic_load_##bytes, "__atomic_load_" #bytes, const T* object,            \
               int order) {                                                                        \
    if (current_thread == nullptr) {                                                               \
      return __atomic_load_n(object, __ATOMIC_SEQ_CST);                                            \
    }                                                                                              \
    T result = 0;                                                                                  \
    load(bytes, object, &result, order, HEDDLE_PC);                                                \
    return result;                                                                                 \
  }                                                                                                \
  LIBRARY_HOOK(void, heddle_atomic_store_##bytes, "__atomic_store_" #bytes, T* object, T value,    \
               int order) {                                                                        \
    if (current_thread == nullptr) {                                                               \
      __atomic_store_n(object, value, __ATOMIC_SEQ_CST);                                           \
      return;                                                                                      \
    }                                                                                              \
    store(bytes, object, &value, order, HEDDLE_PC);                                                \
  }                                                                                                \
  LIBRARY_HOOK(T, heddle_atomic_exchange_##bytes, "__atomic_exchange_" #bytes, T* object, T value, \
               int order) {                                                                        \
    if (current_thread == nullptr) {                                                               \
      return __atomic_exchange_n(object, value, __ATOMIC_SEQ_CST);                                 \
    }                                                                                              \
    T result = 0;                                                                                  \
    exchange(bytes, object, &value, &result, order, HEDDLE_PC);                                    \
    return result;                                                                                 \
  }                                                                                                \
  LIBRARY_HOOK(bool, heddle_atomic_compare_exchange_##bytes, "__atomic_compare_exchange_" #bytes,  \
               T* object, T* expected, T desired, int success, int failure) {                      \
    if (current_thread == nullptr) {                                                               \
      return __atomic_compare_exchange_n(object, expected, desired, false, __ATOMIC_SEQ_CST,       \
                                         __ATOMIC_SEQ_CST);                                        \
    }                                                                                              \
    return compare_exchange(bytes, object, expected, &desired, success, failure, HEDDLE_PC);       \
  }                                                                                                \
  SIZED_UPDATE(bytes, T, fetch_add, a + b)                                                         \
  SIZED_UPDATE(bytes, T, fetch_sub, a - b)                                                         \
  SIZED_UPDATE(bytes, T, fetch_and, a& b)                                                          \
  SIZED_UPDATE(bytes, T, fetch_or, a | b)                                                          \
  SIZED_UPDATE(bytes, T, fetch_xor, a ^ b)                                                         \
  SIZED_UPDATE(bytes, T, fetch_nand, ~(a & b))

SIZED_HOOKS(1, u8)
SIZED_HOOKS(2, u16)
SIZED_HOOKS(4, u32)
SIZED_HOOKS(8, u64)
SIZED_HOOKS(16, u128)
