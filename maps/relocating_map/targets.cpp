// relocating_map under Heddle: tables of a few cells, and the seeded bugs.
#include <cstdint>
#include <memory>
#include <string>

#include "../common/iterations.hpp"
#include "../common/small_target.hpp"
#include "../common/structure.hpp"
#include "../reclamation/epoch_reclaimer.hpp"
#include "heddle/heddle.hpp"
#include "relocating_map.hpp"

namespace {

using Key = int;
using Mapped = int;
using maps::relocating_map_bug;

struct KeyItself {
  std::uint64_t operator()(Key key) const { return static_cast<std::uint64_t>(key); }
};

// Whoever enters frees what it can after each retirement; there are at most four threads.
using Epochs = maps::epoch_reclaimer<4, 1>;

template <relocating_map_bug Bug, class Reclaimer = Epochs>
using Map = maps::relocating_map<Key, Mapped, KeyItself, Reclaimer, Bug>;

template <class M>
heddle::Subject<M> declare_all(heddle::Target& t, const char* description, int keys, int values) {
  t.describe(description);
  auto s = t.subject<M>([] {
    return std::make_unique<M>(maps::relocating_map_options{.initial_cells = 2, .stride = 1});
  });
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
  maps::declare_iterations(s);
  s.follows(
      heddle::contracts::weakly_consistent({.freshness = heddle::contracts::Freshness::kCurrent}));
  maps::declare_sound(s);
  s.linearizable();
  s.promises(heddle::Progress::kLockFree);
  return s;
}

template <relocating_map_bug Bug>
void declare(heddle::Target& t, const char* description) {
  auto s = declare_all<Map<Bug>>(t, description, 4, 4);
  s.action("reclaim", [](Map<Bug>&) { Epochs::collect(); });
  s.start("in the middle of a relocation", [](heddle::Start& start) {
    for (int i = 0; i < 4; ++i) {
      start.run("insert", i, i);
    }
  });
  t.threads(2, 3);
  t.operations_per_thread(4);
  t.setup_operations(3);
}

struct OneCell {
  std::uint64_t operator()(Key) const { return 0; }
};

/// Few operations but those that get in the way of an iteration, which alone is judged. All keys
/// want the same cell.
template <relocating_map_bug Bug>
void declare_iterated(heddle::Target& t, const char* description) {
  using M = maps::relocating_map<Key, Mapped, OneCell, Epochs, Bug>;
  t.describe(description);
  auto s = t.subject<M>([] {
    return std::make_unique<M>(maps::relocating_map_options{.initial_cells = 4, .stride = 1});
  });
  const auto key = t.ints(0, 3);
  s.op("insert", &M::insert, key, t.ints(0, 9)).means(heddle::Role::kInsert).weight(2);
  s.op("erase", &M::erase, key).means(heddle::Role::kErase).weight(2);
  maps::declare_iterations(s);
  s.follows(
      heddle::contracts::weakly_consistent({.freshness = heddle::contracts::Freshness::kCurrent}));
  s.start("one there", [](heddle::Start& start) { start.run("insert", 0, 0); });
  t.threads(2, 3);
  t.operations_per_thread(4);
  t.setup_operations(3);
}

HEDDLE_TARGET(relocating_map, t) {
  declare<relocating_map_bug::none>(t,
                                    "open addressing, relocated by all threads, a cell at a time");
}

HEDDLE_TARGET(relocating_map_iterated, t) {
  declare_iterated<relocating_map_bug::none>(t, "the same, where nothing but iterations is judged");
}

HEDDLE_VARIANT(relocating_map, copies_before_freezing, "contract", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<relocating_map_bug::copies_before_freezing>(
      t, "a value is copied, and then its cell is frozen");
}

HEDDLE_VARIANT(relocating_map, copies_over_what_is_there, "contract", t) {
  t.seeded(
      {.threads = 2,
       .operations = 1,
       .source = "Click 2007: only a value that is the first one may come from the old table"});
  declare<relocating_map_bug::copies_over_what_is_there>(
      t, "a copy overwrites what the next table has by now");
}

HEDDLE_VARIANT(relocating_map, copies_over_erased, "contract", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<relocating_map_bug::copies_over_erased>(
      t, "a copy takes an erased value for one that never was");
}

HEDDLE_VARIANT(relocating_map, freezes_only_entries, "contract", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<relocating_map_bug::freezes_only_entries>(
      t, "cells without a value are not frozen, and values come to them later");
}

HEDDLE_VARIANT(relocating_map, reads_frozen_values, "linearizability", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<relocating_map_bug::reads_frozen_values>(
      t, "a reader takes the value of a frozen cell for the latest one");
}

HEDDLE_VARIANT(relocating_map, leaves_before_copies_end, "linearizability", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<relocating_map_bug::leaves_before_copies_end>(
      t, "a table counts as copied when all its cells are claimed");
}

HEDDLE_VARIANT(relocating_map, frees_table_at_once, "heap", t) {
  t.seeded({.threads = 1, .operations = 1});
  declare<relocating_map_bug::frees_table_at_once>(t, "the old table is freed, not retired");
}

HEDDLE_VARIANT(relocating_map, publishes_table_relaxed, "race", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<relocating_map_bug::publishes_table_relaxed>(t,
                                                       "the next table is shown without release");
}

HEDDLE_VARIANT(relocating_map, iterates_from_old_table, "iteration", t) {
  t.seeded({.threads = 1, .operations = 4});
  declare<relocating_map_bug::iterates_from_old_table>(
      t, "an iteration begins in a table that entries have moved on from");
}

HEDDLE_VARIANT(relocating_map, waits_for_copies, "progress", t) {
  t.seeded({.threads = 2, .operations = 1, .needs = "freeze"});
  declare<relocating_map_bug::waits_for_copies>(
      t, "who meets a frozen cell waits until all of the table is copied");
}

HEDDLE_VARIANT(relocating_map, trusts_vacant_cell, "linearizability", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<relocating_map_bug::trusts_vacant_cell>(
      t, "a reader takes the value of a cell that was vacant, whoever has it by now");
}

HEDDLE_VARIANT(relocating_map_iterated, reuses_erased_cell, "iteration", t) {
  t.seeded({.threads = 2,
            .operations = 2,
            .source = "Click 2007: a key, once in its cell, stays there"});
  declare_iterated<relocating_map_bug::reuses_erased_cell>(
      t, "the cell of an erased key becomes another key's, whose value it is then taken for");
}

HEDDLE_VARIANT(relocating_map, counts_in_two_steps, "contract", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<relocating_map_bug::counts_in_two_steps>(t,
                                                   "the number of entries is read, then written");
}

// ---- small enough for every execution: `heddle check` ----

/// Two cells.
template <relocating_map_bug Bug>
void declare_small(heddle::Target& t, const char* description) {
  using Reclaimer = maps::epoch_reclaimer<4, maps::kNever>;
  auto s = declare_all<Map<Bug, Reclaimer>>(t, description, 2, 1);
  s.start("relocates next", [](heddle::Start& start) { start.run("insert", 1, 0); });
  maps::make_programs_small(t);
}

HEDDLE_TARGET(relocating_map_small, t) {
  declare_small<relocating_map_bug::none>(t, "open addressing, small enough to be checked");
}

}  // namespace
