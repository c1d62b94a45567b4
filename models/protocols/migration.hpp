// Migrating a bucket to the next table, without a lock: the entry is put into the new bucket, then
// a forwarding mark takes its place in the old one, unless somebody has replaced it meanwhile. Who
// finds the mark goes on to the new bucket.
#pragma once

#include <atomic>

#include "protocol.hpp"

namespace protocols {

enum class migration_form {
  correct,
  marks_before_copying,  // the mark sends others to a bucket that is still empty
  marks_blindly,         // the mark is stored, whatever has come into the bucket since
  relaxed_mark,          // the mark is set by a relaxed compare-exchange
  relaxed_lookup,        // the old bucket is looked at by a relaxed load
};

template <migration_form Form>
class migration : public protocol {
  using form = migration_form;

  struct entry {
    explicit entry(int v) : value(v) {}

    plain<int> value;
  };

 public:
  void before() { old_bucket_.store(&first_, std::memory_order_relaxed); }

  void thread(unsigned index) {
    if (index == 0) {
      migrate();
      PROTOCOL_CHECK(look_up() != 0);
    } else {
      replace();
      PROTOCOL_CHECK(look_up() == 2);
    }
  }

  void after() {
    PROTOCOL_CHECK(old_bucket_.load(std::memory_order_relaxed) == &mark_);
    PROTOCOL_CHECK(look_up() == 2);
    delete second_;
  }

 private:
  static constexpr auto kMark =
      Form == form::relaxed_mark ? std::memory_order_relaxed : std::memory_order_acq_rel;
  static constexpr auto kLook =
      Form == form::relaxed_lookup ? std::memory_order_relaxed : std::memory_order_acquire;

  void migrate() {
    entry* seen = old_bucket_.load(std::memory_order_acquire);
    if constexpr (Form == form::marks_before_copying) {
      seen = old_bucket_.exchange(&mark_, std::memory_order_acq_rel);
      new_bucket_.store(seen, std::memory_order_release);
    } else if constexpr (Form == form::marks_blindly) {
      new_bucket_.store(seen, std::memory_order_relaxed);
      old_bucket_.store(&mark_, std::memory_order_release);
    } else {
      do {
        new_bucket_.store(seen, std::memory_order_relaxed);  // the mark publishes it
      } while (
          !old_bucket_.compare_exchange_strong(seen, &mark_, kMark, std::memory_order_acquire));
    }
  }

  void replace() {
    second_ = new entry(2);
    entry* seen = old_bucket_.load(std::memory_order_acquire);
    while (seen != &mark_) {
      if (old_bucket_.compare_exchange_strong(seen, second_, std::memory_order_acq_rel,
                                              std::memory_order_acquire)) {
        return;
      }
    }
    seen = new_bucket_.load(std::memory_order_acquire);
    while (!new_bucket_.compare_exchange_strong(seen, second_, std::memory_order_acq_rel,
                                                std::memory_order_acquire)) {
    }
  }

  int look_up() {
    const entry* seen = old_bucket_.load(kLook);
    if (seen == &mark_) {
      seen = new_bucket_.load(kLook);
    }
    return seen == nullptr ? 0 : static_cast<int>(seen->value);
  }

  entry mark_{0};
  entry first_{1};
  entry* second_ = nullptr;
  std::atomic<entry*> old_bucket_ = nullptr;
  std::atomic<entry*> new_bucket_ = nullptr;
};

}  // namespace protocols
