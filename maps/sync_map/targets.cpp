// sync_map under Heddle: the clean map and its seeded bugs.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "../common/small_target.hpp"
#include "../common/structure.hpp"
#include "../common/sync_map_target.hpp"
#include "heddle/heddle.hpp"
#include "sync_map.hpp"

namespace {

using maps::sync_map_bug;

// What is retired is freed by the next operation that may.
using Epochs = maps::epochs<8, 1>;

using Boxed = std::int64_t;  // does not fit into an entry's word
using Packed = int;

template <sync_map_bug Bug, class Reclaimer = Epochs, class T = Boxed>
using Map = maps::sync_map<int, T, std::hash<int>, std::equal_to<int>, Reclaimer, std::mutex, Bug>;

// Each key in another state: deleted, expunged, in both parts, in the dirty part alone.
void add_starts(auto& s) {
  s.start("promoted", [](heddle::Start& start) {
    start.run("assign", 0, 1);
    start.run("assign", 1, 1);
    start.run("iterate");
    start.run("erase", 0);
  });
  s.start("amended", [](heddle::Start& start) {
    start.run("assign", 0, 1);
    start.run("assign", 1, 1);
    start.run("iterate");
    start.run("erase", 0);
    start.run("assign", 2, 1);
  });
}

template <sync_map_bug Bug, class T = Boxed>
void declare(heddle::Target& t, const char* description) {
  using M = Map<Bug, Epochs, T>;
  auto s = maps::declare_sync_map<M>(t, description);
  s.action("reclaim", &M::reclaim);
  add_starts(s);
}

HEDDLE_TARGET(sync_map, t) {
  declare<sync_map_bug::none>(t, "Go's sync.Map before 1.24: a read part and a dirty part");
}

HEDDLE_TARGET(sync_map_packed, t) {
  declare<sync_map_bug::none, Packed>(t, "the same, with values that need no box");
}

HEDDLE_VARIANT(sync_map, skips_reread_of_read, "linearizability", t) {
  declare<sync_map_bug::skips_reread_of_read>(
      t, "a lookup that missed takes the lock, but does not look at the read part again");
  t.seeded({.threads = 2, .operations = 1, .source = "golang/go sync/map.go, Load"});
}

HEDDLE_VARIANT(sync_map, forgets_dirty_on_unexpunge, "linearizability", t) {
  declare<sync_map_bug::forgets_dirty_on_unexpunge>(
      t, "an expunged entry is used again without being put into the dirty part");
  t.seeded({.threads = 1, .operations = 3});
}

HEDDLE_VARIANT(sync_map, unexpunges_weakly, "linearizability", t) {
  declare<sync_map_bug::unexpunges_weakly>(
      t, "a weak compare-exchange that failed for nothing passes for: was not expunged");
  t.seeded({.threads = 1, .operations = 3, .needs = "weak-cas"});
}

HEDDLE_VARIANT(sync_map, builds_dirty_without_expunging, "contract", t) {
  declare<sync_map_bug::builds_dirty_without_expunging>(
      t, "the dirty part leaves deleted entries out, but others may still store to them");
  t.seeded({.threads = 1, .operations = 1});
}

HEDDLE_VARIANT(sync_map, keeps_misses_on_promotion, "contract", t) {
  declare<sync_map_bug::keeps_misses_on_promotion>(
      t, "a promotion leaves the misses counted: the next one comes too early");
  t.seeded({.threads = 1, .operations = 2});
}

HEDDLE_VARIANT(sync_map, skips_recheck_of_amended, "iteration", t) {
  declare<sync_map_bug::skips_recheck_of_amended>(
      t, "an iteration promotes a dirty part that somebody else has promoted before it");
  t.seeded({.threads = 2, .operations = 1, .source = "golang/go sync/map.go, Range"});
}

HEDDLE_VARIANT(sync_map, stores_into_expunged, "contract", t) {
  declare<sync_map_bug::stores_into_expunged>(t,
                                              "a store does not ask whether an entry is expunged");
  t.seeded({.threads = 1, .operations = 1});
}

HEDDLE_VARIANT(sync_map, erases_without_cas, "linearizability", t) {
  declare<sync_map_bug::erases_without_cas>(t, "a deletion reads the value and then stores null");
  t.continue_on_race();
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(sync_map, holds_lock_while_iterating, "deadlock", t) {
  declare<sync_map_bug::holds_lock_while_iterating>(
      t, "the lock is held while the body of an iteration runs, which may use the map");
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(sync_map, forgets_entry_taken_from_dirty, "heap", t) {
  declare<sync_map_bug::forgets_entry_taken_from_dirty>(
      t, "an entry that was in the dirty part alone is unlinked and never freed");
  t.seeded({.threads = 1, .operations = 1, .source = "golang/go#40999"});
}

HEDDLE_VARIANT(sync_map, frees_read_part_at_promotion, "heap", t) {
  declare<sync_map_bug::frees_read_part_at_promotion>(
      t, "a promotion frees the old read part at once, whoever is searching it");
  t.continue_on_race();
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(sync_map, frees_replaced_value, "heap", t) {
  declare<sync_map_bug::frees_replaced_value>(t, "a store frees the value it replaces at once");
  t.continue_on_race();
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(sync_map, copies_value_unpinned, "race", t) {
  declare<sync_map_bug::copies_value_unpinned>(
      t, "a lookup copies the value after it has let go of the epoch");
  t.seeded({.threads = 2, .operations = 2});
}

HEDDLE_VARIANT(sync_map, publishes_value_relaxed, "race", t) {
  declare<sync_map_bug::publishes_value_relaxed>(t, "values are published with a relaxed store");
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(sync_map, publishes_read_part_relaxed, "race", t) {
  declare<sync_map_bug::publishes_read_part_relaxed>(t, "a promotion is a relaxed store");
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(sync_map, marks_read_part_seen_before_lock, "linearizability", t) {
  declare<sync_map_bug::marks_read_part_seen_before_lock>(
      t, "a new key goes to the filter of a read part that was current before the lock was taken");
  t.seeded({.threads = 2, .operations = 2});
}

// ---- copies that fail ----

struct CopyFailed {};

/// A key whose copies, which only the dirty part makes, fail by decision.
struct FragileKey {
  FragileKey(int number) : value(number) {}
  FragileKey(const FragileKey& other) : value(other.value) {
    if (heddle::choose(4) == 0) {
      throw CopyFailed();
    }
  }
  FragileKey& operator=(const FragileKey&) = delete;
  bool operator==(const FragileKey&) const = default;

  int value;
};

std::string to_text(const FragileKey& key) { return std::to_string(key.value); }

struct FragileHash {
  std::size_t operator()(const FragileKey& key) const {
    return static_cast<std::size_t>(key.value);
  }
};

/// A write that failed has no effect, so it is tried again.
template <sync_map_bug Bug>
class Failing {
 public:
  bool assign(int key, int value) {
    return persistently([&] { return map_.insert_or_assign(key, value); });
  }
  bool insert(int key, int value) {
    return persistently([&] { return map_.insert(key, value); });
  }
  bool erase(int key) { return map_.erase(key); }
  std::optional<int> find(int key) { return map_.find(key); }
  bool iterate() {
    return map_.for_each([](const FragileKey& key, int value) {
      heddle::yielded(key.value, value);
      return true;
    });
  }
  std::string validate() const { return map_.validate(); }
  std::string to_text() const { return map_.to_text(); }

 private:
  template <class Write>
  static bool persistently(Write write) {
    for (;;) {
      try {
        return write();
      } catch (const CopyFailed&) {
      }
    }
  }

  maps::sync_map<FragileKey, int, FragileHash, std::equal_to<FragileKey>, Epochs, std::mutex, Bug>
      map_;
};

template <sync_map_bug Bug>
void declare_failing(heddle::Target& t, const char* description) {
  using S = Failing<Bug>;
  using heddle::Role;
  t.describe(description);
  auto s = t.subject<S>();
  const auto key = t.ints(0, 3);
  const auto value = t.ints(0, 2);
  s.op("assign", &S::assign, key, value).means(Role::kAssign);
  s.op("insert", &S::insert, key, value).means(Role::kInsert);
  s.op("erase", &S::erase, key).means(Role::kErase);
  s.op("find", &S::find, key).means(Role::kFind);
  s.op("iterate", &S::iterate).means(Role::kIterate);
  add_starts(s);
  maps::declare_sound(s);
  s.linearizable();
  s.follows(heddle::contracts::weakly_consistent(heddle::contracts::kSyncMapRange));
  t.threads(2, 3);
  t.operations_per_thread(6);
  t.setup_operations(4);
}

HEDDLE_TARGET(sync_map_failing, t) {
  declare_failing<sync_map_bug::none>(t, "the same, where copies of keys may fail");
}

HEDDLE_VARIANT(sync_map_failing, keeps_expunged_after_failed_build, "contract", t) {
  declare_failing<sync_map_bug::keeps_expunged_after_failed_build>(
      t, "the copy of the read part fails, and what it has expunged stays so");
  t.seeded({.threads = 1, .operations = 1});
}

// ---- small enough for every execution: `heddle check` ----

/// One key is in the read part, which the first thread may miss.
template <class T>
void declare_small(heddle::Target& t, const char* description) {
  using M = Map<sync_map_bug::none, maps::epochs<8, maps::kNever>, T>;
  auto s = maps::declare_sync_map<M>(t, description, 2, 1);
  s.start("promoted", [](heddle::Start& start) {
    start.run("assign", 0, 0);
    start.run("iterate");
  });
  maps::make_programs_small(t);
}

HEDDLE_TARGET(sync_map_small, t) {
  declare_small<Boxed>(t, "a read part and a dirty part, small enough to be checked");
}

HEDDLE_TARGET(sync_map_small_packed, t) {
  declare_small<Packed>(t, "the same, with values that need no box");
}

}  // namespace
