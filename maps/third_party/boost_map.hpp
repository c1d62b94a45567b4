// Boost's flat hash map, which knows no threads, under a lock.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <mutex>
#include <optional>

namespace maps::third_party {

/// Open addressing in groups of fifteen slots; the lock is held during a whole iteration.
template <class Hash>
class boost_flat_map {
 public:
  bool insert(int key, int value) {
    const std::lock_guard lock(mutex_);
    return map_.emplace(key, value).second;
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
    const std::lock_guard lock(mutex_);
    const auto at = map_.find(key);
    return at != map_.end() ? std::optional(at->second) : std::nullopt;
  }

  bool contains(int key) const {
    const std::lock_guard lock(mutex_);
    return map_.contains(key);
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return map_.size();
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    map_.clear();
  }

  template <class F>
  void for_each(F f) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, value] : map_) {
      f(key, value);
    }
  }

 private:
  mutable std::mutex mutex_;
  boost::unordered_flat_map<int, int, Hash> map_;
};

}  // namespace maps::third_party
