// rwlock_map under Heddle: both locks, and the seeded bugs.
#include <functional>
#include <optional>
#include <shared_mutex>
#include <utility>

#include "../common/small_target.hpp"
#include "heddle/heddle.hpp"
#include "rwlock_map.hpp"
#include "../common/spread_readers_mutex.hpp"
#include "writer_first_mutex.hpp"

namespace {

using Key = int;
using Mapped = int;
using heddle::Role;
using maps::rwlock_map_bug;
using maps::spread_readers_mutex_bug;
using maps::writer_first_mutex;
using maps::writer_first_mutex_bug;

template <rwlock_map_bug Bug, class SharedMutex = std::shared_mutex>
using Map = maps::rwlock_map<Key, Mapped, std::hash<Key>, std::equal_to<Key>, SharedMutex, Bug>;

/// Whose threads share two lines, and go to sleep at once.
template <spread_readers_mutex_bug Bug = spread_readers_mutex_bug::none>
using SpreadReaders = maps::spread_readers_mutex<2, 0, Bug>;

/// An iteration, up to its end: while one is open, its thread must not call the map.
template <class M>
void walk(M& map) {
  for (auto range = map.begin_range(); range.next();) {
    heddle::yielded(range.key(), range.mapped());
  }
}

/// An iteration that is given up at once. Returns whether it has come to its end.
template <class M>
bool peek(M& map) {
  auto range = map.begin_range();
  const bool any = range.next();
  if (any) {
    heddle::yielded(range.key(), range.mapped());
  }
  return !any;
}

template <class M>
void visit(M& map) {
  map.for_each([](Key key, Mapped value) { heddle::yielded(key, value); });
}

template <class M>
void copy(M& map) {
  for (const auto& [key, value] : map.to_vector()) {
    heddle::yielded(key, value);
  }
}

template <class M>
bool erase_by_predicate(M& map, Key wanted) {
  return map.erase_if([wanted](Key key, Mapped) { return key == wanted; }) != 0;
}

template <class M>
heddle::Subject<M> declare(heddle::Target& t, const char* description, int keys = 3,
                           int values = 10) {
  t.describe(description);
  auto s = t.subject<M>();
  const auto key = t.ints(0, keys - 1);
  const auto value = t.ints(0, values - 1);
  s.op("insert", &M::insert, key, value).means(Role::kInsert);
  s.op("insert_or_assign", &M::insert_or_assign, key, value).means(Role::kAssign);
  s.op("find_or_insert", &M::find_or_insert, key, value).means(Role::kFindOrInsert);
  s.op("erase", &M::erase, key).means(Role::kErase);
  s.op("erase_if", erase_by_predicate<M>, key).means(Role::kErase).weight(2);
  s.op("find", &M::find, key).means(Role::kFind);
  s.op("contains", &M::contains, key).means(Role::kContains).weight(2);
  s.op("size", &M::size).means(Role::kSize).weight(2);
  s.op("clear", &M::clear).means(Role::kClear).weight(1);
  s.op("walk", walk<M>).means(Role::kIterate).not_in_setup();
  s.op("peek", peek<M>).means(Role::kIterate).not_in_setup().weight(2);
  s.op("for_each", visit<M>).means(Role::kIterate).not_in_setup().weight(2);
  s.op("to_vector", copy<M>).means(Role::kIterate).not_in_setup().weight(2);
  s.linearizable();
  s.follows(heddle::contracts::snapshot());
  t.threads(2, 3);
  t.operations_per_thread(3);
  t.setup_operations(3);
  return s;
}

// ---- the clean map ----

HEDDLE_TARGET(rwlock_map, t) {
  declare<Map<rwlock_map_bug::none>>(t, "a hash map behind a reader-writer lock");
}

HEDDLE_TARGET(rwlock_map_writers_first, t) {
  declare<Map<rwlock_map_bug::none, writer_first_mutex<>>>(
      t, "the same behind a lock whose waiting writers keep readers out");
}

HEDDLE_TARGET(rwlock_map_spread_readers, t) {
  declare<Map<rwlock_map_bug::none, SpreadReaders<>>>(
      t, "the same behind a lock whose readers do not meet");
}

// ---- seeded bugs ----

HEDDLE_VARIANT(rwlock_map, unlocks_after_begin, "race", t) {
  declare<Map<rwlock_map_bug::unlocks_after_begin>>(
      t, "an iteration has the lock only where it begins");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(rwlock_map, unlocks_between_steps, "heap", t) {
  declare<Map<rwlock_map_bug::unlocks_between_steps>>(
      t, "an iteration has the lock during its steps, but not between them");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(rwlock_map, keeps_lock_when_abandoned, "deadlock", t) {
  declare<Map<rwlock_map_bug::keeps_lock_when_abandoned>>(
      t, "an iteration that is given up before its end keeps the lock");
  t.seeded({.threads = 1,
            .operations = 2,
            .needs = "",
            .source = "orcaman/concurrent-map 11703b4: channels that nobody drains"});
}

HEDDLE_VARIANT(rwlock_map, inserts_after_upgrade_gap, "linearizability", t) {
  declare<Map<rwlock_map_bug::inserts_after_upgrade_gap>>(
      t, "find_or_insert lets the shared lock go and does not look again under the other");
  t.seeded({.threads = 2,
            .operations = 1,
            .needs = "",
            .source = "greg7mdp/parallel-hashmap #255: lost increments"});
}

HEDDLE_VARIANT(rwlock_map, upgrades_lock_in_place, "deadlock", t) {
  declare<Map<rwlock_map_bug::upgrades_lock_in_place>>(
      t, "find_or_insert asks for the exclusive lock while it has the shared one");
  t.seeded({.threads = 1, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(rwlock_map, erases_while_it_visits, "deadlock", t) {
  declare<Map<rwlock_map_bug::erases_while_it_visits>>(t,
                                                       "erase_if calls erase from within for_each");
  t.seeded({.threads = 1, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(rwlock_map, assigns_under_shared_lock, "race", t) {
  declare<Map<rwlock_map_bug::assigns_under_shared_lock>>(
      t, "the value of a key that is there is overwritten under the shared lock");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(rwlock_map, copies_after_unlock, "race", t) {
  declare<Map<rwlock_map_bug::copies_after_unlock>>(
      t, "find lets the lock go before it copies the value");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(rwlock_map_writers_first, counts_while_it_copies, "deadlock", t) {
  declare<Map<rwlock_map_bug::counts_while_it_copies, writer_first_mutex<>>>(
      t, "to_vector calls size, which locks again, and a writer has come between");
  t.seeded({.threads = 2,
            .operations = 1,
            .needs = "",
            .source = "Go's sync.RWMutex forbids recursive read locking for this"});
}

HEDDLE_VARIANT(rwlock_map_writers_first, wakes_one_reader, "deadlock", t) {
  using Mutex = writer_first_mutex<writer_first_mutex_bug::wakes_one_reader>;
  declare<Map<rwlock_map_bug::none, Mutex>>(
      t, "a writer that leaves wakes one of the readers that wait");
  t.seeded({.threads = 3, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(rwlock_map_spread_readers, looks_before_it_counts, "race", t) {
  using Mutex = SpreadReaders<spread_readers_mutex_bug::looks_before_it_counts>;
  declare<Map<rwlock_map_bug::none, Mutex>>(
      t, "a reader looks for a writer, then says that it is there");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(rwlock_map_spread_readers, leaves_without_waking, "deadlock", t) {
  using Mutex = SpreadReaders<spread_readers_mutex_bug::leaves_without_waking>;
  declare<Map<rwlock_map_bug::none, Mutex>>(
      t, "a reader that leaves does not wake the writer that waits for it");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

// ---- small enough for every execution: `heddle check` ----

template <class M>
void declare_small(heddle::Target& t, const char* description) {
  auto s = declare<M>(t, description, 2, 1);
  s.start("one entry", [](heddle::Start& start) { start.run("insert", 0, 0); });
  maps::make_programs_small(t);
}

HEDDLE_TARGET(rwlock_map_small, t) {
  declare_small<Map<rwlock_map_bug::none>>(t, "the map, small enough to be checked");
}

HEDDLE_VARIANT(rwlock_map_small, unlocks_after_begin, "race", t) {
  declare_small<Map<rwlock_map_bug::unlocks_after_begin>>(t, "as in rwlock_map");
}

HEDDLE_VARIANT(rwlock_map_small, unlocks_between_steps, "race", t) {
  declare_small<Map<rwlock_map_bug::unlocks_between_steps>>(t, "as in rwlock_map");
}

HEDDLE_VARIANT(rwlock_map_small, keeps_lock_when_abandoned, "misuse", t) {
  declare_small<Map<rwlock_map_bug::keeps_lock_when_abandoned>>(t, "as in rwlock_map");
}

HEDDLE_VARIANT(rwlock_map_small, inserts_after_upgrade_gap, "linearizability", t) {
  declare_small<Map<rwlock_map_bug::inserts_after_upgrade_gap>>(t, "as in rwlock_map");
}

HEDDLE_VARIANT(rwlock_map_small, upgrades_lock_in_place, "deadlock", t) {
  declare_small<Map<rwlock_map_bug::upgrades_lock_in_place>>(t, "as in rwlock_map");
}

HEDDLE_VARIANT(rwlock_map_small, erases_while_it_visits, "deadlock", t) {
  declare_small<Map<rwlock_map_bug::erases_while_it_visits>>(t, "as in rwlock_map");
}

HEDDLE_VARIANT(rwlock_map_small, assigns_under_shared_lock, "race", t) {
  declare_small<Map<rwlock_map_bug::assigns_under_shared_lock>>(t, "as in rwlock_map");
}

HEDDLE_VARIANT(rwlock_map_small, copies_after_unlock, "race", t) {
  declare_small<Map<rwlock_map_bug::copies_after_unlock>>(t, "as in rwlock_map");
}

HEDDLE_TARGET(rwlock_map_small_writers_first, t) {
  declare_small<Map<rwlock_map_bug::none, writer_first_mutex<>>>(
      t, "the same behind a lock whose waiting writers keep readers out");
}

HEDDLE_VARIANT(rwlock_map_small_writers_first, counts_while_it_copies, "deadlock", t) {
  declare_small<Map<rwlock_map_bug::counts_while_it_copies, writer_first_mutex<>>>(
      t, "as in rwlock_map_writers_first");
}

}  // namespace
