// swiss_map under Heddle: the locked map, its seeded bugs, and the map without a lock.
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>

#include "../common/locked.hpp"
#include "../common/small_target.hpp"
#include "../common/structure.hpp"
#include "../common/unlocked_target.hpp"
#include "heddle/heddle.hpp"
#include "swiss_map.hpp"

namespace {

using heddle::Role;
using maps::swiss_map_bug;
using maps::swiss_map_options;

/// The map's random source, owned by the schedule: the seed of hashes, where iterations start.
struct ScheduledRandom {
  std::uint32_t operator()() { return heddle::choose(256) * 0x9e3779b1u; }
};

/// The first ten keys are probed for from the first group on, the others from the second on.
struct TwoGroups {
  std::uint64_t operator()(int key, std::uint32_t) const {
    return static_cast<std::uint64_t>(key) << 61 | (key < 10 ? 0 : 1U << 7);
  }
};

/// Keys 0 to 7 fill two tables. Which key is in which table depends on the seed.
struct TopBits {
  std::uint64_t operator()(int key, std::uint32_t seed) const {
    const auto number = static_cast<std::uint32_t>(key);
    return static_cast<std::uint64_t>(number ^ seed) << 61 | number;
  }
};

template <swiss_map_bug Bug, class Hash = maps::seeded_hash, class Random = ScheduledRandom>
using Map = maps::swiss_map<int, int, Hash, std::equal_to<int>, Random, Bug>;

template <swiss_map_bug Bug, class Hash = TopBits>
using SmallMap = Map<Bug, Hash, maps::few_random<>>;

template <swiss_map_bug Bug>
using Locked = maps::locked<Map<Bug>>;

/// Locks while an iteration is opened and closed, but not while it goes on.
template <class M = Map<swiss_map_bug::none>>
class LocksOpenOnly : public maps::locked<M> {
 public:
  using maps::locked<M>::locked;

  class range : public maps::locked<M>::range {
   public:
    using maps::locked<M>::range::range;

    std::optional<std::pair<int, int>> next() { return this->next_alone(); }
  };
};

// Three entries in the first group, four in a table; then tables split.
constexpr swiss_map_options kSparse{.max_table_slots = 16, .load_eighths = 2};
// Groups that fill up: the ninth key needs a second group, the 15th a split.
constexpr swiss_map_options kDense{.max_table_slots = 16};

template <class S>
heddle::Subject<S> declare(heddle::Target& t, swiss_map_options options, int keys,
                           heddle::Ints value = {0, 99}) {
  auto s = t.subject<S>([options] { return std::make_unique<S>(options); });
  const auto key = t.ints(0, keys - 1);
  s.op("insert", &S::insert, key, value).means(Role::kAssign).weight(8);
  s.op("erase", &S::erase, key).means(Role::kErase).weight(2);
  s.op("find", &S::find, key).means(Role::kFind);
  s.op("size", &S::size).means(Role::kSize).weight(1);
  s.op("clear", &S::clear).means(Role::kClear).weight(2);
  s.follows(heddle::contracts::go_range());
  t.operations_per_thread(10);
  using Range = typename S::range;
  auto range = s.template cursor<Range>("open", "close", [](S& m) { return Range(m); });
  range.op("next", &Range::next).means(Role::kNext).weight(12);
  return s;
}

template <class S>
void add_start(heddle::Subject<S>& s, const char* name, int keys) {
  s.start(name, [keys](heddle::Start& start) {
    for (int key = 0; key < keys; ++key) {
      start.run("insert", key, key);
    }
  });
}

/// Little but iterations, splits and clear(): a new key splits a table at once.
template <class S>
heddle::Subject<S> declare_cleared(heddle::Target& t, const char* description) {
  t.describe(description);
  auto s = t.subject<S>([] { return std::make_unique<S>(kSparse); });
  s.op("insert", &S::insert, t.ints(0, 11), t.ints(0, 99)).means(Role::kAssign).weight(8);
  s.op("clear", &S::clear).means(Role::kClear).weight(3);
  s.follows(heddle::contracts::go_range());
  t.threads(1, 2);
  t.operations_per_thread(10);
  t.setup_operations(0);
  using Range = typename S::range;
  auto range = s.template cursor<Range>("open", "close", [](S& m) { return Range(m); });
  range.op("next", &Range::next).means(Role::kNext).weight(12);
  add_start(s, "two full tables", 8);
  return s;
}

template <class S>
heddle::Subject<S> declare_sparse(heddle::Target& t, const char* description) {
  t.describe(description);
  auto s = declare<S>(t, kSparse, 12);
  add_start(s, "one full table", 4);
  add_start(s, "some tables", 7);
  return s;
}

template <class S>
heddle::Subject<S> declare_dense(heddle::Target& t, const char* description) {
  t.describe(description);
  auto s = declare<S>(t, kDense, 16);
  add_start(s, "one full table", 14);
  return s;
}

HEDDLE_TARGET(swiss_map, t) {
  using S = Locked<swiss_map_bug::none>;
  maps::declare_sound(declare_sparse<S>(t, "Go's map since 1.24, every operation under one lock"));
}

HEDDLE_TARGET(swiss_map_dense, t) {
  using S = maps::locked<Map<swiss_map_bug::none, TwoGroups>>;
  maps::declare_sound(declare_dense<S>(t, "the same with groups that fill up"));
}

HEDDLE_TARGET(swiss_map_cleared, t) {
  using S = maps::locked<Map<swiss_map_bug::none, TopBits>>;
  maps::declare_sound(declare_cleared<S>(t, "tables that are small and often cleared"));
}

// ---- seeded bugs ----
// Without the invariant, which would often speak before the damage that users see is done.

HEDDLE_VARIANT(swiss_map, frees_table_under_iterator, "heap", t) {
  declare_sparse<Locked<swiss_map_bug::frees_table_under_iterator>>(
      t, "growth frees the table that it replaces although an iterator walks it");
  t.seeded({.threads = 1, .operations = 3, .source = "what Go leaves to its garbage collector"});
}

HEDDLE_VARIANT(swiss_map, yields_stale_copies, "iteration", t) {
  declare_sparse<Locked<swiss_map_bug::yields_stale_copies>>(
      t, "an iterator in a replaced table yields its copies instead of asking the map");
  t.seeded({.threads = 1, .operations = 5, .source = "cockroachdb/swiss, issue 39"});
}

HEDDLE_VARIANT(swiss_map_cleared, ignores_reseed, "iteration", t) {
  declare_cleared<maps::locked<Map<swiss_map_bug::ignores_reseed, TopBits>>>(
      t, "an iterator in a replaced table does not notice that the map was empty meanwhile");
  t.seeded({.operations = 4, .source = "after golang/go issues 59411 and 70189"});
}

HEDDLE_VARIANT(swiss_map, ignores_directory_growth, "iteration", t) {
  declare_sparse<Locked<swiss_map_bug::ignores_directory_growth>>(
      t, "an iterator does not double its position when the directory doubles");
  t.seeded({.threads = 1, .operations = 10});
}

HEDDLE_VARIANT(swiss_map, walks_table_per_directory_entry, "iteration", t) {
  declare_sparse<Locked<swiss_map_bug::walks_table_per_directory_entry>>(
      t, "an iterator walks a table once for each directory entry that names it");
  t.seeded({.threads = 1, .operations = 6});
}

HEDDLE_VARIANT(swiss_map, updates_two_directory_entries, "iteration", t) {
  declare_sparse<Locked<swiss_map_bug::updates_two_directory_entries>>(
      t, "a split replaces two directory entries although more named the table");
  t.seeded({.operations = 2});
}

HEDDLE_VARIANT(swiss_map, unpins_only_at_end, "heap", t) {
  declare_sparse<Locked<swiss_map_bug::unpins_only_at_end>>(
      t, "an iterator that is closed before its end never gives its table back");
  t.seeded({.threads = 1, .operations = 2});
}

HEDDLE_VARIANT(swiss_map, locks_open_only, "race", t) {
  declare_sparse<LocksOpenOnly<>>(t, "an iteration goes on without the lock it was opened under");
  t.seeded({.operations = 2});
}

HEDDLE_VARIANT(swiss_map, deepens_before_allocation, "heap", t) {
  declare_sparse<Locked<swiss_map_bug::deepens_before_allocation>>(
      t, "the directory counts as doubled before its memory is there");
  t.seeded({.threads = 1, .operations = 1, .needs = "bad-alloc"});
}

HEDDLE_VARIANT(swiss_map_dense, leaves_no_tombstone, "iteration", t) {
  declare_dense<maps::locked<Map<swiss_map_bug::leaves_no_tombstone, TwoGroups>>>(
      t, "erase empties a slot that probe sequences lead past");
  t.seeded({.operations = 1});
}

HEDDLE_VARIANT(swiss_map_dense, prunes_needed_tombstones, "iteration", t) {
  declare_dense<maps::locked<Map<swiss_map_bug::prunes_needed_tombstones, TwoGroups>>>(
      t, "pruning empties tombstones that probe sequences lead past");
  t.seeded({.operations = 2, .source = "a mistake to make in what golang/go issue 70886 asks for"});
}

HEDDLE_VARIANT(swiss_map_dense, takes_first_tombstone, "iteration", t) {
  declare_dense<maps::locked<Map<swiss_map_bug::takes_first_tombstone, TwoGroups>>>(
      t, "an insertion takes the first tombstone and does not look for the key behind it");
  t.seeded({.operations = 1});
}

// ---- small enough for every execution: `heddle check` ----

void insert(heddle::Start& start, std::initializer_list<int> keys) {
  for (const int key : keys) {
    start.run("insert", key, key);
  }
}

template <class S>
heddle::Subject<S> declare_small(heddle::Target& t, swiss_map_options options,
                                 const char* description) {
  t.describe(description);
  auto s = declare<S>(t, options, 2, {100, 100});
  maps::make_programs_small(t);
  return s;
}

/// An iteration is under way. Key 0 comes by the threads only, and is one too many.
template <class S>
heddle::Subject<S> declare_small(heddle::Target& t, const char* description) {
  auto s = declare_small<S>(t, kSparse, description);
  s.start("the only table splits next", [](heddle::Start& start) {
    insert(start, {1, 2, 3, 4});
    maps::iterate(start, 2);
  });
  s.start("split under the iterator", [](heddle::Start& start) {
    insert(start, {1, 2, 3, 4});
    maps::iterate(start, 2);
    insert(start, {5});
  });
  s.start("half of a large directory splits next", [](heddle::Start& start) {
    insert(start, {4, 5, 12, 13, 20, 1, 2, 3, 8});
    maps::iterate(start, 4);
  });
  return s;
}

HEDDLE_TARGET(swiss_map_small, t) {
  maps::declare_sound(declare_small<maps::locked<SmallMap<swiss_map_bug::none>>>(
      t, "Go's map since 1.24, small enough to be checked"));
}

HEDDLE_VARIANT(swiss_map_small, frees_table_under_iterator, "heap", t) {
  declare_small<maps::locked<SmallMap<swiss_map_bug::frees_table_under_iterator>>>(
      t, "as in swiss_map");
}

HEDDLE_VARIANT(swiss_map_small, yields_stale_copies, "iteration", t) {
  declare_small<maps::locked<SmallMap<swiss_map_bug::yields_stale_copies>>>(t, "as in swiss_map");
}

HEDDLE_VARIANT(swiss_map_small, walks_table_per_directory_entry, "iteration", t) {
  declare_small<maps::locked<SmallMap<swiss_map_bug::walks_table_per_directory_entry>>>(
      t, "as in swiss_map");
}

HEDDLE_VARIANT(swiss_map_small, updates_two_directory_entries, "iteration", t) {
  declare_small<maps::locked<SmallMap<swiss_map_bug::updates_two_directory_entries>>>(
      t, "as in swiss_map");
}

HEDDLE_VARIANT(swiss_map_small, unpins_only_at_end, "heap", t) {
  declare_small<maps::locked<SmallMap<swiss_map_bug::unpins_only_at_end>>>(t, "as in swiss_map");
}

HEDDLE_VARIANT(swiss_map_small, locks_open_only, "race", t) {
  declare_small<LocksOpenOnly<SmallMap<swiss_map_bug::none>>>(t, "as in swiss_map");
}

HEDDLE_VARIANT(swiss_map_small, deepens_before_allocation, "heap", t) {
  declare_small<maps::locked<SmallMap<swiss_map_bug::deepens_before_allocation>>>(
      t, "as in swiss_map");
  t.seeded({.needs = "bad-alloc"});
}

/// The first group is full, but for a tombstone; keys 1 and 9 are in the second one.
template <swiss_map_bug Bug>
heddle::Subject<maps::locked<SmallMap<Bug, TwoGroups>>> declare_small_dense(
    heddle::Target& t, const char* description) {
  auto s = declare_small<maps::locked<SmallMap<Bug, TwoGroups>>>(t, kDense, description);
  s.start("a tombstone on the way", [](heddle::Start& start) {
    insert(start, {2, 3, 4, 5, 6, 7, 8, 10, 11, 0, 9, 1});
    start.run("erase", 2);
    maps::iterate(start, 4);
  });
  return s;
}

HEDDLE_TARGET(swiss_map_small_dense, t) {
  maps::declare_sound(
      declare_small_dense<swiss_map_bug::none>(t, "the same with groups that fill up"));
}

HEDDLE_VARIANT(swiss_map_small_dense, leaves_no_tombstone, "iteration", t) {
  declare_small_dense<swiss_map_bug::leaves_no_tombstone>(t, "as in swiss_map_dense");
}

HEDDLE_VARIANT(swiss_map_small_dense, takes_first_tombstone, "iteration", t) {
  declare_small_dense<swiss_map_bug::takes_first_tombstone>(t, "as in swiss_map_dense");
}

// ---- no lock ----

HEDDLE_TARGET(swiss_map_unlocked, t) {
  maps::declare_unlocked<Map<swiss_map_bug::none>>(t, kSparse, 12);
}

}  // namespace
