// For targets: a map that knows no threads, made a shared one by a lock around every operation.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "heddle/heddle.hpp"

namespace maps {

/// Iterations are opened, advanced and closed in operations of their own, each under the lock, and
/// live across those of all threads.
template <class Map, class Mutex = std::mutex>
class locked {
 public:
  class range;

  template <class... Arguments>
  explicit locked(Arguments... arguments) : map_(arguments...) {}

  bool insert(int key, int value) {
    return under_lock([&] { return map_.insert_or_assign(key, value); });
  }
  bool erase(int key) {
    return under_lock([&] { return map_.erase(key); });
  }
  std::optional<int> find(int key) {
    return under_lock([&] { return map_.find(key); });
  }
  std::size_t size() {
    return under_lock([&] { return map_.size(); });
  }
  void clear() {
    under_lock([&] { map_.clear(); });
  }

  /// Without the lock, as to_text(): for when no operation runs.
  std::string validate() const { return map_.validate(); }

  std::string to_text() const
    requires requires(const Map& map) { map.to_text(); }
  {
    return map_.to_text();
  }

 protected:
  template <class Work>
  auto under_lock(Work work) {
    const std::lock_guard lock(mutex_);
    heddle::linearization_point();
    return work();
  }

  Map map_;
  Mutex mutex_;
};

template <class Map, class Mutex>
class locked<Map, Mutex>::range {
 public:
  explicit range(locked& owner) : owner_(&owner) {
    owner.under_lock([&] { iterator_.emplace(owner.map_.begin_range()); });
  }
  range(range&& other) noexcept = default;
  range& operator=(range&&) = delete;
  ~range() {
    if (iterator_.has_value()) {
      // The destructor of an iterator changes the map: it is a write, like everything else.
      owner_->under_lock([&] { iterator_.reset(); });
    }
  }

  std::optional<std::pair<int, int>> next() {
    return owner_->under_lock([&]() { return next_alone(); });
  }

  /// For maps whose iterators erase.
  bool erase_current() {
    return owner_->under_lock([&] { return iterator_->erase(); });
  }

 protected:
  std::optional<std::pair<int, int>> next_alone() {
    if (!iterator_->next()) {
      return std::nullopt;
    }
    return std::pair(iterator_->key(), iterator_->mapped());
  }

 private:
  locked* owner_;
  std::optional<typename Map::iterator> iterator_;
};

}  // namespace maps
