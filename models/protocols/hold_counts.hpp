// An iterator that crosses a migration under hold counts: map and iterators hold tables, and who
// gives the last hold back frees the table. What is in a table that was migrated never changes.
#pragma once

#include <atomic>
#include <mutex>

#include "protocol.hpp"

namespace protocols {

enum class hold_counts_form {
  correct,
  holds_after_unlock,  // the iterator counts itself when the lock is no longer held
  frees_at_once,       // the migration frees the old table, whoever holds it
  relaxed_drop,        // holds are given back by a relaxed update
  release_drop,        // ... by one that releases, but does not acquire
};

template <hold_counts_form Form>
class hold_counts : public protocol {
  using form = hold_counts_form;

  struct table {
    std::atomic<unsigned> holds = 1;  // the map's
    plain<int> entries[2] = {1, 1};
  };

 public:
  void before() { current_ = new table; }

  void thread(unsigned index) { index == 0 ? iterate() : migrate(); }

  void after() { drop(current_); }

 private:
  void iterate() {
    table* const held = open();
    PROTOCOL_CHECK(held->entries[0] == 1);
    PROTOCOL_CHECK(held->entries[1] == 1);
    drop(held);
  }

  table* open() {
    table* held = nullptr;
    {
      const std::lock_guard lock(mutex_);
      held = current_;
      if constexpr (Form != form::holds_after_unlock) {
        held->holds.fetch_add(1, std::memory_order_relaxed);
      }
    }
    if constexpr (Form == form::holds_after_unlock) {
      held->holds.fetch_add(1, std::memory_order_relaxed);
    }
    return held;
  }

  void migrate() {
    table* const fresh = new table;
    table* old = nullptr;
    {
      const std::lock_guard lock(mutex_);
      old = current_;
      fresh->entries[0] = old->entries[0];
      fresh->entries[1] = old->entries[1];
      current_ = fresh;
    }
    if constexpr (Form == form::frees_at_once) {
      delete old;
    } else {
      drop(old);
    }
  }

  void drop(table* held) {
    if (held->holds.fetch_sub(1, kDrop) == 1) {
      delete held;
    }
  }

  static constexpr auto kDrop = Form == form::relaxed_drop   ? std::memory_order_relaxed
                                : Form == form::release_drop ? std::memory_order_release
                                                             : std::memory_order_acq_rel;

  std::mutex mutex_;
  plain<table*> current_ = nullptr;
};

}  // namespace protocols
