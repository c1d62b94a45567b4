// A seeded bug, for the maps that are given it as their reclaimer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "epochs.hpp"

namespace maps {

/// As epochs, but a pin is stored once its slot is taken, with no fence behind it: it may come
/// after the loads that it is for, and who collects does not see it. Nothing is wrong with that
/// where memory is sequentially consistent.
template <std::size_t Slots, std::size_t Batch>
class unfenced_epochs : public epochs<Slots, Batch> {
  using base = epochs<Slots, Batch>;
  static constexpr std::uint64_t kTaken =
      std::numeric_limits<std::uint64_t>::max();  // holds nothing

 public:
  using pin = typename base::pin;

  pin enter() noexcept {
    const std::uint64_t now = this->now_.load(std::memory_order_acquire);
    if (now >= this->collected_at_.load(std::memory_order_relaxed) + Batch) {
      this->collect();
    }
    for (std::size_t i = base::own_slot();; ++i) {
      auto& candidate = this->slots_[i % Slots];
      std::uint64_t free = 0;
      if (candidate.entered_at.compare_exchange_strong(free, kTaken, std::memory_order_acq_rel,
                                                       std::memory_order_relaxed)) {
        candidate.entered_at.store(now, std::memory_order_release);
        return pin(candidate);
      }
    }
  }
};

}  // namespace maps
