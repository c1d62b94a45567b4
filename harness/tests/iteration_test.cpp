// Goal: contracts of iterations object to each kind of wrong element by its name, and to nothing
// that some order of the operations explains. Method: histories made by hand; then random ones of a
// model that is right by construction, and the same with one element changed, which a search
// through all orders judges as well.
#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "iteration_helpers.hpp"

namespace {

using namespace heddle;           // NOLINT(google-build-using-namespace)
using namespace heddle::testing;  // NOLINT(google-build-using-namespace)
using contracts::Freshness;
using contracts::Unique;
using contracts::WeakConsistency;
using target::HistoryEntry;

/// A history by hand. Operations take effect, where that is asked, at their returns.
class Story {
 public:
  Story& op(u32 thread, Role role, std::initializer_list<i64> arguments, u64 from, u64 to,
            Value result = {}) {
    entries_.push_back(entry_of(thread, role, arguments, from, to));
    entries_.back().result = result;
    return *this;
  }
  Story& assign(u32 thread, i64 key, i64 value, u64 from, u64 to, bool inserted = true) {
    return op(thread, Role::kAssign, {key, value}, from, to, value_of(inserted));
  }
  Story& erase(u32 thread, i64 key, u64 from, u64 to, bool erased = true) {
    return op(thread, Role::kErase, {key}, from, to, value_of(erased));
  }
  Story& clear(u32 thread, u64 from, u64 to) { return op(thread, Role::kClear, {}, from, to); }
  Story& open(u64 from, u64 to) { return op(kReader, Role::kOpen, {}, from, to); }
  Story& next(i64 key, i64 value, u64 from, u64 to) {
    return op(kReader, Role::kNext, {}, from, to, value_of(std::pair(key, value)));
  }
  Story& next_key(i64 key, u64 from, u64 to) {
    return op(kReader, Role::kNext, {}, from, to, value_of(key));
  }
  Story& end(u64 from, u64 to) {
    return op(kReader, Role::kNext, {}, from, to, value_of(std::optional<int>()));
  }
  Story& refused(Refusal refusal, u64 from, u64 to) {
    return op(kReader, Role::kNext, {}, from, to, value_of(refusal));
  }
  Story& iterate(u64 from, u64 to, Value result = {}) {
    return op(kReader, Role::kIterate, {}, from, to, result);
  }
  Story& yielded(i64 key, i64 value, u64 moment) {
    next(key, value, moment, moment);
    entries_.back().cursor = target::kNoCursor;
    return *this;
  }
  Story& committed(u64 commit) {
    entries_.back().commit = commit;
    return *this;
  }

  std::vector<HistoryEntry> entries() const {
    std::vector<HistoryEntry> entries = entries_;
    std::sort(entries.begin(), entries.end(),
              [](const HistoryEntry& a, const HistoryEntry& b) { return a.called < b.called; });
    return entries;
  }

 private:
  static constexpr u32 kReader = 9;

  std::vector<HistoryEntry> entries_;
};

void expect_allowed(const Contract& contract, const Story& story) {
  EXPECT_EQ(judge(contract, story.entries()).message, "");
}

void expect_rule(const Contract& contract, const Story& story, const char* rule,
                 const char* words = "") {
  const Verdict verdict = judge(contract, story.entries());
  EXPECT_EQ(verdict.rule, rule) << verdict.message;
  EXPECT_NE(verdict.message.find(words), std::string::npos) << verdict.message;
}

const Contract& weak() {
  static const Contract& contract = contracts::weakly_consistent();
  return contract;
}

const Contract& weak(const WeakConsistency& options) {
  return contracts::weakly_consistent(options);
}

// ---- weakly consistent ----

TEST(WeaklyConsistent, SkippedIsWhatWasThereAllTheTime) {
  expect_rule(weak(), Story().assign(1, 3, 7, 1, 2).open(3, 4).end(5, 6), "skipped",
              "without key 3: assign(3, 7) by T1 had returned before the iteration began, and "
              "nothing erased the key (T9)");
  // The insertion may have come later, an erasure in between.
  expect_allowed(weak(), Story().assign(1, 3, 7, 1, 4).open(3, 5).end(6, 7));
  expect_allowed(weak(), Story().assign(1, 3, 7, 1, 2).open(3, 4).erase(1, 3, 5, 9).end(6, 7));
  expect_allowed(weak(),
                 Story().assign(1, 3, 7, 1, 2).erase(2, 3, 3, 10, true).open(4, 5).end(6, 7));
  // Abandoned, or pending for ever.
  expect_allowed(weak(), Story().assign(1, 3, 7, 1, 2).open(3, 4));
  expect_allowed(weak(), Story().assign(1, 3, 7, 1, kNever).open(3, 4).end(5, 6));
  expect_allowed(weak({.must_yield = false}), Story().assign(1, 3, 7, 1, 2).open(3, 4).end(5, 6));
}

TEST(WeaklyConsistent, AnswersOfOthersProveWhatIntervalsDoNot) {
  // The insertion is under way, but a find has seen it already.
  const Value found = value_of(std::optional(7));
  expect_rule(
      weak(),
      Story().assign(1, 3, 7, 1, 10).op(2, Role::kFind, {3}, 2, 3, found).open(4, 5).end(6, 7),
      "skipped", "in every order of the operations it was in the map all the time");
}

TEST(WeaklyConsistent, PhantomWasNeverThere) {
  expect_rule(weak(), Story().assign(1, 3, 7, 1, 2).open(3, 4).next(5, 7, 5, 6), "phantom",
              "yields key 5 with value 7, but nothing had inserted the key till then");
  // An insertion that is refused, and one that comes later, bring nothing.
  expect_rule(weak(),
              Story()
                  .op(1, Role::kCompareExchange, {5, 1, 7}, 1, 2, value_of(false))
                  .open(3, 4)
                  .next(5, 7, 5, 6)
                  .assign(1, 5, 7, 7, 8),
              "phantom");
  expect_allowed(weak(), Story().open(3, 4).assign(1, 5, 7, 5, 8).next(5, 7, 6, 7));
  expect_allowed(weak(), Story().open(3, 4).assign(1, 5, 7, 5, kNever).next(5, 7, 6, 7));
}

TEST(WeaklyConsistent, TornWasNeverWrittenWithThisKey) {
  expect_rule(weak(),
              Story().assign(1, 3, 7, 1, 2).assign(1, 4, 8, 3, 4).open(5, 6).next(3, 8, 7, 8),
              "torn",
              "with value 8, which nothing had written with this key till then; it is of key 4, "
              "assign(4, 8) by T1");
  expect_allowed(weak(), Story().assign(1, 3, 7, 1, 2).open(5, 6).next_key(3, 7, 8).end(9, 10));
}

TEST(WeaklyConsistent, ResurrectedWasGone) {
  const auto story = [] {
    return Story().assign(1, 3, 7, 1, 2).erase(2, 3, 3, 4).open(5, 6).next(3, 7, 7, 8);
  };
  expect_rule(weak(), story(), "resurrected",
              "but erase(3) by T2 had returned before the iteration began, and nothing wrote the "
              "key again (T9)");
  expect_allowed(weak(), story().assign(1, 3, 7, 4, 9));
  const auto erased_in_between = [] {
    return Story().assign(1, 3, 7, 1, 2).open(3, 4).erase(2, 3, 5, 6).next(3, 7, 7, 8);
  };
  expect_allowed(weak(), erased_in_between());
  expect_rule(weak({.freshness = Freshness::kCurrent}), erased_in_between(), "resurrected",
              "before that step began");
}

TEST(WeaklyConsistent, StaleHadBeenReplaced) {
  const auto story = [] {
    return Story().assign(1, 3, 7, 1, 2).assign(2, 3, 8, 3, 4, false).open(5, 6).next(3, 7, 7, 8);
  };
  expect_rule(weak(), story(), "stale",
              "yields key 3 with value 7, but assign(3, 8) by T2 had returned before the iteration "
              "began");
  const auto replaced_in_between = [] {
    return Story().assign(1, 3, 7, 1, 2).open(3, 4).assign(2, 3, 8, 5, 6, false).next(3, 7, 7, 8);
  };
  expect_allowed(weak(), replaced_in_between());
  expect_rule(weak(contracts::kElementLocked), replaced_in_between(), "stale");
}

TEST(WeaklyConsistent, RepeatedByKeyByIncarnationOrByWhatExisted) {
  const auto twice = [] {
    return Story().assign(1, 3, 7, 1, 2).open(3, 4).next(3, 7, 5, 6).next(3, 7, 7, 8);
  };
  expect_rule(weak(), twice(), "repeated", "yields key 3 twice (value 7, then 7)");
  expect_rule(weak({.unique = Unique::kIncarnation}), twice(), "repeated", "had not been erased");
  expect_rule(weak(contracts::kJavaViews), twice(), "repeated");
  expect_allowed(weak(contracts::kDisturbedWalk), twice());

  const auto reborn = [] {
    return Story()
        .assign(1, 3, 7, 1, 2)
        .open(3, 4)
        .next(3, 7, 5, 6)
        .erase(1, 3, 7, 8)
        .assign(1, 3, 8, 9, 10)
        .next(3, 8, 11, 12);
  };
  expect_rule(weak(), reborn(), "repeated");
  expect_allowed(weak({.unique = Unique::kIncarnation}), reborn());
  expect_allowed(weak(contracts::kJavaViews), reborn());
  expect_rule(weak({.unique = Unique::kIncarnation}), reborn().next(3, 8, 13, 14), "repeated");
  expect_allowed(weak(contracts::kJavaViews), reborn().next(3, 8, 13, 14));
}

TEST(WeaklyConsistent, ClearIsABarrierWhereItIsPromised) {
  const auto story = [](u64 cleared) {
    return Story().assign(1, 3, 7, 1, 2).open(3, 4).clear(1, 5, cleared).next(3, 7, 8, 9);
  };
  expect_allowed(weak(), story(6));
  expect_rule(weak({.clear_is_barrier = true}), story(6), "resurrected",
              "but clear() by T1 had returned before that step began");
  expect_allowed(weak({.clear_is_barrier = true}), story(10));
}

TEST(WeaklyConsistent, AllInOneCall) {
  const auto story = [] {
    return Story().assign(1, 3, 7, 1, 2).assign(1, 4, 8, 3, 4).yielded(3, 7, 6);
  };
  expect_rule(weak(), story().iterate(5, 8), "skipped", "without key 4");
  expect_allowed(weak(), story().iterate(5, 8, value_of(false)));
  expect_allowed(weak(), story().yielded(4, 8, 7).iterate(5, 8, value_of(true)));
  // Current is what was there since the element before.
  const auto erased = [] {
    return Story().assign(1, 3, 7, 1, 2).erase(1, 3, 5, 6).iterate(4, 10).yielded(3, 7, 8);
  };
  expect_allowed(weak(contracts::kElementLocked), erased());
  expect_rule(weak(contracts::kElementLocked), erased().yielded(4, 4, 7).assign(2, 4, 4, 2, 3),
              "resurrected");
}

TEST(WeaklyConsistent, PointOperationsThatFitNoOrderAreNotItsBusiness) {
  expect_allowed(weak(),
                 Story().assign(1, 3, 7, 1, 2).erase(1, 3, 3, 4, false).open(5, 6).end(7, 8));
}

TEST(WeaklyConsistent, EveryRoleHasItsEffect) {
  const auto after = [](Role role, std::initializer_list<i64> arguments, Value result) {
    return Story().assign(1, 3, 7, 1, 2).op(1, role, arguments, 3, 4, result).open(5, 6).end(7, 8);
  };
  const auto optional_7 = value_of(std::optional(7));
  expect_allowed(weak(), after(Role::kTake, {3}, optional_7));
  expect_allowed(weak(), after(Role::kCompareErase, {3, 7}, value_of(true)));
  expect_allowed(weak(), after(Role::kClear, {}, {}));
  expect_allowed(weak(), after(Role::kClearEach, {}, {}));
  expect_rule(weak(), after(Role::kCompareErase, {3, 8}, value_of(false)), "skipped");
  expect_rule(weak(), after(Role::kTake, {4}, value_of(std::optional<int>())), "skipped");
  expect_rule(weak(), after(Role::kExchange, {3, 9}, optional_7), "skipped", "exchange(3, 9)");
  expect_rule(weak(), after(Role::kInsert, {4, 9}, value_of(true)), "skipped");
  const auto yielding = [](Role role, std::initializer_list<i64> arguments, Value result) {
    return Story().op(1, role, arguments, 3, 4, result).open(5, 6).next(3, 9, 7, 8).end(9, 10);
  };
  const auto nothing = value_of(std::optional<int>());
  expect_allowed(weak(), yielding(Role::kExchange, {3, 9}, nothing));
  expect_allowed(weak(), yielding(Role::kInsert, {3, 9}, value_of(true)));
  expect_allowed(weak(), yielding(Role::kFindOrInsert, {3, 9}, value_of(std::pair(9, false))));
  expect_allowed(weak(),
                 yielding(Role::kCompareExchange, {3, 8, 9}, value_of(true)).assign(1, 3, 8, 1, 2));
  expect_rule(
      weak(),
      yielding(Role::kFindOrInsert, {3, 9}, value_of(std::pair(8, true))).assign(1, 3, 8, 1, 2),
      "torn");
  expect_rule(weak(), yielding(Role::kContains, {3}, value_of(false)), "phantom");
}

TEST(WeaklyConsistent, ErasesWhatItYielded) {
  const auto story = [] {
    return Story()
        .assign(1, 3, 7, 1, 2)
        .open(3, 4)
        .next(3, 7, 5, 6)
        .op(9, Role::kEraseCurrent, {}, 7, 8, value_of(true));
  };
  expect_allowed(weak(), story().end(9, 10));
  expect_rule(weak({.freshness = Freshness::kCurrent, .unique = Unique::kNone}),
              story().next(3, 7, 9, 10), "resurrected", "erase_current() by T9 had returned");
}

// ---- SCAN ----

TEST(RedisScan, YieldsWhatWasThereAllTheTimeAndNothingThatNeverWas) {
  const Contract& scan = contracts::redis_scan();
  const auto story = [] { return Story().assign(1, 3, 7, 1, 2).open(3, 4); };
  expect_allowed(scan, story().next(3, 7, 5, 6).next(3, 7, 7, 8).end(9, 10));
  expect_rule(scan, story().end(9, 10), "skipped");
  expect_rule(scan, story().next(3, 7, 5, 6).next(4, 7, 7, 8), "phantom");
  expect_rule(scan, story().erase(1, 4, 1, 2, false).next_key(4, 7, 8), "phantom");
}

// ---- snapshot ----

TEST(Snapshot, AllElementsAreOfOneMoment) {
  const Contract& snapshot = contracts::snapshot();
  // While it is opened, 4 replaces 3.
  const auto story = [] {
    return Story().assign(1, 3, 7, 1, 2).open(3, 10).erase(1, 3, 4, 5).assign(1, 4, 8, 6, 7);
  };
  expect_allowed(snapshot, story().next(3, 7, 11, 12).end(13, 14));
  expect_allowed(snapshot, story().next(4, 8, 11, 12).end(13, 14));
  expect_allowed(snapshot, story().end(13, 14));
  expect_rule(snapshot, story().next(3, 7, 11, 12).next(4, 8, 13, 14), "inconsistent",
              "has key 3 with value 7 and key 4 with value 8, but at no moment of the call that "
              "opened it was the map so: erase(3) by T1; assign(4, 8) by T1");
}

TEST(Snapshot, WhatComesLaterIsNotInIt) {
  const Contract& snapshot = contracts::snapshot();
  const auto story = [] {
    return Story().assign(1, 3, 7, 1, 2).open(3, 4).erase(1, 3, 5, 6).assign(1, 4, 8, 7, 8);
  };
  expect_allowed(snapshot, story().next(3, 7, 9, 10).end(11, 12));
  expect_rule(snapshot, story().end(11, 12), "skipped");
  expect_rule(snapshot, story().next(4, 8, 9, 10), "inconsistent", "came only after");
  expect_rule(snapshot, story().assign(1, 3, 9, 7, 8).next(3, 9, 9, 10), "inconsistent");
  expect_rule(snapshot, story().next(5, 9, 9, 10), "phantom");
  expect_rule(snapshot, story().next(3, 9, 9, 10), "torn");
  expect_rule(snapshot, story().next(3, 7, 9, 10).next(3, 7, 11, 12), "repeated");
}

TEST(Snapshot, AClearHappensToAllKeysAtOnce) {
  const Contract& snapshot = contracts::snapshot();
  const auto story = [] {
    return Story().assign(1, 3, 7, 1, 2).assign(1, 4, 8, 3, 4).clear(1, 5, 20).open(6, 7);
  };
  expect_allowed(snapshot, story().end(8, 9));
  expect_allowed(snapshot, story().next(3, 7, 8, 9).next(4, 8, 10, 11).end(12, 13));
  expect_rule(snapshot, story().next(3, 7, 8, 9).end(12, 13), "inconsistent",
              "at no moment of the call that opened the iteration");
}

TEST(Snapshot, OfOneCallIsOfSomeMomentOfIt) {
  const Contract& snapshot = contracts::snapshot();
  const auto story = [] {
    return Story().assign(1, 3, 7, 1, 2).iterate(3, 20).erase(1, 3, 5, 6).assign(1, 4, 8, 7, 8);
  };
  expect_allowed(snapshot, story());
  expect_allowed(snapshot, story().yielded(3, 7, 10));
  expect_allowed(snapshot, story().yielded(4, 8, 10));
  expect_rule(snapshot, story().yielded(3, 7, 10).yielded(4, 8, 11), "inconsistent");
}

// ---- fail-fast ----

TEST(FailFast, ARefusalHasAReason) {
  const Contract& fail_fast = contracts::fail_fast();
  const auto story = [] { return Story().assign(1, 3, 7, 1, 2).open(3, 4).next(3, 7, 5, 6); };
  expect_rule(fail_fast, story().refused(Refusal::kStale, 9, 10), "unfounded");
  expect_allowed(fail_fast, story().refused(Refusal::kTimedOut, 9, 10));
  expect_allowed(fail_fast, story().assign(1, 4, 8, 7, 8).refused(Refusal::kStale, 9, 10));
  expect_allowed(fail_fast, story().assign(1, 4, 8, 9, 11).refused(Refusal::kStale, 10, 12));
  expect_rule(fail_fast, story().assign(1, 4, 8, 11, 12).refused(Refusal::kStale, 9, 10),
              "unfounded");
  // Its own erasure, one that finds nothing, and a new value are none.
  expect_rule(
      fail_fast,
      story().op(9, Role::kEraseCurrent, {}, 7, 8, value_of(true)).refused(Refusal::kStale, 9, 10),
      "unfounded");
  expect_rule(fail_fast, story().erase(1, 5, 7, 8, false).refused(Refusal::kStale, 9, 10),
              "unfounded");
  expect_rule(fail_fast, story().assign(1, 3, 8, 7, 8, false).refused(Refusal::kStale, 9, 10),
              "unfounded");
  expect_allowed(contracts::fail_fast({.overwriting = true}),
                 story().assign(1, 3, 8, 7, 8, false).refused(Refusal::kStale, 9, 10));
  // A clear may be one, also of a map that nobody has written to.
  expect_allowed(fail_fast, story().clear(1, 7, 8).refused(Refusal::kStale, 9, 10));
  expect_allowed(fail_fast, Story().open(3, 4).clear(1, 5, 6).refused(Refusal::kStale, 7, 8));
  expect_rule(fail_fast, Story().clear(1, 1, 2).open(3, 4).refused(Refusal::kStale, 7, 8),
              "unfounded");
}

TEST(FailFast, ExactWhereNothingChanges) {
  const Contract& fail_fast = contracts::fail_fast();
  const auto story = [] { return Story().assign(1, 3, 7, 1, 2).open(3, 4); };
  expect_allowed(fail_fast, story().next(3, 7, 5, 6).end(7, 8));
  expect_rule(fail_fast, story().end(7, 8), "skipped");
  expect_rule(fail_fast, story().next(3, 7, 5, 6).next(3, 7, 7, 8), "repeated");
  expect_rule(fail_fast, story().next(4, 7, 5, 6), "phantom");
  expect_rule(fail_fast, story().next(3, 8, 5, 6), "torn");
  // Nothing is promised beside a change.
  expect_allowed(fail_fast, story().assign(1, 4, 8, 5, 6).end(7, 8));
}

TEST(FailFast, CompleteNoticesWhatHasHappened) {
  const Contract& complete = contracts::fail_fast({.complete = true});
  const auto story = [] { return Story().assign(1, 3, 7, 1, 2).open(3, 4).assign(1, 4, 8, 5, 6); };
  expect_allowed(contracts::fail_fast(), story().next(3, 7, 7, 8));
  expect_rule(complete, story().next(3, 7, 7, 8), "unnoticed",
              "yields key 3 with value 7, although assign(4, 8) by T1 had begun after it was "
              "opened and returned before that step began");
  expect_rule(complete, story().end(7, 8), "unnoticed", "come to its end");
  expect_allowed(complete, story().refused(Refusal::kStale, 7, 8));
  // One that is under way may come later, or may have come before.
  expect_allowed(complete,
                 Story().assign(1, 3, 7, 1, 2).open(3, 4).assign(1, 4, 8, 5, 9).next(3, 7, 7, 8));
  expect_allowed(complete, Story().assign(1, 3, 7, 1, 5).open(3, 4).next(3, 7, 7, 8));
  // A clear of nothing changes nothing.
  expect_allowed(complete, Story().open(3, 4).clear(1, 5, 6).end(7, 8));
  expect_rule(complete, Story().assign(1, 3, 7, 1, 2).open(3, 4).clear(1, 5, 6).end(7, 8),
              "unnoticed");
}

// ---- versioned ----

TEST(Versioned, StaleTimedOutOrOfTheVersion) {
  const Contract& versioned = contracts::versioned();
  const auto story = [] { return Story().assign(1, 3, 7, 1, 2).open(3, 4); };
  expect_allowed(versioned, story().next(3, 7, 5, 6).end(7, 8));
  expect_allowed(versioned, story().refused(Refusal::kTimedOut, 5, 6));
  expect_allowed(versioned, story().assign(1, 3, 8, 5, 6, false).refused(Refusal::kStale, 7, 8));
  expect_rule(versioned, story().refused(Refusal::kStale, 7, 8), "unfounded");
  expect_rule(versioned, story().assign(1, 3, 8, 5, 6, false).next(3, 7, 7, 8), "unnoticed");
  expect_rule(versioned, story().assign(1, 3, 8, 5, 9, false).next(3, 8, 7, 8), "inconsistent",
              "with value 8, which came only after the call that opened it");
  expect_rule(versioned, story().next(3, 9, 7, 8), "torn");
  expect_rule(versioned, story().next(4, 8, 7, 8), "phantom");
  expect_rule(versioned, story().end(7, 8), "skipped");
}

// ---- size ----

TEST(QuiescentSize, IsTheNumberOfKeys) {
  const Contract& size = contracts::quiescent_size();
  const auto story = [](u64 answer) {
    return Story()
        .assign(1, 3, 7, 1, 2)
        .assign(1, 4, 7, 3, 4)
        .assign(2, 5, 7, 1, 5)
        .erase(1, 5, 3, 6)
        .op(1, Role::kSize, {}, 10, 11, value_of(answer));
  };
  expect_allowed(size, story(2));
  expect_rule(size, story(3), "wrong-size", "size() by T1 answered 3");
  expect_rule(size, story(1), "wrong-size", "which had 2 keys");
  expect_allowed(size, story(1).assign(2, 6, 7, 10, 12));
  // Nobody knows whether the clear came before the insertion.
  const auto unknown = [](u64 answer) {
    return Story()
        .assign(1, 3, 7, 1, 4)
        .clear(2, 2, 3)
        .op(1, Role::kSize, {}, 10, 11, value_of(answer));
  };
  expect_allowed(size, unknown(0));
  expect_allowed(size, unknown(1));
  expect_rule(size, unknown(2), "wrong-size", "which had 0 to 1 keys");
}

// ---- Go range ----

TEST(GoRange, NewRolesAnswerAsASequentialMap) {
  const Contract& range = contracts::go_range();
  const auto nothing = value_of(std::optional<int>());
  const auto story = [] { return Story().assign(1, 3, 7, 1, 2); };
  expect_allowed(range, story()
                            .op(1, Role::kInsert, {3, 8}, 3, 4, value_of(false))
                            .op(1, Role::kExchange, {3, 9}, 5, 6, value_of(std::optional(7)))
                            .op(1, Role::kFindOrInsert, {3, 1}, 7, 8, value_of(std::pair(9, true)))
                            .op(1, Role::kCompareExchange, {3, 9, 2}, 9, 10, value_of(true))
                            .op(1, Role::kCompareErase, {3, 9}, 11, 12, value_of(false))
                            .op(1, Role::kTake, {3}, 13, 14, value_of(std::optional(2)))
                            .op(1, Role::kContains, {3}, 15, 16, value_of(false))
                            .op(1, Role::kTake, {3}, 17, 18, nothing)
                            .op(1, Role::kSize, {}, 19, 20, value_of(0)));
  expect_rule(range, story().op(1, Role::kTake, {3}, 3, 4, nothing), "wrong-answer",
              "take(3) by T1 answered nothing, a sequential map would answer 7");
  expect_rule(range, story().op(1, Role::kInsert, {3, 8}, 3, 4, value_of(true)), "wrong-answer");
  expect_rule(range, story().op(1, Role::kFindOrInsert, {3, 8}, 3, 4, value_of(std::pair(8, true))),
              "wrong-answer", "answered (8, 1), a sequential map would answer (7, 1)");
  expect_rule(range, story().op(1, Role::kSize, {}, 3, 4, value_of(0)), "wrong-answer");
  expect_rule(range, story().op(1, Role::kCompareErase, {3, 8}, 3, 4, value_of(true)),
              "wrong-answer");
}

TEST(GoRange, TellsRulesApart) {
  const Contract& range = contracts::go_range();
  const auto story = [] { return Story().assign(1, 3, 7, 1, 2).open(3, 4); };
  expect_allowed(range, story().next(3, 7, 5, 6).end(7, 8));
  expect_rule(range, story().end(7, 8), "skipped");
  expect_rule(range, story().next(3, 7, 5, 6).next(3, 7, 7, 8), "repeated");
  expect_rule(range, story().next(4, 7, 5, 6), "phantom");
  expect_rule(range, story().next(3, 8, 5, 6), "torn");
  expect_rule(range, story().erase(1, 3, 5, 6).next(3, 7, 7, 8), "resurrected");
  expect_rule(range, story().assign(1, 3, 8, 5, 6, false).next(3, 7, 7, 8), "stale");
}

TEST(GoRange, ErasesTheIncarnationThatItYielded) {
  const Contract& range = contracts::go_range();
  const auto story = [] { return Story().assign(1, 3, 7, 1, 2).open(3, 4).next(3, 7, 5, 6); };
  expect_allowed(range, story().op(9, Role::kEraseCurrent, {}, 9, 10, value_of(true)).end(11, 12));
  expect_rule(range, story().op(9, Role::kEraseCurrent, {}, 9, 10, value_of(false)),
              "wrong-answer");
  const auto at_end = [&] { return story().end(7, 8); };
  expect_allowed(range, at_end().op(9, Role::kEraseCurrent, {}, 9, 10, value_of(true)));
  expect_rule(range, at_end().op(9, Role::kEraseCurrent, {}, 9, 10, value_of(false)),
              "wrong-answer");
  const auto reborn = [&] { return story().erase(1, 3, 7, 8).assign(1, 3, 8, 9, 10); };
  expect_allowed(range, reborn().op(9, Role::kEraseCurrent, {}, 11, 12, value_of(false)));
  expect_rule(range, reborn().op(9, Role::kEraseCurrent, {}, 11, 12, value_of(true)),
              "wrong-answer");
}

TEST(GoRange, AllInOneCall) {
  const Contract& range = contracts::go_range();
  const auto story = [] { return Story().assign(1, 3, 7, 1, 2).iterate(3, 10); };
  expect_allowed(range, story().yielded(3, 7, 5));
  expect_rule(range, story(), "skipped");
  expect_allowed(range, Story().assign(1, 3, 7, 1, 2).iterate(3, 10, value_of(false)));
  expect_rule(range, story().yielded(3, 7, 5).yielded(3, 7, 6), "repeated");
  // Insertion and erasure in between: either way.
  expect_allowed(range, story().yielded(3, 7, 5).assign(1, 4, 8, 6, 7));
  expect_allowed(range, story().erase(1, 3, 6, 7));
  // An insertion that was called before, and takes effect after the begin.
  expect_allowed(range, Story().assign(1, 3, 7, 1, 6).iterate(3, 10));
}

TEST(GoRange, SeveralCallsOfOneThread) {
  const Contract& range = contracts::go_range();
  const auto story = [] {
    return Story().assign(1, 3, 7, 1, 2).iterate(3, 10).yielded(3, 7, 5).iterate(11, 20);
  };
  expect_allowed(range, story().yielded(3, 7, 15));
  expect_rule(range, story(), "skipped");
  // The end of the first may be as late as what was under way then, and that after the begin of
  // the second.
  const auto beside_another = [&] { return story().assign(2, 4, 8, 9, 18); };
  expect_allowed(range, beside_another().yielded(3, 7, 15));
  expect_rule(range, beside_another(), "skipped");
  expect_rule(range, beside_another().yielded(3, 7, 15).yielded(3, 7, 16), "repeated");
  expect_rule(range,
              Story()
                  .assign(1, 3, 7, 1, 2)
                  .iterate(3, 10)
                  .iterate(11, 20)
                  .yielded(3, 7, 15)
                  .assign(2, 4, 8, 9, 18),
              "skipped");
}

TEST(GoRange, IrreflexiveKeys) {
  const Contract& range = contracts::go_range(0);
  const auto story = [] {
    return Story().assign(1, 0, 7, 1, 2).assign(1, 0, 8, 3, 4).open(5, 6).next(0, 8, 7, 8);
  };
  expect_allowed(range, story().next(0, 7, 9, 10).end(11, 12));
  expect_allowed(range, story()
                            .erase(1, 0, 9, 10, false)
                            .op(1, Role::kSize, {}, 11, 12, value_of(2))
                            .op(1, Role::kContains, {0}, 13, 14, value_of(false)));
  expect_rule(range, story().end(9, 10), "skipped");
  expect_rule(range, story().next(0, 8, 9, 10), "repeated");
  expect_rule(range, story().clear(1, 9, 10).next(0, 7, 11, 12), "resurrected");
  expect_rule(contracts::go_range(), Story().assign(1, 0, 7, 1, 2).assign(1, 0, 8, 3, 4),
              "wrong-answer");
}

}  // namespace
