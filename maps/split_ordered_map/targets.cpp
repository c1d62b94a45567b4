// split_ordered_map under Heddle: both kinds of reclamation, and the seeded bugs.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <xenium/reclamation/hazard_pointer.hpp>

#include "../common/iterations.hpp"
#include "../common/small_target.hpp"
#include "../common/structure.hpp"
#include "../reclamation/epoch_reclaimer.hpp"
#include "heddle/heddle.hpp"
#include "split_ordered_map.hpp"

namespace {

using Key = int;
using Mapped = int;
using maps::split_ordered_map_bug;

/// Keys 0 to 3 go to four buckets.
struct KeyItself {
  std::uint64_t operator()(Key key) const { return static_cast<std::uint64_t>(key); }
};

// Each retired entry is looked at at once, not when there are a hundred.
using HazardPointers =
    xenium::reclamation::hazard_pointer<>::with<xenium::policy::allocation_strategy<
        xenium::reclamation::hp_allocation::dynamic_strategy<6, 0, 0>>>;

// Whoever enters frees what it can after each retirement; there are at most four threads.
using Epochs = maps::epoch_reclaimer<4, 1>;

template <class Reclaimer, split_ordered_map_bug Bug>
using Map = maps::split_ordered_map<Key, Mapped, KeyItself, std::less<Key>, Reclaimer, Bug>;

template <class M>
void declare_iteration(heddle::Target& t, heddle::Subject<M>& s) {
  maps::declare_iterations(s);
  s.follows(
      heddle::contracts::weakly_consistent({.freshness = heddle::contracts::Freshness::kCurrent}));
  maps::declare_sound(s);
  s.linearizable();
  s.promises(heddle::Progress::kLockFree);
  t.threads(2, 3);
  t.operations_per_thread(4);
  t.setup_operations(3);
}

template <class M>
heddle::Subject<M> declare(heddle::Target& t, const char* description, int keys = 4,
                           int values = 4) {
  t.describe(description);
  auto s = t.subject<M>();
  const auto key = t.ints(0, keys - 1);
  const auto value = t.ints(0, values - 1);
  s.op("insert", &M::insert, key, value).means(heddle::Role::kInsert);
  s.op("assign", &M::insert_or_assign, key, value).means(heddle::Role::kAssign);
  s.op("exchange", &M::exchange, key, value).means(heddle::Role::kExchange).weight(2);
  s.op("find_or_insert", &M::find_or_insert, key, value).means(heddle::Role::kFindOrInsert);
  s.op("erase", &M::erase, key).means(heddle::Role::kErase).weight(6);
  s.op("take", &M::take, key).means(heddle::Role::kTake).weight(2);
  s.op("compare_exchange", &M::compare_exchange, key, value, value)
      .means(heddle::Role::kCompareExchange)
      .weight(2);
  s.op("compare_erase", &M::compare_erase, key, value).means(heddle::Role::kCompareErase).weight(2);
  s.op("find", &M::find, key).means(heddle::Role::kFind).weight(6);
  s.op("contains", &M::contains, key).means(heddle::Role::kContains).weight(2);
  s.op("clear", &M::clear).means(heddle::Role::kClearEach).weight(1);
  declare_iteration(t, s);
  return s;
}

/// Few operations but those that get in the way of an iteration.
template <class M>
void declare_iterated(heddle::Target& t, const char* description) {
  t.describe(description);
  auto s = t.subject<M>();
  const auto key = t.ints(0, 3);
  s.op("insert", &M::insert, key, t.ints(0, 3)).means(heddle::Role::kInsert);
  s.op("erase", &M::erase, key).means(heddle::Role::kErase).weight(8);
  declare_iteration(t, s);
  s.start("full", [](heddle::Start& start) {
    for (int i = 0; i < 4; ++i) {
      start.run("insert", i, i);
    }
  });
}

template <split_ordered_map_bug Bug>
using Hazardous = Map<HazardPointers, Bug>;

HEDDLE_TARGET(split_ordered_map, t) {
  declare<Hazardous<split_ordered_map_bug::none>>(t, "split-ordered lists under hazard pointers");
}

HEDDLE_TARGET(split_ordered_map_epochs, t) {
  using M = Map<Epochs, split_ordered_map_bug::none>;
  auto s = declare<M>(t, "split-ordered lists under epochs");
  s.action("reclaim", [](M&) { Epochs::collect(); });
}

HEDDLE_TARGET(split_ordered_map_iterated, t) {
  declare_iterated<Hazardous<split_ordered_map_bug::none>>(
      t, "split-ordered lists under hazard pointers, iterated while entries go");
}

HEDDLE_VARIANT(split_ordered_map, skips_hazard_recheck, "heap", t) {
  t.seeded({.threads = 2,
            .operations = 1,
            .source = "Michael, Hazard Pointers, 2004: the check that makes them safe"});
  declare<Hazardous<split_ordered_map_bug::skips_hazard_recheck>>(
      t, "a search sets its hazard pointer and does not look whether the node is still linked");
}

HEDDLE_VARIANT(split_ordered_map, retires_without_unlinking, "heap", t) {
  t.seeded({.threads = 2, .operations = 2});
  declare<Hazardous<split_ordered_map_bug::retires_without_unlinking>>(
      t, "a removed entry is retired although taking it out of the list has failed");
}

HEDDLE_VARIANT(split_ordered_map_iterated, follows_link_of_removed, "heap", t) {
  t.seeded(
      {.threads = 1, .operations = 5, .source = "libcds issue 43: iterators of Michael's list"});
  declare_iterated<Hazardous<split_ordered_map_bug::follows_link_of_removed>>(
      t, "an iteration goes on from a removed entry by its link");
}

HEDDLE_VARIANT(split_ordered_map, removes_without_comparing, "contract", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<Hazardous<split_ordered_map_bug::removes_without_comparing>>(
      t, "an entry's link is marked by a store, whatever it leads to by now");
}

HEDDLE_VARIANT(split_ordered_map, publishes_relaxed, "race", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<Hazardous<split_ordered_map_bug::publishes_relaxed>>(
      t, "entries are linked in without release");
}

HEDDLE_VARIANT(split_ordered_map, replaces_in_two_steps, "linearizability", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<Hazardous<split_ordered_map_bug::replaces_in_two_steps>>(
      t, "to assign is to erase and then to insert");
}

HEDDLE_VARIANT(split_ordered_map, loses_race_for_sentinel, "contract", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<Hazardous<split_ordered_map_bug::loses_race_for_sentinel>>(
      t, "of two threads that make a sentinel, the second one uses its own, which is in no list");
}

HEDDLE_VARIANT(split_ordered_map, shows_sentinel_early, "linearizability", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<Hazardous<split_ordered_map_bug::shows_sentinel_early>>(
      t, "a sentinel is shown to others before it is in the list");
}

HEDDLE_VARIANT(split_ordered_map, waits_for_sentinel, "progress", t) {
  t.seeded({.threads = 2, .operations = 1, .needs = "freeze"});
  declare<Hazardous<split_ordered_map_bug::waits_for_sentinel>>(
      t, "a bucket without a sentinel is claimed by one thread, and others wait for it");
}

HEDDLE_VARIANT(split_ordered_map, counts_in_two_steps, "contract", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<Hazardous<split_ordered_map_bug::counts_in_two_steps>>(
      t, "the number of entries is read, then written");
}

// ---- small enough for every execution: `heddle check` ----

template <split_ordered_map_bug Bug>
void declare_small(heddle::Target& t, const char* description) {
  using Reclaimer = maps::epoch_reclaimer<4, maps::kNever>;
  auto s = declare<Map<Reclaimer, Bug>>(t, description, 2, 1);
  s.start("one entry", [](heddle::Start& start) { start.run("insert", 1, 0); });
  maps::make_programs_small(t);
}

HEDDLE_TARGET(split_ordered_map_small, t) {
  declare_small<split_ordered_map_bug::none>(t, "split-ordered lists, small enough to be checked");
}

}  // namespace
