// xenium's hash maps under the names that maps have here.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <xenium/harris_michael_hash_map.hpp>
#include <xenium/policy.hpp>
#include <xenium/vyukov_hash_map.hpp>

namespace maps::third_party {

/// A lock a bucket for writers and iterators, versions for readers.
/// `Value` that is not a number of four or eight bytes lies in nodes that the reclaimer frees.
template <class Hash, class Reclaimer, class Value = int>
class xenium_vyukov_map {
 public:
  explicit xenium_vyukov_map(std::size_t capacity = 128) : map_(capacity) {}

  bool insert(int key, int value) { return map_.emplace(key, Value(value)); }

  bool erase(int key) { return map_.erase(key); }

  std::optional<int> find(int key) const {
    typename native_map::accessor entry;
    return map_.try_get_value(key, entry) ? std::optional(static_cast<int>(*entry)) : std::nullopt;
  }

  bool contains(int key) const { return find(key).has_value(); }

  template <class F>
  void for_each(F f) {
    for (auto at = map_.begin(); at != map_.end(); ++at) {
      const auto& [key, value] = *at;
      f(key, static_cast<int>(value));
    }
  }

 private:
  using native_map = xenium::vyukov_hash_map<int, Value, xenium::policy::reclaimer<Reclaimer>,
                                             xenium::policy::hash<Hash>>;

  native_map map_;
};

/// A fixed number of lock-free lists.
template <class Hash, class Reclaimer, std::size_t kBuckets = 512>
class xenium_harris_michael_map {
  using native_map = xenium::harris_michael_hash_map<int, int, xenium::policy::reclaimer<Reclaimer>,
                                                     xenium::policy::hash<Hash>,
                                                     xenium::policy::buckets<kBuckets>>;

 public:
  class iterator;

  bool insert(int key, int value) { return map_.emplace(key, value); }

  bool erase(int key) { return map_.erase(key); }

  std::optional<int> find(int key) {
    const auto at = map_.find(key);
    return at != map_.end() ? std::optional(at->second) : std::nullopt;
  }

  bool contains(int key) { return map_.contains(key); }

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

template <class Hash, class Reclaimer, std::size_t kBuckets>
class xenium_harris_michael_map<Hash, Reclaimer, kBuckets>::iterator {
 public:
  explicit iterator(native_map& map) : at_(map.begin()), end_(map.end()) {}

  std::optional<std::pair<int, int>> next() {
    if (std::exchange(started_, true) && at_ != end_) {
      ++at_;
    }
    return at_ != end_ ? std::optional<std::pair<int, int>>(*at_) : std::nullopt;
  }

 private:
  bool started_ = false;
  typename native_map::iterator at_;
  typename native_map::iterator end_;
};

}  // namespace maps::third_party
