// dict_map under Heddle: the locked map, iterated in its three ways, and its seeded bugs.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <utility>
#include <variant>
#include <vector>

#include "../common/locked.hpp"
#include "../common/small_target.hpp"
#include "../common/structure.hpp"
#include "dict_map.hpp"
#include "heddle/heddle.hpp"

namespace {

using heddle::Role;
using maps::dict_map_bug;
using maps::dict_map_options;

template <dict_map_bug Bug>
using Map = maps::dict_map<int, int, maps::dict_map_hash, std::equal_to<int>, Bug>;

// Resizes at the third key, the fifth, the ninth; shrinks soon.
constexpr dict_map_options kRestless{.least_buckets = 2, .fill_minimum = 3};
// Large enough for all keys: without resizes, lookups leave the map as it is.
constexpr dict_map_options kRoomy{.least_buckets = 16};

/// The same with the other two ways to iterate.
template <dict_map_bug Bug>
class Locked : public maps::locked<Map<Bug>> {
 public:
  using maps::locked<Map<Bug>>::locked;

  using Entry = std::optional<std::pair<int, int>>;

  /// A cycle of scans, one entry at a time.
  class Scan {
   public:
    explicit Scan(Locked& owner) : owner_(&owner) {}

    Entry next() {
      while (shown_.empty()) {
        if (over_) {
          return std::nullopt;
        }
        scan();
      }
      const Entry entry = shown_.back();
      shown_.pop_back();
      return entry;
    }

   private:
    void scan() {
      owner_->under_lock([&] {
        cursor_ = owner_->map_.scan(cursor_,
                                    [&](int key, int value) { shown_.emplace_back(key, value); });
      });
      over_ = cursor_ == 0;
    }

    Locked* owner_;
    std::uint64_t cursor_ = 0;
    bool over_ = false;
    std::vector<std::pair<int, int>> shown_;
  };

  class UnsafeRange {
   public:
    explicit UnsafeRange(Locked& owner) : owner_(&owner) {
      owner.under_lock([&] { iterator_.emplace(owner.map_.begin_unsafe_range()); });
    }

    std::variant<heddle::Refusal, Entry> next() {
      return owner_->under_lock([&]() -> std::variant<heddle::Refusal, Entry> {
        try {
          return iterator_->next() ? Entry(std::pair(iterator_->key(), iterator_->mapped()))
                                   : Entry();
        } catch (const maps::stale_iterator&) {
          return heddle::Refusal::kStale;
        }
      });
    }

   private:
    Locked* owner_;
    std::optional<typename Map<Bug>::unsafe_iterator> iterator_;
  };
};

/// Takes lookups for reads.
class SharesLookups : public maps::locked<Map<dict_map_bug::none>, std::shared_mutex> {
 public:
  using locked::locked;

  std::optional<int> find(int key) {
    const std::shared_lock lock(mutex_);
    heddle::linearization_point();
    return map_.find(key);
  }
};

template <class S, class Range>
heddle::Subject<S> declare(heddle::Target& t, dict_map_options options, int keys, int values,
                           const char* description) {
  t.describe(description);
  auto s = t.subject<S>([options] { return std::make_unique<S>(options); });
  const auto key = t.ints(0, keys - 1);
  s.op("insert", &S::insert, key, t.ints(0, values - 1)).means(Role::kAssign).weight(8);
  s.op("erase", &S::erase, key).means(Role::kErase).weight(6);
  s.op("find", &S::find, key).means(Role::kFind);
  s.op("size", &S::size).means(Role::kSize).weight(1);
  s.op("clear", &S::clear).means(Role::kClear).weight(1);
  auto range = s.template cursor<Range>("open", "close", [](S& m) { return Range(m); });
  range.op("next", &Range::next).means(Role::kNext).weight(10);
  if constexpr (requires { &Range::erase_current; }) {
    range.op("erase_current", &Range::erase_current).means(Role::kEraseCurrent).weight(3);
  }
  t.operations_per_thread(10);
  return s;
}

template <class S>
void add_starts(heddle::Subject<S>& s) {
  s.start("growing", [](heddle::Start& start) {
    for (int key = 0; key < 5; ++key) {
      start.run("insert", key, key);
    }
  });
  s.start("shrinking", [](heddle::Start& start) {
    for (int key = 0; key < 9; ++key) {
      start.run("insert", key, key);
    }
    for (int key = 0; key < 5; ++key) {
      start.run("erase", key);
    }
  });
}

// By the lock, all operations are ordered, and then safe iterators promise what Go's do.
template <class S>
heddle::Subject<S> declare_safe(heddle::Target& t, const char* description) {
  auto s = declare<S, typename S::range>(t, kRestless, 10, 100, description);
  add_starts(s);
  s.follows(heddle::contracts::go_range());
  return s;
}

template <class S>
heddle::Subject<S> declare_unsafe(heddle::Target& t, const char* description) {
  auto s = declare<S, typename S::UnsafeRange>(t, kRoomy, 8, 100, description);
  s.follows(heddle::contracts::fail_fast({.complete = true}));
  return s;
}

template <class S>
heddle::Subject<S> declare_scan(heddle::Target& t, const char* description) {
  auto s = declare<S, typename S::Scan>(t, kRestless, 10, 100, description);
  add_starts(s);
  s.follows(heddle::contracts::redis_scan());
  return s;
}

using Clean = Locked<dict_map_bug::none>;

HEDDLE_TARGET(dict_map, t) {
  maps::declare_sound(
      declare_safe<Clean>(t, "the dictionary of Redis under one lock, with safe iterators"));
}

HEDDLE_TARGET(dict_map_unsafe, t) {
  maps::declare_sound(
      declare_unsafe<Clean>(t, "the same with unsafe iterators, which notice changes"));
}

HEDDLE_TARGET(dict_map_scan, t) {
  maps::declare_sound(declare_scan<Clean>(t, "the same with SCAN, whose only state is a cursor"));
}

// ---- seeded bugs ----
// Without the invariant, which would often speak before the damage that users see is done.

HEDDLE_VARIANT(dict_map, rehashes_under_safe_iterator, "iteration", t) {
  declare_safe<Locked<dict_map_bug::rehashes_under_safe_iterator>>(
      t, "a safe iterator does not hold the rehash back");
  t.seeded({.threads = 1, .operations = 4});
}

HEDDLE_VARIANT(dict_map, resumes_rehash_twice, "iteration", t) {
  declare_safe<Locked<dict_map_bug::resumes_rehash_twice>>(
      t, "a safe iterator lets the rehash go on at its end, and again when it is closed");
  t.seeded({.threads = 1, .operations = 11});
}

HEDDLE_VARIANT(dict_map, erases_next_of_safe_iterator, "heap", t) {
  declare_safe<Locked<dict_map_bug::erases_next_of_safe_iterator>>(
      t, "erase frees the entry that a safe iterator saved to go on from");
  t.seeded({.threads = 1,
            .operations = 4,
            .source = "what Redis asks of its users: erase only what came last"});
}

HEDDLE_VARIANT(dict_map, erases_any_incarnation, "iteration", t) {
  declare_safe<Locked<dict_map_bug::erases_any_incarnation>>(
      t, "a safe iterator erases whatever has the key of the entry that it yielded");
  t.seeded({.threads = 1, .operations = 5});
}

HEDDLE_VARIANT(dict_map, erase_misses_second_table, "iteration", t) {
  declare_safe<Locked<dict_map_bug::erase_misses_second_table>>(
      t, "erase does not look into the second table");
  t.seeded({.threads = 1, .operations = 1});
}

HEDDLE_VARIANT(dict_map, inserts_into_old_table, "heap", t) {
  declare_safe<Locked<dict_map_bug::inserts_into_old_table>>(
      t, "new entries go to the old table, behind the rehash's back");
  t.seeded({.threads = 1, .operations = 1});
}

HEDDLE_VARIANT(dict_map, moves_first_of_chain_only, "iteration", t) {
  declare_safe<Locked<dict_map_bug::moves_first_of_chain_only>>(
      t, "the rehash moves the first entry of a bucket and drops the rest");
  t.seeded({.threads = 1, .operations = 1});
}

HEDDLE_VARIANT(dict_map, clear_forgets_second_table, "iteration", t) {
  declare_safe<Locked<dict_map_bug::clear_forgets_second_table>>(
      t, "clear() empties the first table only");
  t.seeded({.threads = 1, .operations = 2});
}

HEDDLE_VARIANT(dict_map_unsafe, fingerprint_of_sizes, "iteration", t) {
  declare_unsafe<Locked<dict_map_bug::fingerprint_of_sizes>>(
      t, "an erasure and an insertion cancel each other in the fingerprint");
  t.seeded({.operations = 2, .source = "Redis, dictFingerprint: tables, sizes and counts"});
}

HEDDLE_VARIANT(dict_map_scan, scan_ignores_larger_table, "iteration", t) {
  declare_scan<Locked<dict_map_bug::scan_ignores_larger_table>>(
      t, "during a resize, a scan shows the buckets of the smaller table only");
  t.seeded({.threads = 1, .operations = 3});
}

HEDDLE_VARIANT(dict_map_scan, scan_counts_forward, "iteration", t) {
  declare_scan<Locked<dict_map_bug::scan_counts_forward>>(
      t, "the cursor of a scan counts upwards, lowest bit first");
  t.seeded({.threads = 1, .operations = 5});
}

HEDDLE_VARIANT(dict_map, shares_lookups, "race", t) {
  declare_safe<SharesLookups>(t, "lookups, which rehash too, hold the lock shared");
  t.seeded({.operations = 1});
}

// ---- small enough for every execution: `heddle check` ----

void insert(heddle::Start& start, int from, int to) {
  for (int key = from; key < to; ++key) {
    start.run("insert", key, 0);
  }
}

template <class S, class Range>
heddle::Subject<S> declare_small(heddle::Target& t, dict_map_options options,
                                 const char* description) {
  auto s = declare<S, Range>(t, options, 2, 1, description);
  maps::make_programs_small(t);
  return s;
}

/// An iteration is under way. The fifth key starts a growth.
template <class S>
void add_iterated_starts(heddle::Subject<S>& s) {
  s.start("one of two entries yielded", [](heddle::Start& start) {
    insert(start, 0, 2);
    maps::iterate(start, 1);
  });
  s.start("grows next", [](heddle::Start& start) {
    insert(start, 1, 5);
    maps::iterate(start, 3);
  });
  s.start("growing", [](heddle::Start& start) {
    insert(start, 1, 6);
    maps::iterate(start, 2);
  });
}

template <class S>
heddle::Subject<S> declare_small_safe(heddle::Target& t, const char* description) {
  auto s = declare_small<S, typename S::range>(t, kRestless, description);
  add_iterated_starts(s);
  s.start("growing, nobody iterating", [](heddle::Start& start) { insert(start, 1, 6); });
  s.follows(heddle::contracts::go_range());
  return s;
}

template <class S>
heddle::Subject<S> declare_small_unsafe(heddle::Target& t, const char* description) {
  auto s = declare_small<S, typename S::UnsafeRange>(t, kRoomy, description);
  s.start("one of two entries yielded", [](heddle::Start& start) {
    insert(start, 1, 3);
    maps::iterate(start, 1);
  });
  s.follows(heddle::contracts::fail_fast({.complete = true}));
  return s;
}

template <class S>
heddle::Subject<S> declare_small_scan(heddle::Target& t, const char* description) {
  auto s = declare_small<S, typename S::Scan>(t, kRestless, description);
  add_iterated_starts(s);
  s.follows(heddle::contracts::redis_scan());
  return s;
}

HEDDLE_TARGET(dict_map_small, t) {
  maps::declare_sound(
      declare_small_safe<Clean>(t, "the dictionary of Redis, small enough to be checked"));
}

HEDDLE_TARGET(dict_map_small_unsafe, t) {
  maps::declare_sound(declare_small_unsafe<Clean>(t, "the same with unsafe iterators"));
}

HEDDLE_TARGET(dict_map_small_scan, t) {
  maps::declare_sound(declare_small_scan<Clean>(t, "the same with SCAN"));
}

HEDDLE_VARIANT(dict_map_small, rehashes_under_safe_iterator, "iteration", t) {
  declare_small_safe<Locked<dict_map_bug::rehashes_under_safe_iterator>>(t, "as in dict_map");
}

HEDDLE_VARIANT(dict_map_small, erases_any_incarnation, "iteration", t) {
  declare_small_safe<Locked<dict_map_bug::erases_any_incarnation>>(t, "as in dict_map");
  t.seeded({.operations = 2});
}

HEDDLE_VARIANT(dict_map_small, erase_misses_second_table, "iteration", t) {
  declare_small_safe<Locked<dict_map_bug::erase_misses_second_table>>(t, "as in dict_map");
}

HEDDLE_VARIANT(dict_map_small, inserts_into_old_table, "heap", t) {
  declare_small_safe<Locked<dict_map_bug::inserts_into_old_table>>(t, "as in dict_map");
}

HEDDLE_VARIANT(dict_map_small, moves_first_of_chain_only, "iteration", t) {
  declare_small_safe<Locked<dict_map_bug::moves_first_of_chain_only>>(t, "as in dict_map");
}

HEDDLE_VARIANT(dict_map_small, clear_forgets_second_table, "iteration", t) {
  declare_small_safe<Locked<dict_map_bug::clear_forgets_second_table>>(t, "as in dict_map");
}

HEDDLE_VARIANT(dict_map_small, shares_lookups, "race", t) {
  declare_small_safe<SharesLookups>(t, "as in dict_map");
}

HEDDLE_VARIANT(dict_map_small_unsafe, fingerprint_of_sizes, "iteration", t) {
  declare_small_unsafe<Locked<dict_map_bug::fingerprint_of_sizes>>(t, "as in dict_map_unsafe");
  t.seeded({.operations = 2});
}

HEDDLE_VARIANT(dict_map_small_scan, scan_ignores_larger_table, "iteration", t) {
  declare_small_scan<Locked<dict_map_bug::scan_ignores_larger_table>>(t, "as in dict_map_scan");
}

}  // namespace
