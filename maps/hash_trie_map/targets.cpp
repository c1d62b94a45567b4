// hash_trie_map under Heddle: the clean map and its seeded bugs.
#include <cstdint>
#include <functional>

#include "../common/small_target.hpp"
#include "../common/sync_map_target.hpp"
#include "../reclamation/unfenced_epochs.hpp"
#include "heddle/heddle.hpp"
#include "hash_trie_map.hpp"

namespace {

using maps::hash_trie_map_bug;

// What is retired is freed by the next operation that may.
using Epochs = maps::epochs<8, 1>;

/// Two keys of the same hash, a third that shares its upper eight bits, and one that shares none.
struct NearHash {
  std::uint64_t operator()(int key) const {
    constexpr std::uint64_t kUpper[] = {0x1000, 0x1000, 0x1010, 0x2000};
    return kUpper[key & 3] << 48;
  }
};

/// Hashes that differ in their last bits alone: sixteen levels.
struct DeepHash {
  std::uint64_t operator()(int key) const { return static_cast<std::uint64_t>(key); }
};

template <hash_trie_map_bug Bug, class Hash, class Reclaimer = Epochs>
using Map = maps::hash_trie_map<int, int, Hash, std::equal_to<int>, Reclaimer, Bug>;

// Chains, branches of several levels, and what removal leaves of them.
void add_starts(auto& s) {
  s.start("chain", [](heddle::Start& start) {
    start.run("assign", 0, 1);
    start.run("assign", 1, 1);
  });
  s.start("branches", [](heddle::Start& start) {
    start.run("assign", 0, 1);
    start.run("assign", 2, 1);
    start.run("assign", 3, 1);
  });
  s.start("last of its branch", [](heddle::Start& start) {
    start.run("assign", 0, 1);
    start.run("assign", 2, 1);
    start.run("erase", 0);
  });
}

template <hash_trie_map_bug Bug, class Hash = NearHash, class Reclaimer = Epochs>
void declare(heddle::Target& t, const char* description) {
  using M = Map<Bug, Hash, Reclaimer>;
  auto s = maps::declare_sync_map<M>(t, description);
  s.action("reclaim", &M::reclaim);
  add_starts(s);
}

HEDDLE_TARGET(hash_trie_map, t) {
  declare<hash_trie_map_bug::none>(t, "Go's sync.Map since 1.24: a trie over hashes");
}

HEDDLE_TARGET(hash_trie_map_deep, t) {
  declare<hash_trie_map_bug::none, DeepHash>(t, "the same, sixteen levels deep");
}

HEDDLE_VARIANT(hash_trie_map, inserts_into_dead_node, "linearizability", t) {
  declare<hash_trie_map_bug::inserts_into_dead_node>(
      t, "a writer that has waited for a node's lock does not ask whether it is still in the tree");
  t.seeded({.threads = 2, .operations = 2, .source = "golang/go internal/sync/hashtriemap.go"});
}

HEDDLE_VARIANT(hash_trie_map, retries_from_dead_node, "livelock", t) {
  declare<hash_trie_map_bug::retries_from_dead_node>(
      t, "a writer that finds its node dead tries again from there, not from the root");
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(hash_trie_map, skips_recheck_of_slot, "linearizability", t) {
  declare<hash_trie_map_bug::skips_recheck_of_slot>(
      t, "a writer stores to the slot as it was before it had the lock");
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(hash_trie_map, prunes_without_recheck, "linearizability", t) {
  declare<hash_trie_map_bug::prunes_without_recheck>(
      t,
      "an empty node is let go to lock its parent, and not looked at again before it is unlinked");
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(hash_trie_map, locks_on_the_way_down, "deadlock", t) {
  declare<hash_trie_map_bug::locks_on_the_way_down>(
      t, "writers lock a parent before its child, and removal the other way round");
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(hash_trie_map, publishes_before_filling, "linearizability", t) {
  declare<hash_trie_map_bug::publishes_before_filling>(
      t, "a new branch is in the tree before the entry is that it replaces");
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(hash_trie_map, publishes_relaxed, "race", t) {
  declare<hash_trie_map_bug::publishes_relaxed>(
      t, "entries and branches are published with relaxed stores");
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(hash_trie_map, frees_replaced_entry, "heap", t) {
  declare<hash_trie_map_bug::frees_replaced_entry>(t,
                                                   "a store frees the entry it replaces at once");
  t.continue_on_race();
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(hash_trie_map, frees_pruned_node, "heap", t) {
  declare<hash_trie_map_bug::frees_pruned_node>(
      t, "removal frees an empty node at once, whoever waits for its lock");
  t.continue_on_race();
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(hash_trie_map, frees_tree_at_clear, "heap", t) {
  declare<hash_trie_map_bug::frees_tree_at_clear>(t, "clear() frees the old tree at once");
  t.continue_on_race();
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(hash_trie_map, clears_slot_by_slot, "linearizability", t) {
  declare<hash_trie_map_bug::clears_slot_by_slot>(
      t, "clear() empties one slot of the root after the other");
  t.seeded({.threads = 2, .operations = 2});
}

HEDDLE_VARIANT(hash_trie_map, exchanges_without_lock, "linearizability", t) {
  declare<hash_trie_map_bug::exchanges_without_lock>(
      t, "compare_exchange() swaps the entry in its slot without the lock that removal relies on");
  t.continue_on_race();
  t.seeded({.threads = 2, .operations = 1, .source = "golang/go#70970"});
}

HEDDLE_VARIANT(hash_trie_map, drops_chain_with_its_head, "linearizability", t) {
  declare<hash_trie_map_bug::drops_chain_with_its_head>(
      t, "removal of the first entry of a chain loses the others");
  t.seeded({.threads = 1, .operations = 2});
}

HEDDLE_VARIANT(hash_trie_map, revisits_expanded_slot, "iteration", t) {
  declare<hash_trie_map_bug::revisits_expanded_slot>(
      t, "an iterator looks again at a slot whose entry has moved down");
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(hash_trie_map, opens_unpinned, "heap", t) {
  declare<hash_trie_map_bug::opens_unpinned>(t, "an iterator does not hold on to the epoch");
  t.continue_on_race();
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(hash_trie_map, leaks_replaced_entry, "heap", t) {
  declare<hash_trie_map_bug::leaks_replaced_entry>(t, "a store never frees the entry it replaces");
  t.seeded({.threads = 1, .operations = 1});
}

HEDDLE_VARIANT(hash_trie_map, pins_without_fence, "heap", t) {
  declare<hash_trie_map_bug::none, NearHash, maps::unfenced_epochs<8, 1>>(
      t, "a pin is stored, and may come after the loads that it is for");
  t.seeded({.threads = 2,
            .operations = 1,
            .needs = "tso",
            .source = "Fraser 2004: the barrier behind the epoch's announcement"});
}

HEDDLE_VARIANT(hash_trie_map_deep, stops_a_level_early, "linearizability", t) {
  declare<hash_trie_map_bug::stops_a_level_early, DeepHash>(
      t, "lookups do not look at the last four bits");
  t.seeded({.threads = 1, .operations = 1, .source = "golang/go 4324d5a88c"});
}

// ---- small enough for every execution: `heddle check` ----

/// Keys 0 and 1 have the same hash.
template <hash_trie_map_bug Bug>
void declare_small(heddle::Target& t, const char* description) {
  using M = Map<Bug, NearHash, maps::epochs<8, maps::kNever>>;
  auto s = maps::declare_sync_map<M>(t, description, 2, 1);
  s.start("a branch to make", [](heddle::Start& start) { start.run("assign", 2, 0); });
  s.start("alone in its branch", [](heddle::Start& start) {
    start.run("assign", 0, 0);
    start.run("assign", 2, 0);
    start.run("erase", 2);
  });
  maps::make_programs_small(t);
}

HEDDLE_TARGET(hash_trie_map_small, t) {
  declare_small<hash_trie_map_bug::none>(t, "a trie over hashes, small enough to be checked");
}

HEDDLE_VARIANT(hash_trie_map_small, skips_recheck_of_slot, "linearizability", t) {
  declare_small<hash_trie_map_bug::skips_recheck_of_slot>(t, "as in hash_trie_map");
}

HEDDLE_VARIANT(hash_trie_map_small, locks_on_the_way_down, "deadlock", t) {
  declare_small<hash_trie_map_bug::locks_on_the_way_down>(t, "as in hash_trie_map");
}

HEDDLE_VARIANT(hash_trie_map_small, publishes_before_filling, "linearizability", t) {
  declare_small<hash_trie_map_bug::publishes_before_filling>(t, "as in hash_trie_map");
}

HEDDLE_VARIANT(hash_trie_map_small, publishes_relaxed, "race", t) {
  declare_small<hash_trie_map_bug::publishes_relaxed>(t, "as in hash_trie_map");
}

HEDDLE_VARIANT(hash_trie_map_small, leaks_replaced_entry, "heap", t) {
  declare_small<hash_trie_map_bug::leaks_replaced_entry>(t, "as in hash_trie_map");
}

}  // namespace
