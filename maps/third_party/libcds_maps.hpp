// libcds' hash maps under the names that maps have here: those that are wholly in its headers.
#pragma once

#include <cds/container/michael_kvlist_nogc.h>
#include <cds/container/michael_map_nogc.h>
#include <cds/container/split_list_map_nogc.h>
#include <cds/container/striped_map.h>
#include <cds/container/striped_map/std_map.h>

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace maps::third_party {

/// Buckets that are std::map, under locks; `Striping` says which lock is whose.
template <class Hash, class Striping, class Resizing>
class libcds_striped_map {
 public:
  bool insert(int key, int value) { return map_.insert(key, value); }

  bool insert_or_assign(int key, int value) {
    return map_.update(key, [value](bool, auto& entry) { entry.second = value; }).second;
  }

  bool erase(int key) { return map_.erase(key); }

  std::optional<int> find(int key) {
    std::optional<int> found;
    map_.find(key, [&found](auto& entry) { found = entry.second; });
    return found;
  }

  bool contains(int key) { return map_.contains(key); }

  void clear() { map_.clear(); }

 private:
  cds::container::StripedMap<std::map<int, int>, cds::opt::hash<Hash>,
                             cds::opt::less<std::less<int>>, cds::opt::mutex_policy<Striping>,
                             cds::opt::resizing_policy<Resizing>>
      map_;
};

/// What the maps without reclamation have in common: nothing is ever erased.
template <class Native>
class libcds_growing_map {
 public:
  class iterator;

  explicit libcds_growing_map(std::size_t size, std::size_t load) : map_(size, load) {}

  bool insert(int key, int value) { return map_.insert(key, value) != map_.end(); }

  std::optional<int> find(int key) {
    const auto at = map_.contains(key);
    return at != map_.end() ? std::optional(at->second) : std::nullopt;
  }

  bool contains(int key) { return map_.contains(key) != map_.end(); }

  iterator begin_range() { return iterator(map_); }

  template <class F>
  void for_each(F f) {
    for (auto& [key, value] : map_) {
      f(key, value);
    }
  }

 private:
  Native map_;
};

template <class Native>
class libcds_growing_map<Native>::iterator {
 public:
  explicit iterator(Native& map) : at_(map.begin()), end_(map.end()) {}

  std::optional<std::pair<int, int>> next() {
    if (at_ == end_) {
      return std::nullopt;
    }
    const std::pair<int, int> entry = *at_;
    ++at_;
    return entry;
  }

 private:
  typename Native::iterator at_;
  typename Native::iterator end_;
};

namespace libcds_parts {

struct list_traits : cds::container::michael_list::traits {
  using less = std::less<int>;
};

template <class Hash>
struct michael_traits : cds::container::michael_map::traits {
  using hash = Hash;
};

template <class Hash>
struct split_traits : cds::container::split_list::traits {
  using ordered_list = cds::container::michael_list_tag;
  using ordered_list_traits = list_traits;
  using hash = Hash;
};

}  // namespace libcds_parts

/// Michael's hash map: a fixed number of lock-free lists.
template <class Hash>
using libcds_michael_map = libcds_growing_map<cds::container::MichaelHashMap<
    cds::gc::nogc,
    cds::container::MichaelKVList<cds::gc::nogc, int, int, libcds_parts::list_traits>,
    libcds_parts::michael_traits<Hash>>>;

/// Shalev and Shavit's split-ordered list.
template <class Hash>
using libcds_split_list_map = libcds_growing_map<
    cds::container::SplitListMap<cds::gc::nogc, int, int, libcds_parts::split_traits<Hash>>>;

}  // namespace maps::third_party
