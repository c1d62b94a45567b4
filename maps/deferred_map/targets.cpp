// deferred_map under Heddle: marks, iterations and sweeps in every order, and the seeded bugs.
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <utility>

#include "../common/small_target.hpp"
#include "deferred_map.hpp"
#include "heddle/heddle.hpp"

namespace {

using heddle::Role;
using maps::deferred_map_bug;

/// Neighbours in the keys share a bucket.
struct Paired {
  std::size_t operator()(int key) const { return static_cast<std::size_t>(key) / 2; }
};

template <deferred_map_bug Bug, class SharedMutex = std::shared_mutex>
using Map = maps::deferred_map<int, int, Paired, std::equal_to<int>, SharedMutex, Bug>;

/// The default lock, whose threads share two lines, and go to sleep at once.
using SpreadReaders = maps::spread_readers_mutex<2, 0>;

template <class M>
class Range {
 public:
  explicit Range(M& map) : iterator_(map.begin_range()) {}

  std::optional<std::pair<int, int>> next() {
    if (!iterator_.next()) {
      return std::nullopt;
    }
    has_yielded_ = true;
    return std::pair(iterator_.key(), iterator_.mapped());
  }

  bool erase() { return has_yielded_ && iterator_.erase(); }

 private:
  typename M::iterator iterator_;
  bool has_yielded_ = false;
};

template <class S>
struct Declared {
  heddle::Subject<S> subject;
  heddle::CursorOperations<S, Range<S>> range;
};

template <class S>
Declared<S> declare_map(heddle::Target& t, const char* description, int keys = 5,
                        int values = 100) {
  t.describe(description);
  auto s = t.subject<S>([] { return std::make_unique<S>(2); });
  const auto key = t.ints(0, keys - 1);
  s.op("insert", &S::insert_or_assign, key, t.ints(0, values - 1)).means(Role::kAssign).weight(6);
  s.op("erase", &S::erase, key).means(Role::kErase).weight(6);
  s.op("find", &S::find, key).means(Role::kFind).weight(3);
  s.op("size", &S::size).weight(1);
  s.op("clear", &S::clear).means(Role::kClear).weight(1);
  s.action("sweep", [](S& map) { map.sweep(2); });
  auto range = s.template cursor<Range<S>>("open", "close", [](S& map) { return Range<S>(map); });
  range.op("next", &Range<S>::next).means(Role::kNext).weight(8);
  t.operations_per_thread(6);
  t.setup_operations(4);
  return {s, range};
}

template <deferred_map_bug Bug>
Declared<Map<Bug>> declare(heddle::Target& t, const char* description) {
  return declare_map<Map<Bug>>(t, description);
}

/// What iterators promise where operations overlap.
constexpr heddle::contracts::WeakConsistency kGoesOn{
    .freshness = heddle::contracts::Freshness::kCurrent, .clear_is_barrier = true};

template <deferred_map_bug Bug, class SharedMutex = std::shared_mutex>
heddle::Subject<Map<Bug, SharedMutex>> declare_judged(heddle::Target& t, const char* description) {
  auto s = declare_map<Map<Bug, SharedMutex>>(t, description).subject;
  s.linearizable();
  s.follows(heddle::contracts::weakly_consistent(kGoesOn));
  return s;
}

/// One thread, and sweeps: what an iterator erases is judged to the incarnation.
template <deferred_map_bug Bug>
heddle::Subject<Map<Bug>> declare_alone(heddle::Target& t, const char* description) {
  auto [s, range] = declare<Bug>(t, description);
  range.op("erase_current", &Range<Map<Bug>>::erase).means(Role::kEraseCurrent).weight(6);
  s.follows(heddle::contracts::go_range());
  t.threads(1, 1);
  t.operations_per_thread(14);
  return s;
}

constexpr auto kSoundStructure = [](const auto& map) { return map.validate(); };

HEDDLE_TARGET(deferred_map, t) {
  declare_judged<deferred_map_bug::none>(t,
                                         "erasures mark, sweeps delete, iterators hold them back")
      .invariant(kSoundStructure);
}

HEDDLE_TARGET(deferred_map_spread_readers, t) {
  declare_judged<deferred_map_bug::none, SpreadReaders>(
      t, "the same behind a lock whose readers do not meet")
      .invariant(kSoundStructure);
}

HEDDLE_TARGET(deferred_map_alone, t) {
  declare_alone<deferred_map_bug::none>(t, "the same for one thread, whose iterators erase")
      .invariant(kSoundStructure);
}

// ---- freed too early ----

HEDDLE_VARIANT(deferred_map, sweeps_under_iterators, "heap", t) {
  declare<deferred_map_bug::sweeps_under_iterators>(t, "a sweep does not look for open iterators");
  t.seeded({.threads = 1, .operations = 3});
}

HEDDLE_VARIANT(deferred_map, pins_after_lock, "heap", t) {
  declare<deferred_map_bug::pins_after_lock>(
      t, "an iterator takes its position under the lock, and holds sweeps back afterwards");
  t.seeded({.operations = 2});
}

HEDDLE_VARIANT(deferred_map, clear_frees_entries, "heap", t) {
  declare<deferred_map_bug::clear_frees_entries>(
      t, "clear() frees the entries at once, iterators or not");
  t.seeded({.threads = 1, .operations = 3});
}

HEDDLE_VARIANT(deferred_map, buries_twice, "heap", t) {
  declare<deferred_map_bug::buries_twice>(
      t, "an entry that comes back and is marked again waits for sweeps twice");
  t.seeded({.threads = 1, .operations = 3, .source = "ABA of the mark"});
}

// ---- wrong answers ----

HEDDLE_VARIANT(deferred_map, sweeps_what_came_back, "linearizability", t) {
  declare_judged<deferred_map_bug::sweeps_what_came_back>(
      t, "a sweep deletes what had been marked once, though it has come back since");
  t.seeded({.threads = 1, .operations = 3, .source = "the ABA window of two-pass deletion"});
}

HEDDLE_VARIANT(deferred_map, marks_what_is_marked, "linearizability", t) {
  declare_judged<deferred_map_bug::marks_what_is_marked>(
      t, "an erasure looks for the mark, and sets it in a second step");
  t.seeded({.operations = 1});
}

HEDDLE_VARIANT(deferred_map, counts_in_two_steps, "contract", t) {
  declare<deferred_map_bug::counts_in_two_steps>(
      t, "erasures, which overlap, read the size and write it back")
      .subject.invariant(kSoundStructure);
  t.seeded({.operations = 1});
}

HEDDLE_VARIANT(deferred_map, sweep_loses_last_of_slice, "contract", t) {
  declare<deferred_map_bug::sweep_loses_last_of_slice>(
      t, "a sweep takes one entry more from the list than it deletes")
      .subject.invariant(kSoundStructure);
  t.seeded({.threads = 1, .operations = 1});
}

// ---- iterations ----

HEDDLE_VARIANT(deferred_map, rehashes_under_iterators, "iteration", t) {
  declare_judged<deferred_map_bug::rehashes_under_iterators>(
      t, "an insertion rehashes although an iterator is open");
  t.seeded({.threads = 1, .operations = 5});
}

HEDDLE_VARIANT(deferred_map_alone, marks_any_incarnation, "iteration", t) {
  declare_alone<deferred_map_bug::marks_any_incarnation>(
      t, "an iterator erases what has the key of the element it yielded");
  t.seeded({.threads = 1, .operations = 5, .source = "ABA of the mark"});
}

// ---- the lock ----

HEDDLE_VARIANT(deferred_map, sweeps_under_shared_lock, "race", t) {
  declare<deferred_map_bug::sweeps_under_shared_lock>(t,
                                                      "a sweep holds the lock that is for marks");
  t.seeded({.threads = 1, .operations = 1});
}

// ---- small enough for every execution: `heddle check` ----

/// An iteration is under way, or an erased entry waits for a sweep.
template <deferred_map_bug Bug>
heddle::Subject<Map<Bug>> declare_small(heddle::Target& t, const char* description) {
  auto s = declare_map<Map<Bug>>(t, description, 2, 1).subject;
  s.start("one of two entries yielded", [](heddle::Start& start) {
    start.run("insert", 0, 0);
    start.run("insert", 1, 0);
    maps::iterate(start, 1);
  });
  s.start("erased", [](heddle::Start& start) {
    start.run("insert", 0, 0);
    start.run("insert", 1, 0);
    start.run("erase", 0);
  });
  maps::make_programs_small(t);
  return s;
}

template <deferred_map_bug Bug>
heddle::Subject<Map<Bug>> declare_small_judged(heddle::Target& t, const char* description) {
  auto s = declare_small<Bug>(t, description);
  s.linearizable();
  s.follows(heddle::contracts::weakly_consistent(kGoesOn));
  return s;
}

HEDDLE_TARGET(deferred_map_small, t) {
  declare_small_judged<deferred_map_bug::none>(t, "the map, small enough to be checked")
      .invariant(kSoundStructure);
}

HEDDLE_VARIANT(deferred_map_small, sweeps_under_iterators, "heap", t) {
  declare_small<deferred_map_bug::sweeps_under_iterators>(t, "as in deferred_map");
}

HEDDLE_VARIANT(deferred_map_small, clear_frees_entries, "heap", t) {
  declare_small<deferred_map_bug::clear_frees_entries>(t, "as in deferred_map");
}

HEDDLE_VARIANT(deferred_map_small, buries_twice, "heap", t) {
  declare_small<deferred_map_bug::buries_twice>(t, "as in deferred_map");
}

HEDDLE_VARIANT(deferred_map_small, sweeps_what_came_back, "linearizability", t) {
  declare_small_judged<deferred_map_bug::sweeps_what_came_back>(t, "as in deferred_map");
}

HEDDLE_VARIANT(deferred_map_small, marks_what_is_marked, "linearizability", t) {
  declare_small_judged<deferred_map_bug::marks_what_is_marked>(t, "as in deferred_map");
}

HEDDLE_VARIANT(deferred_map_small, counts_in_two_steps, "contract", t) {
  declare_small<deferred_map_bug::counts_in_two_steps>(t, "as in deferred_map")
      .invariant(kSoundStructure);
}

HEDDLE_VARIANT(deferred_map_small, sweep_loses_last_of_slice, "contract", t) {
  declare_small<deferred_map_bug::sweep_loses_last_of_slice>(t, "as in deferred_map")
      .invariant(kSoundStructure);
}

HEDDLE_VARIANT(deferred_map_small, sweeps_under_shared_lock, "race", t) {
  declare_small<deferred_map_bug::sweeps_under_shared_lock>(t, "as in deferred_map");
}

}  // namespace
