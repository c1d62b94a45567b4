// versioned_map under Heddle: iterations that are refused after a change or a deadline, and the
// seeded bugs, by most of which one is not refused and goes on from a freed entry.
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "heddle/heddle.hpp"
#include "versioned_map.hpp"

namespace {

using heddle::Role;
using maps::versioned_map_bug;
using maps::versioned_step;
using std::chrono::milliseconds;

/// Neighbours in the keys share a bucket.
struct Paired {
  std::size_t operator()(int key) const { return static_cast<std::size_t>(key) / 2; }
};

template <versioned_map_bug Bug>
using Map = maps::versioned_map<int, int, Paired, std::equal_to<int>, Bug>;

/// An iteration that has five milliseconds of virtual time.
template <class M>
class Range {
  using clock = typename M::clock;

 public:
  explicit Range(const M& map)
      : deadline_(clock::now() + milliseconds(5)), iterator_(map.begin_range(deadline_)) {}

  std::variant<heddle::Refusal, std::optional<std::pair<int, int>>> next() {
    const bool late = clock::now() >= deadline_;
    const versioned_step step = iterator_.next();
    HEDDLE_CHECK(!late || step == versioned_step::timed_out || step == versioned_step::stale);
    switch (step) {
      case versioned_step::element:
        return std::optional(std::pair(iterator_.key(), iterator_.mapped()));
      case versioned_step::end: return std::nullopt;
      case versioned_step::stale: return heddle::Refusal::kStale;
      case versioned_step::timed_out: return heddle::Refusal::kTimedOut;
    }
    return std::nullopt;
  }

 private:
  typename clock::time_point deadline_;
  typename M::iterator iterator_;
};

/// A stale step that is let through may meet a freed entry, or only give what it should not.
/// Without erasures, it is always the latter.
struct Shape {
  bool erasing = true;
};

template <versioned_map_bug Bug = versioned_map_bug::none>
heddle::Subject<Map<Bug>> declare(heddle::Target& t, const char* description, Shape shape = {}) {
  using S = Map<Bug>;
  t.describe(description);
  auto s = t.subject<S>([] { return std::make_unique<S>(2); });
  const auto key = t.ints(0, 4);
  s.op("insert", &S::insert_or_assign, key, t.ints(0, 99)).means(Role::kAssign).weight(6);
  s.op("find", &S::find, key).means(Role::kFind).weight(2);
  s.op("size", &S::size).means(Role::kSize).weight(1);
  s.op("wait", [](S&) { std::this_thread::sleep_for(milliseconds(5)); }).weight(1).not_in_setup();
  if (shape.erasing) {
    s.op("erase", &S::erase, key).means(Role::kErase).weight(6);
    s.op("clear", &S::clear).means(Role::kClear).weight(1);
  }
  auto range =
      s.template cursor<Range<S>>("open", "close", [](const S& map) { return Range<S>(map); });
  range.op("next", &Range<S>::next).means(Role::kNext).weight(10);
  t.operations_per_thread(6);
  t.setup_operations(4);
  return s;
}

template <versioned_map_bug Bug>
void declare_judged(heddle::Target& t, const char* description, Shape shape = {}) {
  auto s = declare<Bug>(t, description, shape);
  s.linearizable();
  s.follows(heddle::contracts::versioned());
}

HEDDLE_TARGET(versioned_map, t) {
  auto s = declare(t, "iterators with a version and a deadline");
  s.linearizable();
  s.follows(heddle::contracts::versioned());
  s.invariant([](const auto& map) { return map.validate(); });
}

// ---- a freed entry is met ----

HEDDLE_VARIANT(versioned_map, checks_version_before_lock, "heap", t) {
  declare<versioned_map_bug::checks_version_before_lock>(
      t, "a step looks at the version, waits for the lock, and does not look again");
  t.seeded({.operations = 2});
}

HEDDLE_VARIANT(versioned_map, reads_version_after_lock, "heap", t) {
  declare<versioned_map_bug::reads_version_after_lock>(
      t, "an iterator takes its position under the lock, and its version afterwards");
  t.seeded({.operations = 2});
}

HEDDLE_VARIANT(versioned_map, bumps_before_lock, "heap", t) {
  declare<versioned_map_bug::bumps_before_lock>(
      t, "a write is counted before it has the lock, so that iterators of the new version see it");
  t.seeded({.operations = 2});
}

HEDDLE_VARIANT(versioned_map, bumps_after_unlock, "heap", t) {
  declare<versioned_map_bug::bumps_after_unlock>(t,
                                                 "a write is counted after it has let the lock go");
  t.seeded({.operations = 2});
}

HEDDLE_VARIANT(versioned_map, erase_keeps_version, "heap", t) {
  declare<versioned_map_bug::erase_keeps_version>(t, "an erasure is not counted");
  t.seeded({.threads = 1, .operations = 3});
}

HEDDLE_VARIANT(versioned_map, refusal_renews_version, "heap", t) {
  declare<versioned_map_bug::refusal_renews_version>(
      t, "who asks again after a refusal is let through with the old position");
  t.seeded({.threads = 1, .operations = 4});
}

// ---- a step is let through or refused that should not be ----

HEDDLE_VARIANT(versioned_map, version_wraps, "iteration", t) {
  declare_judged<versioned_map_bug::version_wraps>(
      t, "versions are compared by their two lowest bits", {.erasing = false});
  t.seeded({.threads = 1, .operations = 6, .source = "ABA of a narrow counter"});
}

HEDDLE_VARIANT(versioned_map, assignment_keeps_version, "iteration", t) {
  declare_judged<versioned_map_bug::assignment_keeps_version>(t, "an assignment is not counted",
                                                              {.erasing = false});
  t.seeded({.threads = 1, .operations = 3, .source = "java.util.HashMap, where it is intended"});
}

HEDDLE_VARIANT(versioned_map, erase_of_nothing_bumps, "iteration", t) {
  declare_judged<versioned_map_bug::erase_of_nothing_bumps>(
      t, "an erasure of what is not there is counted as a change");
  t.seeded({.threads = 1, .operations = 3});
}

HEDDLE_VARIANT(versioned_map, yields_before_deadline_check, "check", t) {
  declare<versioned_map_bug::yields_before_deadline_check>(
      t, "the deadline is looked at only if there is no element");
  t.seeded({.threads = 1, .operations = 3});
}

// ---- the lock ----

HEDDLE_VARIANT(versioned_map, refusal_keeps_lock, "deadlock", t) {
  declare<versioned_map_bug::refusal_keeps_lock>(
      t, "a step that has timed out leaves with the lock in its hands");
  t.seeded({.threads = 1, .operations = 4});
}

HEDDLE_VARIANT(versioned_map, steps_without_lock, "race", t) {
  declare<versioned_map_bug::steps_without_lock>(
      t, "a step trusts the version alone, and takes no lock");
  t.seeded({.operations = 2});
}

}  // namespace
