// An iterator that crosses a migration under epochs: it pins the epoch that it enters in. What the
// migration unlinks gets the epoch as a stamp, and is freed when all pins are younger.
#pragma once

#include <atomic>

#include "protocol.hpp"

namespace protocols {

enum class epochs_form {
  correct,
  pins_after_loading,   // the table is loaded before the pin is set
  frees_own_epoch,      // a pin as old as the stamp is taken for a younger one
  pins_without_fence,   // the pin and the load of the table can change places
  looks_without_fence,  // so can the unlinking and the look at the pins
  relaxed_unpin,        // the pin is taken back by a relaxed store
};

template <epochs_form Form>
class epochs : public protocol {
  using form = epochs_form;

  struct table {
    plain<int> entry = 1;
  };

 public:
  void before() { table_.store(new table, std::memory_order_relaxed); }

  void thread(unsigned index) { index == 0 ? iterate() : migrate(); }

  void after() {
    delete retired_;
    delete table_.load(std::memory_order_relaxed);
  }

 private:
  void iterate() {
    const table* seen = nullptr;
    if constexpr (Form == form::pins_after_loading) {
      seen = table_.load(std::memory_order_acquire);
    }
    pinned_.store(now_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    if constexpr (Form != form::pins_without_fence) {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    if constexpr (Form != form::pins_after_loading) {
      seen = table_.load(std::memory_order_acquire);
    }
    PROTOCOL_CHECK(seen->entry == 1);
    pinned_.store(
        kNone, Form == form::relaxed_unpin ? std::memory_order_relaxed : std::memory_order_release);
  }

  void migrate() {
    table* const old = table_.exchange(new table, std::memory_order_acq_rel);
    fence();
    const unsigned stamp = now_.fetch_add(1, std::memory_order_relaxed);
    fence();
    const unsigned oldest = pinned_.load(std::memory_order_acquire);
    if (oldest == kNone || (Form == form::frees_own_epoch ? stamp <= oldest : stamp < oldest)) {
      delete old;
    } else {
      retired_ = old;
    }
  }

  static void fence() {
    if constexpr (Form != form::looks_without_fence) {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
  }

  static constexpr unsigned kNone = 0;

  std::atomic<unsigned> now_ = 1;
  std::atomic<unsigned> pinned_ = kNone;
  std::atomic<table*> table_ = nullptr;
  table* retired_ = nullptr;
};

}  // namespace protocols
