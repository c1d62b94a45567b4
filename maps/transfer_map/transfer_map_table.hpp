// Part of transfer_map: tables of bins, and the state of a transfer from one to the next.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "../reclamation/epochs.hpp"

namespace maps {

/// The seeded bugs, one mistake each. README.md names the oracle that finds each of them.
enum class transfer_map_bug {
  none,
  joins_any_transfer,
  starts_from_stale_table,
  does_not_wait_for_helpers,
  forgets_bins_left_over,
  forwards_before_copying,
  skips_check_under_lock,
  frees_table_at_once,
  retires_shared_run,
  iterates_one_half,
  publishes_relaxed,
  assigns_in_place,
  computes_outside_lock,
  grows_under_lock,
  counts_in_two_steps,
  forgets_waiters,
  looks_up_relaxed,
  leaves_as_the_last,
};

namespace transfer_map_parts {

/// An entry. What readers may see of it never changes, but for the link.
template <class Key, class T>
struct node : retirable {
  node(std::uint64_t its_hash, const Key& its_key, const T& its_value, node* its_next)
      : hash(its_hash), key(its_key), value(its_value), next(its_next) {}

  const std::uint64_t hash;
  const Key key;
  T value;  // written once; not const for the sake of a seeded bug
  std::atomic<node*> next;
};

/// A lock of four bytes, for std::mutex has forty and there is one in each bin.
/// Source: Drepper, "Futexes Are Tricky", 2011, the second mutex.
template <bool ForgetsWaiters>
class bin_lock {
 public:
  void lock() noexcept {
    int state = kFree;
    if (state_.compare_exchange_strong(state, kTaken, std::memory_order_acquire)) {
      return;
    }
    do {
      if (contended(state)) {
        state_.wait(kContended, std::memory_order_relaxed);
      }
      state = kFree;
      // Whoever has waited does not know whether others wait, too.
    } while (!state_.compare_exchange_strong(state, ForgetsWaiters ? kTaken : kContended,
                                             std::memory_order_acquire));
  }

  void unlock() noexcept {
    // seq_cst: libstdc++ then reads how many wait, and must not overlook one who saw kContended.
    if (state_.exchange(kFree) == kContended) {
      state_.notify_one();
    }
  }

 private:
  static constexpr int kFree = 0;
  static constexpr int kTaken = 1;
  static constexpr int kContended = 2;  // taken, and somebody may wait

  /// Makes a taken lock a contended one; false if it is free by now.
  bool contended(int state) noexcept {
    return state == kContended ||
           state_.compare_exchange_strong(state, kContended, std::memory_order_relaxed) ||
           state == kContended;
  }

  std::atomic<int> state_{kFree};
};

/// A chain of nodes. Once forwarded it stays as it is, for readers who are in it, and the table's
/// `next` has the entries.
template <class Node, bool ForgetsWaiters>
struct bin {
  bin_lock<ForgetsWaiters> lock;  // of those who change the chain or forward it
  std::atomic<bool> forwarded{false};
  std::atomic<Node*> head{nullptr};
};

template <class Bin>
struct table : retirable {
  explicit table(std::size_t number_of_bins)
      : size(number_of_bins), bins(new Bin[number_of_bins]), unclaimed(number_of_bins) {}

  Bin& bin_of(std::uint64_t hash) const noexcept { return bins[hash & (size - 1)]; }

  bool all_forwarded() const noexcept {
    for (std::size_t i = 0; i < size; ++i) {
      if (!bins[i].forwarded.load(std::memory_order_acquire)) {
        return false;
      }
    }
    return true;
  }

  const std::size_t size;  // a power of two
  const std::unique_ptr<Bin[]> bins;
  std::atomic<table*> next{nullptr};   // twice as large; set when the transfer begins
  std::atomic<std::size_t> unclaimed;  // bins below this are nobody's to transfer yet
};

/// Who transfers which table, in one word: how many work on it, whether one of them is finishing,
/// and in the upper half the table's size, so that nobody joins the transfer of another table.
class transfer_state {
 public:
  static constexpr std::uint64_t kIdle = 0;

  static std::uint64_t of(std::size_t table_size, std::uint32_t workers) noexcept {
    return (static_cast<std::uint64_t>(std::bit_width(table_size)) << 32) | workers;
  }

  static std::uint64_t finishing(std::uint64_t state) noexcept {
    return (state & kTable) | kFinishing;
  }

  static bool same_table(std::uint64_t a, std::uint64_t b) noexcept {
    return (a & kTable) == (b & kTable);
  }

  static bool is_finishing(std::uint64_t state) noexcept { return (state & kFinishing) != 0; }

  static std::uint32_t workers(std::uint64_t state) noexcept {
    return static_cast<std::uint32_t>(state) & ~static_cast<std::uint32_t>(kFinishing);
  }

 private:
  static constexpr std::uint64_t kTable = ~std::uint64_t{0} << 32;
  static constexpr std::uint64_t kFinishing = std::uint64_t{1} << 31;
};

/// A sum that threads add to in cells of their own, so that they do not wait for one cache line.
class counter_cells {
 public:
  void add(std::ptrdiff_t difference) noexcept {
    mine().fetch_add(difference, std::memory_order_relaxed);
  }

  /// A lost update: for a seeded bug.
  void add_in_two_steps(std::ptrdiff_t difference) noexcept {
    std::atomic<std::ptrdiff_t>& cell = cells_[0].value;
    cell.store(cell.load(std::memory_order_relaxed) + difference, std::memory_order_relaxed);
  }

  /// Exact when nobody adds.
  std::ptrdiff_t sum() const noexcept {
    std::ptrdiff_t sum = 0;
    for (const cell& c : cells_) {
      sum += c.value.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  static constexpr std::size_t kCells = 8;

  struct alignas(64) cell {
    std::atomic<std::ptrdiff_t> value{0};
  };

  std::atomic<std::ptrdiff_t>& mine() noexcept {
    static std::atomic<std::size_t> threads{0};
    thread_local const std::size_t number = threads.fetch_add(1, std::memory_order_relaxed);
    return cells_[number % kCells].value;
  }

  cell cells_[kCells];
};

}  // namespace transfer_map_parts
}  // namespace maps
