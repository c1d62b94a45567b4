// An iterator that crosses a migration under hazard pointers: it announces the table, then looks
// whether that still is the map's. The migration unlinks the old table, then looks whether it is
// announced. Each has to see the other's store, unless the other sees its own.
#pragma once

#include <atomic>

#include "protocol.hpp"

namespace protocols {

enum class hazard_pointers_form {
  correct,
  sc_reader,             // correct, too: the reader has seq_cst accesses in the place of a fence
  trusts_first_load,     // the reader does not look again
  reader_without_fence,  // its store and its second look can change places
  writer_without_fence,  // so can the unlinking and the look at the announcement
  relaxed_clear,         // the announcement is taken back by a relaxed store
};

template <hazard_pointers_form Form>
class hazard_pointers : public protocol {
  using form = hazard_pointers_form;

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
  static constexpr auto kAnnounce =
      Form == form::sc_reader ? std::memory_order_seq_cst : std::memory_order_relaxed;
  static constexpr auto kLook =
      Form == form::sc_reader ? std::memory_order_seq_cst : std::memory_order_acquire;
  static constexpr auto kClear =
      Form == form::relaxed_clear ? std::memory_order_relaxed : std::memory_order_release;

  void iterate() {
    const table* const held = protect();
    PROTOCOL_CHECK(held->entry == 1);
    announced_.store(nullptr, kClear);
  }

  table* protect() {
    table* seen = table_.load(std::memory_order_acquire);
    table* announced = nullptr;
    do {
      announced = seen;
      announced_.store(announced, kAnnounce);
      if constexpr (Form != form::sc_reader && Form != form::reader_without_fence) {
        std::atomic_thread_fence(std::memory_order_seq_cst);
      }
      if constexpr (Form != form::trusts_first_load) {
        seen = table_.load(kLook);
      }
    } while (seen != announced);
    return seen;
  }

  void migrate() {
    table* const old = table_.exchange(new table, std::memory_order_acq_rel);
    if constexpr (Form != form::writer_without_fence) {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    if (announced_.load(std::memory_order_acquire) == old) {
      retired_ = old;
    } else {
      delete old;
    }
  }

  std::atomic<table*> table_ = nullptr;
  std::atomic<table*> announced_ = nullptr;
  table* retired_ = nullptr;
};

}  // namespace protocols
