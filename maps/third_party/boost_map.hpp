// Boost's hash maps, which know no threads, each under one lock.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered_map.hpp>
#include <cstddef>
#include <mutex>
#include <optional>
#include <shared_mutex>

namespace maps::third_party {

/// Who only reads takes the lock as `Reading` does, also during a whole iteration.
template <class Map, class Mutex, class Reading>
class boost_map {
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

/// Open addressing in groups of fifteen slots.
template <class Hash>
using boost_flat_map =
    boost_map<boost::unordered_flat_map<int, int, Hash>, std::mutex, std::lock_guard<std::mutex>>;

/// Nodes, as in std::unordered_map.
template <class Hash>
using boost_node_map =
    boost_map<boost::unordered_map<int, int, Hash>, std::mutex, std::lock_guard<std::mutex>>;

/// The same; but readers share the lock.
template <class Hash>
using boost_shared_map = boost_map<boost::unordered_map<int, int, Hash>, std::shared_mutex,
                                   std::shared_lock<std::shared_mutex>>;

}  // namespace maps::third_party
