// Publishing a new table: a writer builds a larger table, then lets readers see it. Readers go by a
// mask of their own, which must never be larger than the table that they read afterwards.
#pragma once

#include <atomic>

#include "protocol.hpp"

namespace protocols {

enum class publication_form {
  correct,
  relaxed_table,        // the table is published by a relaxed store
  fills_after_store,    // the table is published before its entries are written
  reads_table_first,    // the reader takes the table first, then the mask
  relaxed_mask,         // the mask is published by a relaxed store
  relaxed_second_mask,  // it is published well, and again by a relaxed store of the same thread
};

template <publication_form Form>
class publication : public protocol {
  using form = publication_form;

  struct table {
    explicit table(unsigned table_size) : size(table_size) {}

    const unsigned size;
    plain<int> entries[2] = {0, 0};
  };

  static constexpr unsigned kGrowing = 2;  // a bit of the mask: entries are still being moved

 public:
  void before() {
    table* const first = new table(1);
    first->entries[0] = 1;
    table_.store(first, std::memory_order_relaxed);
  }

  void thread(unsigned index) { index == 0 ? grow() : read(); }

  void after() {
    delete old_;
    delete table_.load(std::memory_order_relaxed);
  }

 private:
  void grow() {
    old_ = table_.load(std::memory_order_relaxed);
    table* const larger = new table(2);
    if constexpr (Form != form::fills_after_store) {
      fill(*larger);
    }
    table_.store(larger, Form == form::relaxed_table ? std::memory_order_relaxed
                                                     : std::memory_order_release);
    if constexpr (Form == form::fills_after_store) {
      fill(*larger);
    }
    constexpr auto kPublish =
        Form == form::relaxed_mask ? std::memory_order_relaxed : std::memory_order_release;
    mask_.store(1 | kGrowing, kPublish);
    mask_.store(1, Form == form::relaxed_second_mask ? std::memory_order_relaxed : kPublish);
  }

  void fill(table& t) {
    t.entries[0] = 1;
    t.entries[1] = 1;
  }

  void read() {
    const table* seen = nullptr;
    if constexpr (Form == form::reads_table_first) {
      seen = table_.load(std::memory_order_acquire);
    }
    const unsigned mask = mask_.load(std::memory_order_acquire) & ~kGrowing;
    if constexpr (Form != form::reads_table_first) {
      seen = table_.load(std::memory_order_acquire);
    }
    PROTOCOL_CHECK(mask < seen->size);
    PROTOCOL_CHECK(seen->entries[mask] == 1);
  }

  std::atomic<table*> table_ = nullptr;
  std::atomic<unsigned> mask_ = 0;
  table* old_ = nullptr;
};

}  // namespace protocols
