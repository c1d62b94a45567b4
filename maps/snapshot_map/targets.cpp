// snapshot_map under Heddle: both kinds of reclamation, and the seeded bugs.
#include <functional>
#include <optional>
#include <utility>
#include <xenium/policy.hpp>
#include <xenium/reclamation/hazard_pointer.hpp>

#include "../common/small_target.hpp"
#include "../reclamation/epoch_reclaimer.hpp"
#include "heddle/heddle.hpp"
#include "snapshot_map.hpp"

namespace {

using Key = int;
using Mapped = int;
using heddle::Role;
using maps::snapshot_map_bug;

// Each retired version is looked at at once, not when there are a hundred.
using HazardPointers =
    xenium::reclamation::hazard_pointer<>::with<xenium::policy::allocation_strategy<
        xenium::reclamation::hp_allocation::dynamic_strategy<3, 0, 0>>>;

// Whoever enters frees what it can after each retirement; there are at most four threads.
using Epochs = maps::epoch_reclaimer<4, 1>;

template <class Reclaimer, snapshot_map_bug Bug>
using Map = maps::snapshot_map<Key, Mapped, std::less<Key>, Reclaimer, Bug>;

/// An iteration that stays open across operations.
template <class M>
class Range {
 public:
  explicit Range(M& map) : view_(map.snapshot()) {}

  std::optional<std::pair<Key, Mapped>> next() {
    if (!next_.has_value()) {
      next_ = view_.begin();
    }
    if (*next_ == view_.end()) {
      return std::nullopt;
    }
    return *(*next_)++;
  }

 private:
  typename M::view view_;
  std::optional<typename M::view::const_iterator> next_;
};

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
  s.op("find", &M::find, key).means(Role::kFind);
  s.op("contains", &M::contains, key).means(Role::kContains).weight(2);
  s.op("size", &M::size).means(Role::kSize).weight(2);
  s.op("clear", &M::clear).means(Role::kClear).weight(1);
  auto range = s.template cursor<Range<M>>("open", "close", [](M& m) { return Range<M>(m); });
  range.op("next", &Range<M>::next).means(Role::kNext).weight(8);
  s.linearizable();
  s.follows(heddle::contracts::snapshot());
  s.promises(heddle::Progress::kLockFree);
  s.invariant([](M& m, heddle::Moment) { return m.validate(); });
  t.threads(2, 3);
  t.operations_per_thread(4);
  t.setup_operations(3);
  return s;
}

template <snapshot_map_bug Bug>
void declare_variant(heddle::Target& t, const char* description) {
  declare<Map<HazardPointers, Bug>>(t, description);
}

// ---- the clean map ----

HEDDLE_TARGET(snapshot_map, t) {
  declare<Map<HazardPointers, snapshot_map_bug::none>>(
      t, "a sorted map, copied on write, its versions under hazard pointers");
}

HEDDLE_TARGET(snapshot_map_epochs, t) {
  using M = Map<Epochs, snapshot_map_bug::none>;
  auto s = declare<M>(t, "the same under epochs");
  s.action("reclaim", [](M&) { Epochs::collect(); });
}

// ---- seeded bugs ----

HEDDLE_VARIANT(snapshot_map, publishes_stale_copy, "linearizability", t) {
  declare_variant<snapshot_map_bug::publishes_stale_copy>(
      t, "a write whose version is outdated replaces the current one all the same");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(snapshot_map, looks_up_in_older_version, "linearizability", t) {
  declare_variant<snapshot_map_bug::looks_up_in_older_version>(
      t, "find_or_insert looks in one version and assigns in a later one");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(snapshot_map, assigns_in_place, "race", t) {
  declare_variant<snapshot_map_bug::assigns_in_place>(
      t, "the value of a key that is there is overwritten in the version that others read");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(snapshot_map, publishes_relaxed, "race", t) {
  declare_variant<snapshot_map_bug::publishes_relaxed>(t,
                                                       "versions are put in place without release");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(snapshot_map, frees_old_version_at_once, "heap", t) {
  declare_variant<snapshot_map_bug::frees_old_version_at_once>(
      t, "a version is freed when it is replaced");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(snapshot_map, reads_relaxed, "race", t) {
  declare<Map<Epochs, snapshot_map_bug::reads_relaxed>>(
      t, "a reader loads the current version without acquire, under epochs");
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(snapshot_map, retires_before_replacing, "race", t) {
  declare_variant<snapshot_map_bug::retires_before_replacing>(
      t, "a version is retired before it is replaced, and by two writers if both want to");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(snapshot_map, skips_hazard_recheck, "heap", t) {
  declare_variant<snapshot_map_bug::skips_hazard_recheck>(
      t, "a hazard pointer is set, and nobody looks whether the version is still the current one");
  t.seeded({.threads = 2,
            .operations = 1,
            .needs = "",
            .source = "Michael, Hazard Pointers, IEEE TPDS 15(6), 2004: what the check is for"});
}

HEDDLE_VARIANT(snapshot_map, drops_guard_of_snapshot, "heap", t) {
  declare_variant<snapshot_map_bug::drops_guard_of_snapshot>(
      t, "a view does not keep its version alive");
  t.seeded({.threads = 1, .operations = 3, .needs = "", .source = ""});
}

HEDDLE_VARIANT(snapshot_map, loses_refused_copy, "heap", t) {
  declare_variant<snapshot_map_bug::loses_refused_copy>(
      t, "a write that another one comes before does not free its copy");
  t.seeded({.threads = 2, .operations = 1, .needs = "", .source = ""});
}

HEDDLE_VARIANT(snapshot_map, serialises_writers, "progress", t) {
  declare_variant<snapshot_map_bug::serialises_writers>(
      t, "writes are promised to be lock-free, and take a lock");
  t.seeded({.threads = 2, .operations = 1, .needs = "freeze", .source = ""});
}

HEDDLE_VARIANT(snapshot_map, takes_snapshot_late, "iteration", t) {
  declare_variant<snapshot_map_bug::takes_snapshot_late>(
      t, "a view takes its version when it is first looked at");
  t.seeded({.threads = 1, .operations = 3, .needs = "", .source = ""});
}

// ---- small enough for every execution: `heddle check` ----

template <snapshot_map_bug Bug>
void declare_small(heddle::Target& t, const char* description) {
  using Reclaimer = maps::epoch_reclaimer<4, maps::kNever>;
  auto s = declare<Map<Reclaimer, Bug>>(t, description, 2, 1);
  s.start("two entries", [](heddle::Start& start) {
    start.run("insert", 0, 0);
    start.run("insert", 1, 0);
  });
  s.start("iterating", [](heddle::Start& start) {
    start.run("insert", 0, 0);
    start.run("insert", 1, 0);
    start.run("open");
    start.run("next");
  });
  maps::make_programs_small(t);
}

HEDDLE_TARGET(snapshot_map_small, t) {
  declare_small<snapshot_map_bug::none>(
      t, "a sorted map, copied on write, small enough to be checked");
}

HEDDLE_VARIANT(snapshot_map_small, assigns_in_place, "race", t) {
  declare_small<snapshot_map_bug::assigns_in_place>(t, "as in snapshot_map");
}

HEDDLE_VARIANT(snapshot_map_small, publishes_relaxed, "race", t) {
  declare_small<snapshot_map_bug::publishes_relaxed>(t, "as in snapshot_map");
}

}  // namespace
