// Memory reclamation by epochs: who reads shared nodes holds a pin, and what is unlinked is freed
// when all pins have gone that are as old.
#pragma once

#include <algorithm>
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
/// Complexity: a pin costs one compare-exchange, and so does a look at a slot. Each time `Batch`
///             nodes are retired, the next pin looks at all slots and at all that is retired.
/// Source:     K. Fraser, Practical lock-freedom, 2004, section 5.2.3. Here each retirement is an
///             epoch of its own, and nodes are compared with the oldest pin, so that it does not
///             matter in which order batches are taken and given back.
///
/// Notes on orders. There is no fence, which would cost more than all else here. (1) Who enters and
/// who collects meet in a compare-exchange of the slot: either the pin is seen, or its owner comes
/// second and sees what was unlinked, as does whoever has the slot after him. (2) A pin that begins
/// after a retirement sees the unlinking before it, so a seen pin holds nothing that is older.
/// (1) acquires what (3) released, too: all that was done under a pin, before what was read there
/// is freed. (4) hands nodes over from who retires them to who frees them.
template <std::size_t Slots = 64, std::size_t Batch = 64>
class epochs {
 protected:
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
    const std::uint64_t now = now_.load(std::memory_order_acquire);  // (2)
    if (now >= collected_at_.load(std::memory_order_relaxed) + Batch) {
      collect();
    }
    for (std::size_t i = own_slot();; ++i) {
      slot& candidate = slots_[i % Slots];
      std::uint64_t free = 0;
      if (candidate.entered_at.load(std::memory_order_relaxed) == free &&
          candidate.entered_at.compare_exchange_strong(free, now, std::memory_order_acq_rel,
                                                       std::memory_order_relaxed)) {  // (1)
        return pin(candidate);
      }
    }
  }

  /// `node` is unlinked. The caller holds a pin.
  void retire(retirable* node) noexcept {
    node->retired_at_ = now_.fetch_add(1, std::memory_order_release);  // (2)
    push(node);
  }

  /// Frees what nobody can see any more.
  void collect() noexcept {
    collected_at_.store(now_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    retirable* node = retired_.exchange(nullptr, std::memory_order_acquire);  // (4)
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

 protected:
  // Threads begin their search at different slots.
  static std::size_t own_slot() noexcept {
    thread_local const std::size_t own = threads_.fetch_add(1, std::memory_order_relaxed);
    return own;
  }

 private:
  std::uint64_t oldest_pin() noexcept {
    std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
    for (slot& each : slots_) {
      std::uint64_t entered_at = 0;
      if (!each.entered_at.compare_exchange_strong(entered_at, 0, std::memory_order_acq_rel,
                                                   std::memory_order_acquire)) {  // (1)
        oldest = std::min(oldest, entered_at);
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

 protected:
  std::atomic<std::uint64_t> now_ = 1;  // one more than was ever retired
  std::atomic<std::uint64_t> collected_at_ = 1;
  std::atomic<retirable*> retired_ = nullptr;
  std::array<slot, Slots> slots_;
};

}  // namespace maps
