// All maps that the benchmark compares, under one set of names: insert, erase, find, for_each. One
// that does not promise an operation has none under its name.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "../maps/chained_map/chained_map.hpp"
#include "../maps/deferred_map/deferred_map.hpp"
#include "../maps/dict_map/dict_map.hpp"
#include "../maps/go_map/go_map.hpp"
#include "../maps/hash_trie_map/hash_trie_map.hpp"
#include "../maps/rwlock_map/rwlock_map.hpp"
#include "../maps/sharded_map/sharded_map.hpp"
#include "../maps/swiss_map/swiss_map.hpp"
#include "../maps/sync_map/sync_map.hpp"
#include "../maps/third_party/locked_map.hpp"
#include "../maps/transfer_map/transfer_map.hpp"
#include "../maps/versioned_map/versioned_map.hpp"

#define HEDDLE_BENCH_XENIUM __has_include(<xenium/vyukov_hash_map.hpp>)
#define HEDDLE_BENCH_TBB __has_include(<tbb/concurrent_hash_map.h>)
#define HEDDLE_BENCH_LIBCUCKOO __has_include(<libcuckoo/cuckoohash_map.hh>)
#define HEDDLE_BENCH_LIBCDS __has_include(<cds/container/striped_map.h>)
#define HEDDLE_BENCH_BOOST __has_include(<boost/unordered/unordered_flat_map.hpp>)

#if HEDDLE_BENCH_XENIUM
#include <array>  // for xenium, which forgets it
#include <xenium/reclamation/generic_epoch_based.hpp>

#include "../maps/relocating_map/relocating_map.hpp"
#include "../maps/snapshot_map/snapshot_map.hpp"
#include "../maps/split_ordered_map/split_ordered_map.hpp"
#include "../maps/third_party/xenium_maps.hpp"
#endif
#if HEDDLE_BENCH_TBB
#include "../maps/third_party/tbb_maps.hpp"
#endif
#if HEDDLE_BENCH_LIBCUCKOO
#include "../maps/third_party/libcuckoo_map.hpp"
#endif
#if HEDDLE_BENCH_LIBCDS
#include <cds/intrusive/striped_set/striping_policy.h>

#include "../maps/third_party/libcds_maps.hpp"
#endif
#ifdef HEDDLE_BENCH_LIBCDS_LIBRARY
#include "libcds_reclaimed_maps.hpp"
#endif
#if HEDDLE_BENCH_BOOST
#include "../maps/third_party/boost_map.hpp"
#endif

namespace bench {

/// The same for all maps that do not bring a seeded one: the splitmix64 finaliser.
struct hash {
  using is_avalanching = void;

  std::size_t operator()(int key) const noexcept {
    auto bits = static_cast<std::uint64_t>(key) + 0x9e3779b97f4a7c15U;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    return bits ^ (bits >> 31);
  }
};

/// A map that knows no threads under one lock, whole iterations included.
template <class Map>
class locked {
 public:
  bool insert(int key, int value) {
    const std::lock_guard lock(mutex_);
    return map_.insert_or_assign(key, value);
  }

  bool erase(int key) {
    const std::lock_guard lock(mutex_);
    return map_.erase(key);
  }

  std::optional<int> find(int key) {
    const std::lock_guard lock(mutex_);
    return map_.find(key);
  }

  template <class F>
  void for_each(F f) {
    const std::lock_guard lock(mutex_);
    for (auto at = map_.begin_range(); at.next();) {
      f(at.key(), at.mapped());
    }
  }

 private:
  std::mutex mutex_;
  Map map_;
};

/// As `locked`, for maps with the interface of std::unordered_map.
template <class Map>
using locked_standard = maps::third_party::locked_map<Map, std::mutex, std::lock_guard<std::mutex>>;

/// Overwrites where others leave the value as it is.
class versioned_map : public maps::versioned_map<int, int, hash> {
 public:
  bool insert(int key, int value) { return insert_or_assign(key, value); }
};

/// As versioned_map. Each thread sweeps now and then, twice as much as it has marked since.
class deferred_map : public maps::deferred_map<int, int, hash> {
 public:
  bool insert(int key, int value) { return insert_or_assign(key, value); }

  bool erase(int key) {
    constexpr unsigned kInterval = 64;
    thread_local unsigned marks = 0;
    const bool was_there = maps::deferred_map<int, int, hash>::erase(key);
    if (was_there && ++marks % kInterval == 0) {
      sweep(2 * kInterval);
    }
    return was_there;
  }
};

using chained_map = locked_standard<maps::chained_map<int, int, hash>>;
using unordered_map = locked_standard<std::unordered_map<int, int, hash>>;
using dict_map = locked<maps::dict_map<int, int>>;
using go_map = locked<maps::go_map<int, int>>;
using swiss_map = locked<maps::swiss_map<int, int>>;
using hash_trie_map = maps::hash_trie_map<int, int, hash>;
using rwlock_map = maps::rwlock_map<int, int, hash>;
using sharded_map = maps::sharded_map<int, int, 32, hash>;
using sync_map = maps::sync_map<int, int, hash>;
using transfer_map = maps::transfer_map<int, int, hash>;
#if HEDDLE_BENCH_XENIUM
using relocating_map = maps::relocating_map<int, int, hash>;
using snapshot_map = maps::snapshot_map<int, int>;
using split_ordered_map = maps::split_ordered_map<int, int, hash>;

using epochs = xenium::reclamation::epoch_based<>;
using xenium_vyukov_map = maps::third_party::xenium_vyukov_map<hash, epochs>;
/// Its number of buckets is fixed.
template <std::size_t kBuckets>
using xenium_harris_michael_map =
    maps::third_party::xenium_harris_michael_map<hash, epochs, kBuckets>;
#endif
#if HEDDLE_BENCH_TBB
using tbb_hash_map = maps::third_party::tbb_hash_map<hash>;
using tbb_unordered_map = maps::third_party::tbb_unordered_map<hash>;
#endif
#if HEDDLE_BENCH_LIBCUCKOO
using libcuckoo_map = maps::third_party::libcuckoo_map<hash>;
#endif
#if HEDDLE_BENCH_LIBCDS
using libcds_striped_map =
    maps::third_party::libcds_striped_map<hash, cds::container::striped_set::striping<std::mutex>,
                                          cds::container::striped_set::load_factor_resizing<4>>;
#endif
#ifdef HEDDLE_BENCH_LIBCDS_LIBRARY
using libcds_feldman_trie = libcds_feldman_map<hash>;
template <std::size_t kBuckets>
using libcds_michael = libcds_michael_map<hash, kBuckets>;
using libcds_split_list = libcds_split_list_map<hash, std::size_t{1} << 20>;
#endif
#if HEDDLE_BENCH_BOOST
using boost_flat_map = maps::third_party::boost_flat_map<hash>;
using boost_node_map = maps::third_party::boost_node_map<hash>;
using boost_shared_map = maps::third_party::boost_shared_map<hash>;
#endif

template <class Map>
concept erasable = requires(Map& map) { map.erase(0); };

/// Also while others write: the iterators of versioned_map, which say why they do not go on, are no
/// such.
template <class Map>
concept iterable = requires(Map& map) {
  { map.begin_range().next() } -> std::convertible_to<bool>;
} || requires(Map& map) { map.snapshot(); } || requires(Map& map) {
  map.for_each([](int, int) { return true; });
};

/// Whatever a map calls it.
template <class Map, class F>
void for_each(Map& map, F f) {
  if constexpr (requires { map.snapshot(); }) {
    const auto view = map.snapshot();
    for (const auto& [key, value] : view) {
      f(key, value);
    }
  } else if constexpr (requires { map.begin_range(); } && !requires { map.for_each(f); }) {
    for (auto at = map.begin_range(); at.next();) {
      f(at.key(), at.mapped());
    }
  } else if constexpr (requires {
                         static_cast<bool>(map.for_each([](int, int) { return true; }));
                       }) {
    map.for_each([&f](int key, int value) {
      f(key, value);
      return true;
    });
  } else {
    map.for_each(f);
  }
}

}  // namespace bench
