// A reader-writer lock whose readers do not meet: each counts itself in a cache line of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>

#include "adaptive_mutex.hpp"

namespace maps {

/// The seeded bugs, one mistake each. rwlock_map/README.md names the oracle that finds each of
/// them.
enum class spread_readers_mutex_bug {
  none,
  looks_before_it_counts,
  leaves_without_waking,
};

/// A SharedMutex for short critical sections and many readers. Who reads writes to no line that
/// other readers write to, as long as there are no more threads than `Slots`; who writes looks at
/// all of these lines. A writer that has its turn keeps new readers out; else nobody is preferred,
/// and who sleeps may be overtaken.
/// Threads: not recursive, as writer_first_mutex. Who has called lock_shared() calls
///          unlock_shared().
/// Source:  Hsieh and Weihl, "Scalable Reader-Writer Locks for Parallel Systems", IPPS 1992.
///
/// Note on orders. Who reads counts itself and then looks whether a writer has the mutex; who
/// writes takes it and then looks for readers. One sees the other, since all of that is seq_cst. So
/// it is where a reader leaves and a writer falls asleep.
template <std::size_t Slots = 8, int Rounds = kSpinRounds,
          spread_readers_mutex_bug Bug = spread_readers_mutex_bug::none>
class spread_readers_mutex {
  using bug = spread_readers_mutex_bug;

  struct alignas(64) slot {
    std::atomic<int> readers = 0;
  };

 public:
  void lock() noexcept {
    writer_.lock();
    for (slot& each : slots_) {
      wait_until_none(each.readers);
    }
  }

  void unlock() noexcept { writer_.unlock(); }

  void lock_shared() noexcept {
    std::atomic<int>& readers = own_slot().readers;
    if (Bug == bug::looks_before_it_counts && !writer_.is_locked()) {
      ++readers;
      return;
    }
    ++readers;
    if (!writer_.is_locked()) {
      return;
    }
    leave(readers);
    const std::lock_guard no_writer(writer_);
    ++readers;
  }

  void unlock_shared() noexcept { leave(own_slot().readers); }

 private:
  // Threads have different slots until there are more of them.
  slot& own_slot() noexcept {
    thread_local const std::size_t own = threads_.fetch_add(1, std::memory_order_relaxed);
    return slots_[own % Slots];
  }

  void leave(std::atomic<int>& readers) noexcept {
    if (--readers == 0 && writer_.is_locked() && Bug != bug::leaves_without_waking) {
      readers.notify_one();
    }
  }

  static void wait_until_none(const std::atomic<int>& readers) noexcept {
    if (spin_until([&readers] { return readers == 0; }, Rounds)) {
      return;
    }
    while (const int inside = readers) {
      readers.wait(inside);
    }
  }

  static inline std::atomic<std::size_t> threads_ = 0;

  adaptive_mutex<Rounds> writer_;
  std::array<slot, Slots> slots_;
};

}  // namespace maps
