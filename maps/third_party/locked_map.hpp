// A map with the interface of std::unordered_map, which knows no threads, under one lock.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>

namespace maps::third_party {

/// Who only reads takes the lock as `Reading` does, also during a whole iteration.
template <class Map, class Mutex, class Reading>
class locked_map {
 public:
  bool insert(int key, int value) {
    const std::lock_guard lock(mutex_);
    return map_.try_emplace(key, value).second;
  }

  bool insert_or_assign(int key, int value) {
    const std::lock_guard lock(mutex_);
    return map_.insert_or_assign(key, value).second;
  }

  bool erase(int key) {
    const std::lock_guard lock(mutex_);
    return map_.erase(key) != 0;
  }

  std::optional<int> find(int key) const {
    const Reading lock(mutex_);
    const auto at = map_.find(key);
    return at != map_.end() ? std::optional(at->second) : std::nullopt;
  }

  bool contains(int key) const {
    const Reading lock(mutex_);
    return map_.contains(key);
  }

  std::size_t size() const {
    const Reading lock(mutex_);
    return map_.size();
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    map_.clear();
  }

  template <class F>
  void for_each(F f) const {
    const Reading lock(mutex_);
    for (const auto& [key, value] : map_) {
      f(key, value);
    }
  }

 private:
  mutable Mutex mutex_;
  Map map_;
};

}  // namespace maps::third_party
