// Memory reclamation by epochs: who reads shared nodes holds a pin, and what is unlinked is freed
// when all pins have gone that are as old.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace maps {

/// What can be retired.
class retirable {
 public:
  virtual ~retirable() = default;

 private:
  template <std::size_t, std::size_t>
  friend class epochs;

  retirable* next_retired_ = nullptr;
  std::uint64_t retired_at_ = 0;
};

/// A domain of its own for each container, so that nothing outlives it.
/// Threads:    any number, but at most `Slots` pins at a time; who wants one more waits.
/// Complexity: a pin costs a compare-exchange and a fence. Each time `Batch` nodes are retired, the
///             next pin looks at all slots and at all that is retired.
/// Source:     K. Fraser, Practical lock-freedom, 2004, section 5.2.3. Here nodes have a stamp each
///             and are compared with the oldest pin, so that it does not matter in which order
///             batches are taken and given back.
///
/// Notes on orders. (1) The fences order a pin and the reads under it, on one side, against an
/// unlinking and the look at the slots, on the other: either the pin is seen, or its owner sees the
/// unlinking. (2) acquires what (3) released: all that was done under a pin, before what was read
/// there is freed. A compare-exchange in between continues the release sequence. (4) hands nodes
/// over from who retires them to who frees them.
template <std::size_t Slots = 64, std::size_t Batch = 64>
class epochs {
  struct alignas(64) slot {
    std::atomic<std::uint64_t> entered_at = 0;  // 0: free
  };

 public:
  /// Nothing that is retired while it lives is freed before it is gone.
  class pin {
   public:
    pin() = default;
    explicit pin(slot& held) noexcept : held_(&held) {}
    pin(pin&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
    pin& operator=(pin&&) = delete;

    ~pin() {
      if (held_ != nullptr) {
        held_->entered_at.store(0, std::memory_order_release);  // (3)
      }
    }

   private:
    slot* held_ = nullptr;
  };

  epochs() = default;
  epochs(const epochs&) = delete;
  epochs& operator=(const epochs&) = delete;

  ~epochs() { delete_all(retired_.load(std::memory_order_acquire)); }

  pin enter() noexcept {
    if (retired_count_.load(std::memory_order_relaxed) >= Batch) {
      collect();
    }
    for (std::size_t i = own_slot();; ++i) {
      slot& candidate = slots_[i % Slots];
      std::uint64_t free = 0;
      if (candidate.entered_at.load(std::memory_order_relaxed) == free &&
          candidate.entered_at.compare_exchange_strong(free, now_.load(std::memory_order_relaxed),
                                                       std::memory_order_relaxed)) {
        std::atomic_thread_fence(std::memory_order_seq_cst);  // (1)
        return pin(candidate);
      }
    }
  }

  /// `node` is unlinked. The caller holds a pin.
  void retire(retirable* node) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // (1)
    node->retired_at_ = now_.load(std::memory_order_relaxed);
    push(node);
    retired_count_.fetch_add(1, std::memory_order_relaxed);
  }

  /// Frees what nobody can see any more.
  void collect() noexcept {
    retired_count_.store(0, std::memory_order_relaxed);
    retirable* node = retired_.exchange(nullptr, std::memory_order_acquire);  // (4)
    now_.fetch_add(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // (1)
    const std::uint64_t oldest = oldest_pin();
    while (node != nullptr) {
      retirable* const next = node->next_retired_;
      if (node->retired_at_ < oldest) {
        delete node;
      } else {
        push(node);
      }
      node = next;
    }
  }

 private:
  // Threads begin their search at different slots.
  static std::size_t own_slot() noexcept {
    thread_local const std::size_t own = threads_.fetch_add(1, std::memory_order_relaxed);
    return own;
  }

  std::uint64_t oldest_pin() const noexcept {
    std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
    for (const slot& each : slots_) {
      const std::uint64_t entered_at = each.entered_at.load(std::memory_order_acquire);  // (2)
      if (entered_at != 0 && entered_at < oldest) {
        oldest = entered_at;
      }
    }
    return oldest;
  }

  void push(retirable* node) noexcept {
    node->next_retired_ = retired_.load(std::memory_order_relaxed);
    while (!retired_.compare_exchange_weak(node->next_retired_, node, std::memory_order_release,
                                           std::memory_order_relaxed)) {  // (4)
    }
  }

  static void delete_all(retirable* node) noexcept {
    while (node != nullptr) {
      delete std::exchange(node, node->next_retired_);
    }
  }

  static inline std::atomic<std::size_t> threads_ = 0;

  std::atomic<std::uint64_t> now_ = 1;
  std::atomic<retirable*> retired_ = nullptr;
  std::atomic<std::size_t> retired_count_ = 0;
  std::array<slot, Slots> slots_;
};

}  // namespace maps
