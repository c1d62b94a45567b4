// sharded_map under Heddle: both ways to iterate, and the seeded bugs.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>

#include "../common/iterations.hpp"
#include "../common/small_target.hpp"
#include "heddle/heddle.hpp"
#include "sharded_map.hpp"

namespace {

using Key = int;
using Mapped = int;
using heddle::Role;
using maps::sharded_map_bug;

constexpr std::size_t kShards = 2;

/// Keys 0 and 2 go to the first shard, 1 and 3 to the second.
struct KeyItself {
  std::uint64_t operator()(Key key) const { return static_cast<std::uint64_t>(key); }
};

template <sharded_map_bug Bug>
using Map = maps::sharded_map<Key, Mapped, kShards, KeyItself, std::equal_to<Key>, std::mutex, Bug>;

template <class M>
void copy(M& map) {
  for (const auto& [key, value] : map.to_vector()) {
    heddle::yielded(key, value);
  }
}

template <class M>
heddle::Subject<M> declare_points(heddle::Target& t, const char* description, int keys,
                                  int values) {
  t.describe(description);
  auto s = t.subject<M>();
  const auto key = t.ints(0, keys - 1);
  const auto value = t.ints(0, values - 1);
  s.op("insert", &M::insert, key, value).means(Role::kInsert);
  s.op("insert_or_assign", &M::insert_or_assign, key, value).means(Role::kAssign);
  s.op("erase", &M::erase, key).means(Role::kErase);
  s.op("compare_erase", &M::compare_erase, key, value).means(Role::kCompareErase).weight(2);
  s.op("find", &M::find, key).means(Role::kFind);
  s.op("contains", &M::contains, key).means(Role::kContains).weight(2);
  s.op("size", &M::size).weight(1);  // promises nothing while others write
  s.op("exact_size", &M::exact_size).means(Role::kSize);
  s.op("clear", &M::clear).means(Role::kClear).weight(2);
  s.linearizable();
  s.invariant([](M& m) { return m.validate(); });
  t.threads(2, 3);
  t.operations_per_thread(4);
  t.setup_operations(3);
  return s;
}

/// Iterations that go from shard to shard.
template <sharded_map_bug Bug>
auto declare(heddle::Target& t, const char* description, int keys = 4, int values = 10) {
  using M = Map<Bug>;
  auto s = declare_points<M>(t, description, keys, values);
  maps::declare_iterations(s);
  s.follows(heddle::contracts::weakly_consistent());
  return s;
}

/// Iterations over the copy of one moment.
template <sharded_map_bug Bug>
auto declare_snapshot(heddle::Target& t, const char* description, int keys = 4, int values = 10) {
  using M = Map<Bug>;
  auto s = declare_points<M>(t, description, keys, values);
  s.op("to_vector", copy<M>).means(Role::kIterate).not_in_setup();
  s.follows(heddle::contracts::snapshot());
  return s;
}

// ---- the clean map ----

HEDDLE_TARGET(sharded_map, t) {
  declare<sharded_map_bug::none>(t, "a hash map in two shards, iterated shard by shard");
}

HEDDLE_TARGET(sharded_map_snapshot, t) {
  declare_snapshot<sharded_map_bug::none>(t, "the same, copied under the locks of all shards");
}

// ---- seeded bugs ----

HEDDLE_VARIANT(sharded_map, erases_by_other_hash, "linearizability", t) {
  declare<sharded_map_bug::erases_by_other_hash>(t, "erase takes other bits of the hash");
  t.seeded({.threads = 1, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(sharded_map, locks_by_other_hash, "race", t) {
  declare<sharded_map_bug::locks_by_other_hash>(
      t, "insert_or_assign takes other bits of the hash to choose the lock");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(sharded_map, looks_before_it_locks, "linearizability", t) {
  declare<sharded_map_bug::looks_before_it_locks>(
      t, "insert looks for the key under one lock and assigns under the next");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(sharded_map, counts_shard_by_shard, "linearizability", t) {
  declare<sharded_map_bug::counts_shard_by_shard>(t, "exact_size locks one shard after another");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(sharded_map, clears_shard_by_shard, "linearizability", t) {
  declare<sharded_map_bug::clears_shard_by_shard>(t, "clear locks one shard after another");
  t.seeded({.threads = 2,
            .operations = 1,
            .needs = "",
            .source = "orcaman/concurrent-map: Clear removes the keys one by one"});
}

HEDDLE_VARIANT(sharded_map, clears_in_reverse_order, "deadlock", t) {
  declare<sharded_map_bug::clears_in_reverse_order>(
      t, "clear locks the shards from the last to the first");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(sharded_map, reads_shard_outside_lock, "race", t) {
  declare<sharded_map_bug::reads_shard_outside_lock>(
      t, "an iteration lets a shard's lock go before it copies the shard");
  t.seeded({.threads = 2, .operations = 2, .needs = "", .source = ""});
}

HEDDLE_VARIANT(sharded_map, stands_in_shard, "heap", t) {
  declare<sharded_map_bug::stands_in_shard>(
      t, "an iteration stands in a shard that it does not lock between its steps");
  t.seeded({.threads = 1, .operations = 4, .needs = "", .source = ""});
}

HEDDLE_VARIANT(sharded_map, ends_at_empty_shard, "iteration", t) {
  declare<sharded_map_bug::ends_at_empty_shard>(t, "an iteration ends at an empty shard");
  t.seeded({.threads = 1, .operations = 2, .needs = "", .source = ""});
}

HEDDLE_VARIANT(sharded_map_snapshot, copies_shard_by_shard, "iteration", t) {
  declare_snapshot<sharded_map_bug::copies_shard_by_shard>(
      t, "to_vector locks one shard after another");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(sharded_map_snapshot, counts_before_it_copies, "iteration", t) {
  declare_snapshot<sharded_map_bug::counts_before_it_copies>(
      t, "to_vector copies as many entries as there were before it locked");
  t.seeded({.threads = 2,
            .operations = 1,
            .needs = "",
            .source = "orcaman/concurrent-map e19fe66: Keys holds blanks for removed keys"});
}

// ---- small enough for every execution: `heddle check` ----

/// A key in each shard.
template <sharded_map_bug Bug>
void declare_small(heddle::Target& t, const char* description) {
  auto s = declare<Bug>(t, description, 2, 1);
  s.start("one of two entries yielded", [](heddle::Start& start) {
    start.run("insert", 0, 0);
    start.run("insert", 1, 0);
    maps::iterate(start, 1);
  });
  s.start("the first shard empty", [](heddle::Start& start) {
    start.run("insert", 1, 0);
    maps::iterate(start, 0);
  });
  maps::make_programs_small(t);
}

template <sharded_map_bug Bug>
void declare_small_snapshot(heddle::Target& t, const char* description) {
  auto s = declare_snapshot<Bug>(t, description, 2, 1);
  s.start("two entries", [](heddle::Start& start) {
    start.run("insert", 0, 0);
    start.run("insert", 1, 0);
  });
  maps::make_programs_small(t);
}

HEDDLE_TARGET(sharded_map_small, t) {
  declare_small<sharded_map_bug::none>(t, "the map in two shards, small enough to be checked");
}

HEDDLE_VARIANT(sharded_map_small, erases_by_other_hash, "linearizability", t) {
  declare_small<sharded_map_bug::erases_by_other_hash>(t, "as in sharded_map");
}

HEDDLE_VARIANT(sharded_map_small, locks_by_other_hash, "race", t) {
  declare_small<sharded_map_bug::locks_by_other_hash>(t, "as in sharded_map");
}

HEDDLE_VARIANT(sharded_map_small, looks_before_it_locks, "linearizability", t) {
  declare_small<sharded_map_bug::looks_before_it_locks>(t, "as in sharded_map");
}

HEDDLE_VARIANT(sharded_map_small, counts_shard_by_shard, "linearizability", t) {
  declare_small<sharded_map_bug::counts_shard_by_shard>(t, "as in sharded_map");
}

HEDDLE_VARIANT(sharded_map_small, clears_shard_by_shard, "linearizability", t) {
  declare_small<sharded_map_bug::clears_shard_by_shard>(t, "as in sharded_map");
}

HEDDLE_VARIANT(sharded_map_small, clears_in_reverse_order, "deadlock", t) {
  declare_small<sharded_map_bug::clears_in_reverse_order>(t, "as in sharded_map");
}

HEDDLE_VARIANT(sharded_map_small, reads_shard_outside_lock, "race", t) {
  declare_small<sharded_map_bug::reads_shard_outside_lock>(t, "as in sharded_map");
}

HEDDLE_VARIANT(sharded_map_small, stands_in_shard, "heap", t) {
  declare_small<sharded_map_bug::stands_in_shard>(t, "as in sharded_map");
}

HEDDLE_VARIANT(sharded_map_small, ends_at_empty_shard, "iteration", t) {
  declare_small<sharded_map_bug::ends_at_empty_shard>(t, "as in sharded_map");
}

HEDDLE_TARGET(sharded_map_small_snapshot, t) {
  declare_small_snapshot<sharded_map_bug::none>(t,
                                                "the same, copied under the locks of all shards");
}

HEDDLE_VARIANT(sharded_map_small_snapshot, copies_shard_by_shard, "iteration", t) {
  declare_small_snapshot<sharded_map_bug::copies_shard_by_shard>(t, "as in sharded_map_snapshot");
}

HEDDLE_VARIANT(sharded_map_small_snapshot, counts_before_it_copies, "iteration", t) {
  declare_small_snapshot<sharded_map_bug::counts_before_it_copies>(t, "as in sharded_map_snapshot");
}

}  // namespace
