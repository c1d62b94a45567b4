// libcds' maps whose nodes its library reclaims, by hazard pointers, under the names that maps have
// here.
#pragma once

#include <cds/container/feldman_hashmap_hp.h>
#include <cds/container/michael_kvlist_hp.h>
#include <cds/container/michael_list_hp.h>
#include <cds/container/michael_map.h>
#include <cds/container/split_list_map.h>
#include <cds/gc/hp.h>
#include <cds/init.h>
#include <cds/threading/model.h>

#include <cstddef>
#include <functional>
#include <optional>

namespace bench {

namespace libcds_parts {

struct library {
  library() { cds::Initialize(); }
  ~library() { cds::Terminate(); }
};

/// The library, from its first use to the end of the process, and the calling thread's part in it.
class attached_thread {
 public:
  attached_thread() {
    static const library initialized;
    static const cds::gc::HP hazard_pointers(16);
    cds::threading::Manager::attachThread();
  }

  ~attached_thread() { cds::threading::Manager::detachThread(); }
};

inline void attach() { thread_local const attached_thread attached; }

template <class Hash>
struct trie_traits : cds::container::feldman_hashmap::traits {
  using hash = Hash;
};

struct list_traits : cds::container::michael_list::traits {
  using less = std::less<int>;
};

template <class Hash>
struct split_traits : cds::container::split_list::traits {
  using ordered_list = cds::container::michael_list_tag;
  using ordered_list_traits = list_traits;
  using hash = Hash;
};

template <class Hash>
struct michael_traits : cds::container::michael_map::traits {
  using hash = Hash;
};

/// What these maps have in common.
template <class Native>
class reclaimed_map {
 public:
  template <class... Arguments>
  explicit reclaimed_map(Arguments... arguments) : map_((attach(), arguments)...) {}

  bool insert(int key, int value) {
    attach();
    return map_.insert(key, value);
  }

  bool erase(int key) {
    attach();
    return map_.erase(key);
  }

  std::optional<int> find(int key) {
    attach();
    std::optional<int> found;
    map_.find(key, [&found](auto& entry) { found = entry.second; });
    return found;
  }

 protected:
  Native map_;
};

}  // namespace libcds_parts

/// A trie over hashes, of sixteen slots a node. A key is its hash: no two may have the same.
template <class Hash>
class libcds_feldman_map
    : public libcds_parts::reclaimed_map<
          cds::container::FeldmanHashMap<cds::gc::HP, int, int, libcds_parts::trie_traits<Hash>>> {
 public:
  libcds_feldman_map() : libcds_feldman_map::reclaimed_map(std::size_t{8}, std::size_t{4}) {}

  template <class F>
  void for_each(F f) {
    libcds_parts::attach();
    for (auto& [key, value] : this->map_) {
      f(key, value);
    }
  }
};

/// Michael's hash map, with as many buckets as that. Not iterated: its iterators are for debugging.
template <class Hash, std::size_t kBuckets>
class libcds_michael_map
    : public libcds_parts::reclaimed_map<cds::container::MichaelHashMap<
          cds::gc::HP,
          cds::container::MichaelKVList<cds::gc::HP, int, int, libcds_parts::list_traits>,
          libcds_parts::michael_traits<Hash>>> {
 public:
  libcds_michael_map() : libcds_michael_map::reclaimed_map(kBuckets, std::size_t{1}) {}
};

/// Shalev and Shavit's split-ordered list, with as many buckets as that. Not iterated: its
/// iterators are for one thread.
template <class Hash, std::size_t kBuckets>
class libcds_split_list_map
    : public libcds_parts::reclaimed_map<
          cds::container::SplitListMap<cds::gc::HP, int, int, libcds_parts::split_traits<Hash>>> {
 public:
  libcds_split_list_map() : libcds_split_list_map::reclaimed_map(kBuckets, std::size_t{1}) {}
};

}  // namespace bench
