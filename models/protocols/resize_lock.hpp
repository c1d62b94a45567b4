// A lock of who resizes a table, with helpers: the state counts the workers. Each claims buckets
// until none are left, and the last one to leave publishes the new table.
#pragma once

#include <atomic>

#include "protocol.hpp"

namespace protocols {

enum class resize_lock_form {
  correct,
  starts_unchecked,        // who got the lock does not look whether the table was resized meanwhile
  publishes_when_claimed,  // the last bucket was claimed, but others may still be at theirs
  relaxed_leave,           // workers leave by a relaxed update
  relaxed_next,            // helpers get the new table by a relaxed store
  relaxed_idle,            // the lock is given back by a relaxed store
};

template <resize_lock_form Form>
class resize_lock : public protocol {
  using form = resize_lock_form;

  struct table {
    plain<int> buckets[2] = {0, 0};
  };

  static constexpr int kIdle = 0;
  static constexpr int kFinishing = -1;

 public:
  void thread(unsigned) {
    if (table_.load(std::memory_order_acquire) == &old_) {
      resize();
    }
  }

  void after() {
    PROTOCOL_CHECK(table_.load(std::memory_order_relaxed) != &old_);
    delete next_.load(std::memory_order_relaxed);
  }

 private:
  void resize() {
    int workers = kIdle;
    if (workers_.compare_exchange_strong(workers, 1, std::memory_order_acq_rel,
                                         std::memory_order_acquire)) {
      start();
    } else {
      help(workers);
    }
  }

  void start() {
    const bool stale = table_.load(std::memory_order_acquire) != &old_;
    if (stale && Form != form::starts_unchecked) {
      workers_.store(kIdle, std::memory_order_release);
      return;
    }
    next_.store(new table,
                Form == form::relaxed_next ? std::memory_order_relaxed : std::memory_order_release);
    work();
  }

  void help(int workers) {
    while (workers > 0 && next_.load(std::memory_order_acquire) != nullptr) {
      if (workers_.compare_exchange_strong(workers, workers + 1, std::memory_order_acq_rel,
                                           std::memory_order_acquire)) {
        work();
        return;
      }
    }
  }

  void work() {
    table& to = *next_.load(std::memory_order_acquire);
    int claimed = unclaimed_.fetch_sub(1, std::memory_order_relaxed);
    while (claimed > 0) {
      to.buckets[claimed - 1] = 1;
      claimed = unclaimed_.fetch_sub(1, std::memory_order_relaxed);
    }
    leave(to);
  }

  void leave(table& to) {
    int workers = workers_.load(std::memory_order_relaxed);
    bool last = false;
    do {
      last = workers == 1 || Form == form::publishes_when_claimed;
    } while (!workers_.compare_exchange_strong(workers, last ? kFinishing : workers - 1, kLeave,
                                               std::memory_order_relaxed));
    if (last) {
      finish(to);
    }
  }

  void finish(table& to) {
    PROTOCOL_CHECK(to.buckets[0] == 1 && to.buckets[1] == 1);
    table_.store(&to, std::memory_order_release);
    workers_.store(
        kIdle, Form == form::relaxed_idle ? std::memory_order_relaxed : std::memory_order_release);
  }

  static constexpr auto kLeave =
      Form == form::relaxed_leave ? std::memory_order_relaxed : std::memory_order_acq_rel;

  table old_;
  std::atomic<table*> table_ = &old_;
  std::atomic<table*> next_ = nullptr;
  std::atomic<int> workers_ = kIdle;
  std::atomic<int> unclaimed_ = 2;
};

}  // namespace protocols
