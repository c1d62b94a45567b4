// An iterator with a version: it is refused once the map has changed, for what it points to may be
// gone. Version and map change under one lock, so the version needs no memory order of its own.
#pragma once

#include <atomic>
#include <mutex>

#include "protocol.hpp"

namespace protocols {

enum class versioned_iterator_form {
  correct,
  checks_before_locking,  // the version is looked at before the lock is taken
  bumps_after_unlocking,  // it is counted up when the lock is no longer held
  steps_without_lock,     // the iterator takes no lock; it looks at the version before and after
};

template <versioned_iterator_form Form>
class versioned_iterator : public protocol {
  using form = versioned_iterator_form;

  struct node {
    plain<int> value = 1;
  };

 public:
  void before() { first_ = new node; }

  void thread(unsigned index) { index == 0 ? iterate() : erase(); }

 private:
  void iterate() {
    node* position = nullptr;
    unsigned version = 0;
    {
      const std::lock_guard lock(mutex_);
      position = first_;
      version = version_.load(std::memory_order_relaxed);
    }
    if (position != nullptr) {
      step(*position, version);
    }
  }

  void step(const node& position, unsigned version) {
    if constexpr (Form == form::steps_without_lock) {
      read(position, version);
    } else if constexpr (Form == form::checks_before_locking) {
      if (is_current(version)) {
        const std::lock_guard lock(mutex_);
        PROTOCOL_CHECK(position.value == 1);
      }
    } else {
      const std::lock_guard lock(mutex_);
      read(position, version);
    }
  }

  void read(const node& position, unsigned version) {
    if (is_current(version)) {
      const int value = position.value;
      PROTOCOL_CHECK(value == 1 || !is_current(version));
    }
  }

  bool is_current(unsigned version) const {
    return version_.load(std::memory_order_relaxed) == version;
  }

  void erase() {
    node* erased = nullptr;
    {
      const std::lock_guard lock(mutex_);
      erased = first_;
      first_ = nullptr;
      if constexpr (Form != form::bumps_after_unlocking) {
        bump();
      }
    }
    delete erased;
    if constexpr (Form == form::bumps_after_unlocking) {
      bump();
    }
  }

  void bump() { version_.fetch_add(1, std::memory_order_relaxed); }

  std::mutex mutex_;
  plain<node*> first_ = nullptr;
  std::atomic<unsigned> version_ = 0;
};

}  // namespace protocols
