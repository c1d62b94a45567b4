// Protocols under Relacy. Below the last line of this header `std` is a namespace in which atomics,
// fences and mutexes are Relacy's, and anything else is the standard library's. Headers that a
// protocol includes come first, as they are.
#pragma once

#include <atomic>
#include <mutex>
#include <source_location>
#include <type_traits>

#include <relacy/relacy.hpp>

// Relacy hides a second argument in the names of memory orders, which then fit into calls only. Its
// `new` and `delete` only add the place to what its operators do anyway.
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno

namespace relacy_std {

using namespace ::std;

using memory_order = rl::memory_order;
inline constexpr memory_order memory_order_relaxed = rl::mo_relaxed;
inline constexpr memory_order memory_order_acquire = rl::mo_acquire;
inline constexpr memory_order memory_order_release = rl::mo_release;
inline constexpr memory_order memory_order_acq_rel = rl::mo_acq_rel;
inline constexpr memory_order memory_order_seq_cst = rl::mo_seq_cst;

using place = source_location;

inline rl::debug_info at(const place& p) { return {p.function_name(), p.file_name(), p.line()}; }

template <class T>
class atomic {
 public:
  atomic(T value = T()) : value_(value) {}

  T load(memory_order order, place p = place::current()) const { return value_.load(order, at(p)); }

  void store(T value, memory_order order, place p = place::current()) {
    value_.store(value, order, at(p));
  }

  T exchange(T value, memory_order order, place p = place::current()) {
    return value_.exchange(value, order, at(p));
  }

  T fetch_add(T value, memory_order order, place p = place::current()) {
    return value_.fetch_add(value, order, at(p));
  }

  T fetch_sub(T value, memory_order order, place p = place::current()) {
    return value_.fetch_sub(value, order, at(p));
  }

  bool compare_exchange_strong(T& expected, type_identity_t<T> desired, memory_order success,
                               memory_order failure, place p = place::current()) {
    return value_.compare_exchange_strong(expected, desired, success, at(p), failure, at(p));
  }

 private:
  rl::atomic<T> value_;
};

inline void atomic_thread_fence(memory_order order, place p = place::current()) {
  rl::atomic_thread_fence(order, at(p));
}

class mutex {
 public:
  void lock(place p = place::current()) { mutex_.lock(at(p)); }
  void unlock(place p = place::current()) { mutex_.unlock(at(p)); }

 private:
  rl::mutex mutex_;
};

}  // namespace relacy_std

#define PROTOCOL_CHECK(...) RL_ASSERT(__VA_ARGS__)

namespace protocols {

/// Shared data that is no atomic.
template <class T>
class plain {
 public:
  plain(T value) : value_(value) {}

  plain& operator=(T value) {
    value_(RL_INFO) = value;
    return *this;
  }

  plain& operator=(const plain& other) { return *this = static_cast<T>(other); }

  operator T() const { return value_(RL_INFO); }

 private:
  rl::var<T> value_;
};

}  // namespace protocols

#define std relacy_std
