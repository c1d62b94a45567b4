// `epochs` with the interface of xenium's reclaimers, for containers that are given one of those.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>
#include <xenium/reclamation/detail/concurrent_ptr.hpp>
#include <xenium/reclamation/detail/guard_ptr.hpp>

#include "epochs.hpp"

namespace maps {

/// One domain for all containers that have the same parameters. A thread holds one pin as long as
/// it has a guard that is not empty; what can be reached then stays allocated, guarded or not.
/// Why not xenium's: its generic_epoch_based frees what a thread that ends hands over while it is
/// still being read.
template <std::size_t Slots = 64, std::size_t Batch = 64>
class epoch_reclaimer {
  template <class T, class MarkedPtr>
  class guard;

 public:
  template <class T, std::size_t MarkBits = 0>
  struct enable_concurrent_ptr : retirable {
    static constexpr std::size_t number_of_mark_bits = MarkBits;
  };

  template <class T, std::size_t MarkBits = T::number_of_mark_bits>
  using concurrent_ptr = xenium::reclamation::detail::concurrent_ptr<T, MarkBits, guard>;

  /// Frees now what nobody can see any more, of all containers.
  static void collect() noexcept { domain_.collect(); }

 private:
  struct pinned {
    std::size_t guards = 0;
    std::optional<typename epochs<Slots, Batch>::pin> pin = std::nullopt;
  };

  static void enter() noexcept {
    if (pinned_.guards++ == 0) {
      pinned_.pin.emplace(domain_.enter());
    }
  }

  static void leave() noexcept {
    if (--pinned_.guards == 0) {
      pinned_.pin.reset();
    }
  }

  static inline epochs<Slots, Batch> domain_;
  static inline thread_local pinned pinned_;
};

template <std::size_t Slots, std::size_t Batch>
template <class T, class MarkedPtr>
class epoch_reclaimer<Slots, Batch>::guard
    : public xenium::reclamation::detail::guard_ptr<T, MarkedPtr, guard<T, MarkedPtr>> {
  using base = xenium::reclamation::detail::guard_ptr<T, MarkedPtr, guard>;
  using base::ptr;

 public:
  explicit guard(const MarkedPtr& target = MarkedPtr()) noexcept : base(target) {
    if (ptr) {
      enter();
    }
  }
  guard(const guard& other) noexcept : guard(other.ptr) {}
  guard(guard&& other) noexcept : base(std::exchange(other.ptr, MarkedPtr())) {}
  guard& operator=(guard other) noexcept {
    std::swap(ptr, other.ptr);
    return *this;
  }

  void acquire(const concurrent_ptr<T>& from,
               std::memory_order order = std::memory_order_seq_cst) noexcept {
    enter();
    *this = guard(from.load(order));
    leave();
  }

  bool acquire_if_equal(const concurrent_ptr<T>& from, const MarkedPtr& expected,
                        std::memory_order order = std::memory_order_seq_cst) noexcept {
    acquire(from, order);
    if (ptr == expected) {
      return true;
    }
    reset();
    return false;
  }

  void reset() noexcept {
    if (std::exchange(ptr, MarkedPtr())) {
      leave();
    }
  }

  /// The target is unlinked.
  void reclaim() noexcept {
    domain_.retire(ptr.get());
    reset();
  }
};

}  // namespace maps
