// libcds' hash maps that erase, under the names that maps have here, by a garbage collector `Gc` as
// cds::gc::HP.
#pragma once

#include <cds/container/feldman_hashmap_hp.h>
#include <cds/container/michael_kvlist_hp.h>
#include <cds/container/michael_list_hp.h>
#include <cds/container/michael_map.h>
#include <cds/container/split_list_map.h>

#include <cstddef>
#include <optional>

#include "libcds_maps.hpp"

namespace maps::third_party {

/// What a thread has to do before it uses a container: nothing, unless the collector wants to know
/// its threads.
template <class Gc>
struct libcds_thread {
  static void attach() {}
};

namespace libcds_parts {

template <class Hash>
struct trie_traits : cds::container::feldman_hashmap::traits {
  using hash = Hash;
};

/// What these maps have in common.
template <class Gc, class Native>
class reclaimed_map {
 public:
  template <class... Arguments>
  explicit reclaimed_map(Arguments... arguments) : map_((thread::attach(), arguments)...) {}

  bool insert(int key, int value) {
    thread::attach();
    return map_.insert(key, value);
  }

  bool erase(int key) {
    thread::attach();
    return map_.erase(key);
  }

  std::optional<int> find(int key) {
    thread::attach();
    std::optional<int> found;
    map_.find(key, [&found](auto& entry) { found = entry.second; });
    return found;
  }

  bool contains(int key) {
    thread::attach();
    return map_.contains(key);
  }

 protected:
  using thread = libcds_thread<Gc>;

  Native map_;
};

}  // namespace libcds_parts

/// A trie over hashes. A key is its hash: no two may have the same.
template <class Gc, class Hash>
class libcds_feldman_map
    : public libcds_parts::reclaimed_map<
          Gc, cds::container::FeldmanHashMap<Gc, int, int, libcds_parts::trie_traits<Hash>>> {
 public:
  /// The head has 2^head_bits slots, each other node 2^node_bits.
  explicit libcds_feldman_map(std::size_t head_bits = 8, std::size_t node_bits = 4)
      : libcds_feldman_map::reclaimed_map(head_bits, node_bits) {}

  template <class F>
  void for_each(F f) {
    libcds_thread<Gc>::attach();
    for (auto& [key, value] : this->map_) {
      f(key, value);
    }
  }
};

/// Michael's hash map, with as many buckets as that. Not iterated: its iterators are for debugging.
template <class Gc, class Hash, std::size_t kBuckets>
class libcds_reclaimed_michael_map
    : public libcds_parts::reclaimed_map<
          Gc, cds::container::MichaelHashMap<
                  Gc, cds::container::MichaelKVList<Gc, int, int, libcds_parts::list_traits>,
                  libcds_parts::michael_traits<Hash>>> {
 public:
  libcds_reclaimed_michael_map()
      : libcds_reclaimed_michael_map::reclaimed_map(kBuckets, std::size_t{1}) {}
};

/// Shalev and Shavit's split-ordered list, with as many buckets as that. Not iterated: its
/// iterators are for one thread.
template <class Gc, class Hash, std::size_t kBuckets>
class libcds_reclaimed_split_list_map
    : public libcds_parts::reclaimed_map<
          Gc, cds::container::SplitListMap<Gc, int, int, libcds_parts::split_traits<Hash>>> {
 public:
  libcds_reclaimed_split_list_map()
      : libcds_reclaimed_split_list_map::reclaimed_map(kBuckets, std::size_t{1}) {}
};

}  // namespace maps::third_party
