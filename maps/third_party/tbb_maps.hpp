// oneTBB's hash maps under the names that maps have here. Their own allocator lies in a library
// that Heddle does not see into, hence std::allocator.
#pragma once

#include <tbb/concurrent_hash_map.h>
#include <tbb/concurrent_unordered_map.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace maps::third_party {

/// Elements have reader-writer locks; iteration is for when no other thread uses the map.
template <class Hash>
class tbb_hash_map {
 public:
  bool insert(int key, int value) { return map_.insert({key, value}); }

  bool insert_or_assign(int key, int value) {
    typename native_map::accessor entry;
    const bool inserted = map_.insert(entry, key);
    entry->second = value;
    return inserted;
  }

  bool erase(int key) { return map_.erase(key); }

  std::optional<int> find(int key) const {
    typename native_map::const_accessor entry;
    return map_.find(entry, key) ? std::optional(entry->second) : std::nullopt;
  }

  bool contains(int key) const { return map_.count(key) != 0; }

 private:
  struct compare {
    std::size_t hash(int key) const { return Hash{}(key); }
    bool equal(int a, int b) const { return a == b; }
  };
  using native_map =
      tbb::concurrent_hash_map<int, int, compare, std::allocator<std::pair<const int, int>>>;

  native_map map_;
};

/// Lock-free split-ordered lists; threads may not erase while others use the map.
template <class Hash>
class tbb_unordered_map {
  using native_map = tbb::concurrent_unordered_map<int, int, Hash, std::equal_to<int>,
                                                   std::allocator<std::pair<const int, int>>>;

 public:
  class iterator;

  explicit tbb_unordered_map(std::size_t buckets = 8) : map_(buckets) {}

  bool insert(int key, int value) { return map_.emplace(key, value).second; }

  std::optional<int> find(int key) const {
    const auto at = map_.find(key);
    return at != map_.end() ? std::optional(at->second) : std::nullopt;
  }

  bool contains(int key) const { return map_.contains(key); }

  iterator begin_range() { return iterator(map_); }

  template <class F>
  void for_each(F f) {
    for (const auto& [key, value] : map_) {
      f(key, value);
    }
  }

 private:
  native_map map_;
};

template <class Hash>
class tbb_unordered_map<Hash>::iterator {
 public:
  explicit iterator(native_map& map) : at_(map.begin()), end_(map.end()) {}

  std::optional<std::pair<int, int>> next() {
    return at_ != end_ ? std::optional<std::pair<int, int>>(*at_++) : std::nullopt;
  }

 private:
  typename native_map::iterator at_;
  typename native_map::iterator end_;
};

}  // namespace maps::third_party
