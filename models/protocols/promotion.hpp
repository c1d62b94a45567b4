// A map of two tables: lookups go to the read part without a lock. What it lacks may be in the
// dirty part, which the lock guards, and which a miss promotes to the new read part.
#pragma once

#include <atomic>
#include <mutex>

#include "protocol.hpp"

namespace protocols {

enum class promotion_form {
  correct,
  skips_reread,        // under the lock, the reader does not look for a promotion meanwhile
  looks_without_lock,  // the dirty part is looked at without the lock
  relaxed_promotion,   // the promoted part is published by a relaxed store
};

template <promotion_form Form>
class promotion : public protocol {
  using form = promotion_form;

  struct part {
    plain<int> value = 0;  // of the key that is looked up; 0: none
  };

 public:
  void before() { read_.store(&empty_, std::memory_order_relaxed); }

  void thread(unsigned index) {
    if (index == 0) {
      insert();
      PROTOCOL_CHECK(look_up() == 1);
    } else {
      const bool amended = amended_.load(std::memory_order_acquire);
      const int value = look_up();
      PROTOCOL_CHECK(value == 1 || !amended);
    }
  }

 private:
  void insert() {
    const std::lock_guard lock(mutex_);
    full_.value = 1;
    dirty_ = &full_;
    amended_.store(true, std::memory_order_release);
  }

  int look_up() {
    const part* const seen = read_.load(std::memory_order_acquire);
    if (const int value = seen->value; value != 0) {
      return value;
    }
    if (!amended_.load(std::memory_order_acquire)) {
      return 0;
    }
    if constexpr (Form == form::looks_without_lock) {
      return miss();
    } else {
      const std::lock_guard lock(mutex_);
      return miss();
    }
  }

  int miss() {
    if constexpr (Form != form::skips_reread) {
      if (const int value = read_.load(std::memory_order_relaxed)->value; value != 0) {
        return value;
      }
    }
    part* const dirty = dirty_;
    if (dirty == nullptr) {
      return 0;
    }
    dirty_ = nullptr;
    read_.store(dirty, Form == form::relaxed_promotion ? std::memory_order_relaxed
                                                       : std::memory_order_release);
    return dirty->value;
  }

  part empty_;
  part full_;
  std::atomic<part*> read_ = nullptr;
  std::atomic<bool> amended_ = false;
  std::mutex mutex_;
  plain<part*> dirty_ = nullptr;
};

}  // namespace protocols
