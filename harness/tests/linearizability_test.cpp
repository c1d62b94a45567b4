// Goal: histories are judged as the definitions say. Histories by hand for each role and criterion,
// and random ones against a checker that tries all orders.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "history_helpers.hpp"
#include "models/queue.hpp"
#include "models/register.hpp"
#include "models/set.hpp"
#include "models/stack.hpp"
#include "oracle/consistency.hpp"

namespace {

using namespace heddle;           // NOLINT(google-build-using-namespace)
using namespace heddle::testing;  // NOLINT(google-build-using-namespace)
using oracle::Verdict;

constexpr Consistency kCriteria[] = {Consistency::kLinearizable, Consistency::kSequential,
                                     Consistency::kQuiescent};

exec::Finding& the_finding() {
  static exec::Finding finding;
  finding = exec::Finding();
  return finding;
}

bool accepted(Diary& diary, Consistency consistency = Consistency::kLinearizable) {
  const Verdict verdict = oracle::judge_map(diary.history(), consistency, the_finding());
  EXPECT_NE(verdict, Verdict::kUndecided);
  return verdict == Verdict::kFits;
}

std::vector<oracle::Item> all_of(const target::History& history) {
  std::vector<oracle::Item> items;
  for (u32 i = 0; i < history.entries.size(); ++i) {
    items.push_back(oracle::Item{history.entries[i], i, 0, 0});
  }
  return items;
}

template <class M>
bool accepted_by(Diary& diary, Consistency consistency = Consistency::kLinearizable) {
  const Verdict verdict = oracle::judge(all_of(diary.history()), diary.history(), consistency,
                                        ModelSpecification<M>(), oracle::kEffortMax, the_finding());
  EXPECT_NE(verdict, Verdict::kUndecided);
  return verdict == Verdict::kFits;
}

// ---- each role ----

struct RoleCase {
  const char* what;
  bool key_is_there;  // with the value 7
  Role role;
  std::vector<i64> arguments;
  Value right;
  Value wrong;
  std::optional<i64> left_behind;
};

void PrintTo(const RoleCase& role_case, std::ostream* out) { *out << role_case.what; }

class EachRole : public ::testing::TestWithParam<RoleCase> {
 protected:
  static bool accepts(const Value& result, const Value& found_after) {
    const RoleCase& c = GetParam();
    Diary diary;
    if (c.key_is_there) {
      diary.does(0, Role::kAssign, {3, 7}, kYes);
    }
    i64 arguments[3] = {};
    std::copy(c.arguments.begin(), c.arguments.end(), arguments);
    diary.does(1, c.role, {arguments[0], arguments[1], arguments[2]}, result);
    diary.does(2, Role::kFind, {3}, found_after);
    return accepted(diary);
  }
};

TEST_P(EachRole, AnswersAsASequentialMapDoes) {
  const RoleCase& c = GetParam();
  const Value after = value_of(c.left_behind);
  const Value not_after = c.left_behind.has_value() ? kNothing : some(7);
  EXPECT_TRUE(accepts(c.right, after));
  EXPECT_TRUE(accepts(kVoid, after)) << "a function without result";
  EXPECT_FALSE(accepts(c.right, not_after)) << "its effect";
  EXPECT_FALSE(accepts(c.right, some(1000)));
  if (c.wrong.shape != Value::Shape::kVoid) {
    EXPECT_FALSE(accepts(c.wrong, after)) << "its answer";
  }
}

const Value kPairThere = value_of(std::pair<i64, bool>(7, true));
const Value kPairNew = value_of(std::pair<i64, bool>(8, false));

INSTANTIATE_TEST_SUITE_P(
    Map, EachRole,
    ::testing::Values(
        RoleCase{"assign, new", false, Role::kAssign, {3, 8}, kYes, kNo, 8},
        RoleCase{"assign, over", true, Role::kAssign, {3, 8}, kNo, kYes, 8},
        RoleCase{"insert, new", false, Role::kInsert, {3, 8}, kYes, kNo, 8},
        RoleCase{"insert, there", true, Role::kInsert, {3, 8}, kNo, kYes, 7},
        RoleCase{"erase, absent", false, Role::kErase, {3}, kNo, kYes, {}},
        RoleCase{"erase, there", true, Role::kErase, {3}, kYes, kNo, {}},
        RoleCase{"find, absent", false, Role::kFind, {3}, kNothing, some(7), {}},
        RoleCase{"find, there", true, Role::kFind, {3}, some(7), kNothing, 7},
        RoleCase{"find, another value", true, Role::kFind, {3}, some(7), some(8), 7},
        RoleCase{"contains, absent", false, Role::kContains, {3}, kNo, kYes, {}},
        RoleCase{"contains, there", true, Role::kContains, {3}, kYes, kNo, 7},
        RoleCase{"exchange, new", false, Role::kExchange, {3, 8}, kNothing, some(8), 8},
        RoleCase{"exchange, over", true, Role::kExchange, {3, 8}, some(7), some(8), 8},
        RoleCase{
            "find or insert, new", false, Role::kFindOrInsert, {3, 8}, kPairNew, kPairThere, 8},
        RoleCase{"find or insert, old", true, Role::kFindOrInsert, {3, 8}, kPairThere, kPairNew, 7},
        RoleCase{"take, absent", false, Role::kTake, {3}, kNothing, some(7), {}},
        RoleCase{"take, there", true, Role::kTake, {3}, some(7), kNothing, {}},
        RoleCase{
            "compare exchange, absent", false, Role::kCompareExchange, {3, 7, 8}, kNo, kYes, {}},
        RoleCase{"compare exchange, equal", true, Role::kCompareExchange, {3, 7, 8}, kYes, kNo, 8},
        RoleCase{
            "compare exchange, unequal", true, Role::kCompareExchange, {3, 6, 8}, kNo, kYes, 7},
        RoleCase{"compare erase, absent", false, Role::kCompareErase, {3, 7}, kNo, kYes, {}},
        RoleCase{"compare erase, equal", true, Role::kCompareErase, {3, 7}, kYes, kNo, {}},
        RoleCase{"compare erase, unequal", true, Role::kCompareErase, {3, 6}, kNo, kYes, 7},
        RoleCase{"size, empty", false, Role::kSize, {}, some(0), some(1), {}},
        RoleCase{"size, one", true, Role::kSize, {}, some(1), some(0), 7},
        RoleCase{"clear", true, Role::kClear, {}, kVoid, kVoid, {}}));

TEST(Roles, CursorsEraseTheKeyThatTheyYieldedLast) {
  for (const bool still_there : {false, true}) {
    Diary diary;
    diary.does(0, Role::kAssign, {3, 7}, kYes);
    diary.does(0, Role::kAssign, {4, 7}, kYes);
    diary.does(1, Role::kNext, {}, value_of(std::pair(4, 7)));
    diary.does(1, Role::kNext, {}, value_of(std::pair(3, 7)));
    diary.does(1, Role::kEraseCurrent, {}, kYes);
    diary.does(2, Role::kContains, {4}, kYes);
    diary.does(2, Role::kContains, {3}, value_of(still_there));
    EXPECT_EQ(accepted(diary), !still_there);
  }
  Diary diary;  // what it yielded is gone, and another entry is there
  diary.does(0, Role::kAssign, {3, 7}, kYes);
  diary.does(1, Role::kNext, {}, value_of(std::pair(3, 7)));
  diary.does(2, Role::kErase, {3}, kYes);
  diary.does(2, Role::kAssign, {3, 8}, kYes);
  diary.does(1, Role::kEraseCurrent, {}, kNo);
  diary.does(2, Role::kFind, {3}, some(8));
  EXPECT_TRUE(accepted(diary));
}

TEST(Roles, CursorsEraseAtTheEndWhatTheyYieldedLast) {
  for (const bool still_there : {false, true}) {
    Diary diary;
    diary.does(0, Role::kAssign, {3, 7}, kYes);
    diary.does(1, Role::kOpen, {}, kVoid);
    diary.does(1, Role::kNext, {}, value_of(std::pair(3, 7)));
    diary.does(1, Role::kNext, {}, kNothing);
    diary.does(1, Role::kEraseCurrent, {}, kYes);
    diary.does(1, Role::kContains, {3}, value_of(still_there));
    EXPECT_EQ(accepted(diary), !still_there);
  }
  Diary diary;  // a new iteration has yielded nothing yet
  diary.does(0, Role::kAssign, {3, 7}, kYes);
  diary.does(1, Role::kNext, {}, value_of(std::pair(3, 7)));
  diary.does(1, Role::kOpen, {}, kVoid);
  diary.does(1, Role::kEraseCurrent, {}, kVoid);
  diary.does(1, Role::kContains, {3}, kYes);
  EXPECT_TRUE(accepted(diary));
}

// ---- real time ----

TEST(RealTime, OverlappingOperationsMayTakeEffectInEitherOrder) {
  for (const Value& seen : {kNothing, some(7)}) {
    Diary diary;
    const u32 insert = diary.call(1, Role::kInsert, {3, 7});
    diary.does(2, Role::kFind, {3}, seen);
    diary.returns(insert, kYes);
    EXPECT_TRUE(accepted(diary));
  }
}

TEST(RealTime, WhatWasSeenStays) {
  for (const bool forgets : {false, true}) {
    Diary diary;
    const u32 insert = diary.call(1, Role::kInsert, {3, 7});
    diary.does(2, Role::kFind, {3}, some(7));
    diary.does(2, Role::kFind, {3}, forgets ? kNothing : some(7));
    diary.returns(insert, kYes);
    EXPECT_EQ(accepted(diary), !forgets);
  }
}

TEST(RealTime, AnOperationThatNeverReturnedMayHaveTakenEffect) {
  for (const Value& seen : {kNothing, some(7), some(8)}) {
    Diary diary;
    diary.call(1, Role::kInsert, {3, 7});
    diary.does(2, Role::kFind, {3}, seen);
    EXPECT_EQ(accepted(diary), !(seen == some(8)));
  }
  Diary diary;  // but not before it was called, and only once
  diary.does(2, Role::kFind, {3}, some(7));
  diary.call(1, Role::kInsert, {3, 7});
  EXPECT_FALSE(accepted(diary));
}

TEST(RealTime, SizeSeesAllKeysAtOneMoment) {
  // 3 was there before 4 came and went after; never were there none.
  for (const i64 size : {0, 1, 2}) {
    Diary diary;
    diary.does(0, Role::kAssign, {3, 7}, kYes);
    const u32 count = diary.call(1, Role::kSize);
    diary.does(2, Role::kInsert, {4, 7}, kYes);
    diary.does(2, Role::kErase, {3}, kYes);
    diary.returns(count, some(size));
    EXPECT_EQ(accepted(diary), size != 0) << size;
  }
}

TEST(RealTime, ClearTakesAllKeysAtOneMoment) {
  // T2 sees 3 gone, then inserts 4; T1's clear came first, and cannot take 4 as well.
  for (const bool four_stays : {true, false}) {
    Diary diary;
    diary.does(0, Role::kAssign, {3, 7}, kYes);
    const u32 clear = diary.call(1, Role::kClear);
    diary.does(2, Role::kFind, {3}, kNothing);
    diary.does(2, Role::kInsert, {4, 7}, kYes);
    diary.returns(clear, kVoid);
    diary.does(2, Role::kContains, {4}, value_of(four_stays));
    EXPECT_EQ(accepted(diary), four_stays);
  }
}

TEST(RealTime, ClearEachTakesEachKeyAtAMomentOfItsOwn) {
  // T2 sees 3 gone, then inserts 4: T1 may have come by 3 before that and by 4 after it.
  for (const bool four_stays : {true, false}) {
    Diary diary;
    diary.does(0, Role::kAssign, {3, 7}, kYes);
    const u32 clear = diary.call(1, Role::kClearEach);
    diary.does(2, Role::kFind, {3}, kNothing);
    diary.does(2, Role::kInsert, {4, 7}, kYes);
    diary.returns(clear, kVoid);
    diary.does(2, Role::kContains, {4}, value_of(four_stays));
    EXPECT_TRUE(accepted(diary));
  }
}

TEST(RealTime, ClearEachLeavesNothingThatWasThere) {
  for (const bool stays : {true, false}) {
    Diary diary;
    diary.does(0, Role::kAssign, {3, 7}, kYes);
    diary.does(0, Role::kAssign, {4, 7}, kYes);
    diary.does(1, Role::kClearEach, {}, kVoid);
    diary.does(2, Role::kContains, {4}, value_of(stays));
    EXPECT_EQ(accepted(diary), !stays);
  }
}

TEST(RealTime, SizeSeesWhatClearEachHasLeftSoFar) {
  for (const i64 size : {0, 1, 2, 3}) {
    Diary diary;
    diary.does(0, Role::kAssign, {3, 7}, kYes);
    diary.does(0, Role::kAssign, {4, 7}, kYes);
    const u32 clear = diary.call(1, Role::kClearEach);
    diary.does(2, Role::kSize, {}, some(size));
    diary.returns(clear, kVoid);
    EXPECT_EQ(accepted(diary), size <= 2) << size;
  }
}

// ---- weaker criteria: classic histories ----

TEST(Criteria, AStaleReadIsSequentiallyConsistent) {
  Diary diary;
  diary.does(0, Role::kAssign, {1, 0}, kYes);
  diary.does(1, Role::kAssign, {1, 5}, kNo);
  diary.does(2, Role::kFind, {1}, some(0));
  EXPECT_FALSE(accepted(diary, Consistency::kLinearizable));
  EXPECT_TRUE(accepted(diary, Consistency::kSequential));
  EXPECT_FALSE(accepted(diary, Consistency::kQuiescent));
}

// Herlihy, Shavit: The Art of Multiprocessor Programming, 3.4: two queues, each sequentially
// consistent by itself, together not. Here the queues are keys: no splitting by key.
TEST(Criteria, SequentialConsistencyIsNoMatterOfSingleKeys) {
  Diary diary;
  diary.does(1, Role::kAssign, {1, 5}, kVoid);
  diary.does(2, Role::kAssign, {2, 5}, kVoid);
  diary.does(1, Role::kContains, {2}, kNo);
  diary.does(2, Role::kContains, {1}, kNo);
  EXPECT_FALSE(accepted(diary, Consistency::kSequential));
}

// The order of a thread's own operations is lost while another one is under way.
TEST(Criteria, QuiescentConsistencyForgetsTheOrderOfAThread) {
  Diary diary;
  const u32 other = diary.call(2, Role::kAssign, {2, 1});
  diary.does(1, Role::kAssign, {1, 5}, kVoid);
  diary.does(1, Role::kFind, {1}, kNothing);
  diary.returns(other, kVoid);
  EXPECT_TRUE(accepted(diary, Consistency::kQuiescent));
  EXPECT_FALSE(accepted(diary, Consistency::kSequential));
  EXPECT_FALSE(accepted(diary, Consistency::kLinearizable));
}

TEST(Criteria, AQuiescentMomentIsTheEndOfThat) {
  Diary diary;
  const u32 other = diary.call(2, Role::kAssign, {2, 1});
  diary.does(1, Role::kAssign, {1, 5}, kVoid);
  diary.returns(other, kVoid);
  diary.does(1, Role::kFind, {1}, kNothing);
  EXPECT_FALSE(accepted(diary, Consistency::kQuiescent));
}

TEST(Criteria, SetupComesFirstInAnyCase) {
  for (const Consistency consistency : kCriteria) {
    Diary diary;
    diary.does(0, Role::kAssign, {1, 5}, kYes);
    diary.does(1, Role::kFind, {1}, kNothing);
    EXPECT_FALSE(accepted(diary, consistency));
  }
}

// ---- models ----

TEST(Models, Stack) {
  for (const i64 popped : {1, 2}) {
    Diary diary;
    diary.does(1, "push", {1}, kVoid);
    diary.does(2, "push", {2}, kVoid);
    diary.does(1, "top", {}, some(2));
    diary.does(1, "pop", {}, some(popped));
    diary.does(1, "size", {}, some(1));
    diary.does(1, "empty", {}, kNo);
    EXPECT_EQ(accepted_by<models::stack>(diary), popped == 2);
  }
}

TEST(Models, Queue) {
  for (const i64 popped : {1, 2}) {
    Diary diary;
    diary.does(1, "push", {1}, kVoid);
    diary.does(2, "push", {2}, kVoid);
    diary.does(1, "front", {}, some(1));
    diary.does(1, "pop", {}, some(popped));
    diary.does(1, "size", {}, some(1));
    diary.does(1, "empty", {}, kNo);
    EXPECT_EQ(accepted_by<models::queue>(diary), popped == 1);
  }
}

TEST(Models, Set) {
  for (const bool there : {true, false}) {
    Diary diary;
    diary.does(1, "insert", {1}, kYes);
    diary.does(2, "insert", {1}, kNo);
    diary.does(2, "size", {}, some(1));
    diary.does(1, "erase", {1}, kYes);
    diary.does(2, "contains", {1}, value_of(there));
    EXPECT_EQ(accepted_by<models::set>(diary), !there);
  }
}

TEST(Models, Register) {
  for (const i64 read : {5, 6}) {
    Diary diary;
    diary.does(1, "write", {2}, kVoid);
    diary.does(2, "exchange", {3}, some(2));
    diary.does(2, "compare_exchange", {3, 4}, kYes);
    diary.does(1, "compare_exchange", {3, 9}, kNo);
    diary.does(1, "fetch_add", {1}, some(4));
    diary.does(2, "read", {}, some(read));
    EXPECT_EQ(accepted_by<models::register_>(diary), read == 5);
  }
}

TEST(Models, RefuseOperationsThatTheyDoNotKnow) {
  EXPECT_THROW(models::stack().apply("pusj", nullptr), std::invalid_argument);
}

// ---- what is told ----

TEST(Message, ALostInsertion) {
  Diary diary;
  diary.does(1, Role::kInsert, {4, 1}, kYes);
  diary.does(1, Role::kInsert, {3, 7}, kYes);
  diary.does(2, Role::kFind, {3}, kNothing);
  exec::Finding& finding = the_finding();
  ASSERT_EQ(oracle::judge_map(diary.history(), Consistency::kLinearizable, finding),
            Verdict::kMisfits);
  EXPECT_EQ(finding.kind, exec::FindingKind::kLinearizability);
  EXPECT_STREQ(finding.rule, "not-linearizable");
  EXPECT_EQ(finding.operation, 2u);
  EXPECT_STREQ(finding.message.data,
               "find(3) = nothing by T2 fits no order of the operations: insert(3, 7) by T1 had "
               "returned before it began, and nothing had erased key 3; it could have answered 7");
  EXPECT_STREQ(finding.detail.data,
               "  the operations on key 3 in the order of their calls; place: in the longest order "
               "that fits\n"
               "  place  thread  from..to   operation\n"
               "      1  T1      3..4       insert(3, 7) = true\n"
               "      -  T2      5..6       find(3) = nothing   <- fits nowhere\n");
}

TEST(Message, AValueFromNowhere) {
  Diary diary;
  diary.does(1, Role::kInsert, {3, 7}, kYes);
  diary.does(2, Role::kFind, {3}, some(9));
  exec::Finding& finding = the_finding();
  oracle::judge_map(diary.history(), Consistency::kLinearizable, finding);
  EXPECT_STREQ(finding.message.data,
               "find(3) = 9 by T2 fits no order of the operations: nothing had written 9 to key 3; "
               "it could have answered 7");
}

TEST(Message, AllThatItCouldHaveAnswered) {
  Diary diary;
  diary.does(0, Role::kAssign, {3, 7}, kYes);
  const u32 slow = diary.call(1, Role::kAssign, {3, 8});
  diary.does(2, Role::kSize, {}, some(2));
  diary.does(2, Role::kFind, {3}, some(8));
  diary.returns(slow, kNo);
  exec::Finding& finding = the_finding();
  oracle::judge_map(diary.history(), Consistency::kLinearizable, finding);
  EXPECT_STREQ(finding.message.data,
               "size() = 2 by T2 fits no order of the operations: it could have answered 1");
}

// ---- against all orders ----

/// A map in the plainest words.
struct NaiveMap {
  std::map<i64, i64> map;

  Value apply(const target::HistoryEntry& entry) {
    const i64* a = entry.arguments;
    const bool there = map.contains(a[0]);
    const Value old = there ? some(map[a[0]]) : kNothing;
    const bool equal = there && map[a[0]] == a[1];
    switch (entry.role) {
      case Role::kAssign: map[a[0]] = a[1]; return value_of(!there);
      case Role::kInsert: map.insert({a[0], a[1]}); return value_of(!there);
      case Role::kErase: map.erase(a[0]); return value_of(there);
      case Role::kFind: return old;
      case Role::kContains: return value_of(there);
      case Role::kExchange: map[a[0]] = a[1]; return old;
      case Role::kFindOrInsert:
        map.insert({a[0], a[1]});
        return value_of(std::pair(map[a[0]], there));
      case Role::kTake: map.erase(a[0]); return old;
      case Role::kCompareExchange:
        if (equal) {
          map[a[0]] = a[2];
        }
        return value_of(equal);
      case Role::kCompareErase:
        if (equal) {
          map.erase(a[0]);
        }
        return value_of(equal);
      case Role::kSize: return value_of(map.size());
      case Role::kClear: map.clear(); return kVoid;
      default: return kVoid;
    }
  }
};

struct NaiveStack {
  models::stack stack;

  Value apply(const target::HistoryEntry& entry) {
    return stack.apply(entry.name, entry.arguments);
  }
};

/// By the definition: `a` must come before `b`.
bool precedes(const target::History& history, Consistency consistency, u32 a, u32 b) {
  const target::HistoryEntry& first = history.entries[a];
  const target::HistoryEntry& second = history.entries[b];
  const bool before = first.returned && first.returned_at < second.called;
  switch (consistency) {
    case Consistency::kLinearizable: return before;
    case Consistency::kSequential:
      return before && (first.thread == second.thread || to_index(first.thread) == 0);
    case Consistency::kQuiescent: break;
  }
  for (u64 moment = first.returned_at; before && moment < second.called; ++moment) {
    const bool quiet = std::none_of(
        history.entries.begin(), history.entries.end(), [moment](const target::HistoryEntry& e) {
          return e.called <= moment && (!e.returned || e.returned_at > moment);
        });
    if (quiet) {
      return true;
    }
  }
  return false;
}

/// Tries all orders of all that returned and any of what did not.
template <class State>
bool fits_some_order(const target::History& history, Consistency consistency, const State& state,
                     u32 placed) {
  bool complete = true;
  for (u32 i = 0; i < history.entries.size(); ++i) {
    complete &= !history.entries[i].returned || (placed >> i & 1) != 0;
  }
  for (u32 i = 0; i < history.entries.size() && !complete; ++i) {
    const target::HistoryEntry& entry = history.entries[i];
    bool free = (placed >> i & 1) == 0;
    for (u32 j = 0; j < history.entries.size(); ++j) {
      free &= (placed >> j & 1) != 0 || !precedes(history, consistency, j, i);
    }
    State after = state;
    if (free) {
      const Value answer = after.apply(entry);
      const bool right =
          !entry.returned || answer.shape == Value::Shape::kVoid || answer == entry.result;
      complete = right && fits_some_order(history, consistency, after, placed | 1u << i);
    }
  }
  return complete;
}

u32 call_of_map(Diary& diary, Rng& rng, u32 thread) {
  constexpr Role kRoles[] = {Role::kAssign,       Role::kErase,    Role::kFind,
                             Role::kInsert,       Role::kContains, Role::kExchange,
                             Role::kFindOrInsert, Role::kTake,     Role::kCompareExchange,
                             Role::kCompareErase, Role::kSize,     Role::kClear};
  return diary.call(thread, kRoles[rng.below(12)],
                    {static_cast<i64>(rng.below(2)), static_cast<i64>(rng.below(3)),
                     static_cast<i64>(rng.below(3))});
}

u32 call_of_stack(Diary& diary, Rng& rng, u32 thread) {
  constexpr const char* kNames[] = {"push", "push", "pop", "pop", "top", "size", "empty"};
  return diary.call(thread, kNames[rng.below(7)], {static_cast<i64>(rng.below(3))});
}

constexpr u32 kLiesOneIn = 10;

struct Count {
  u32 accepted = 0;
  u32 rejected = 0;
};

template <class State, class Judge>
Count compare(u32 histories, typename RandomHistory<State>::Call call, Consistency consistency,
              Judge judge) {
  Count count;
  Rng rng(static_cast<u64>(consistency) + 1);
  for (u32 i = 0; i < histories; ++i) {
    Diary diary;
    RandomHistory<State>(diary, rng, call, kLiesOneIn)
        .write(rng.below(3), 2 + rng.below(2), 1 + rng.below(6), i % 4 == 0);
    const bool expected = fits_some_order(diary.history(), consistency, State{}, 0);
    const bool seen = judge(diary, consistency);
    (seen ? count.accepted : count.rejected) += 1;
    if (seen != expected) {
      ADD_FAILURE() << "history " << i << ": " << (seen ? "accepted" : "rejected") << ", wrongly";
      for (const target::HistoryEntry& entry : diary.history().entries) {
        std::printf("T%u %s %llu..%llu\n", to_index(entry.thread),
                    target::text_of(entry, true).c_str(),
                    static_cast<unsigned long long>(entry.called),
                    static_cast<unsigned long long>(entry.returned_at));
      }
      break;
    }
  }
  return count;
}

TEST(AgainstAllOrders, Map) {
  for (const Consistency consistency : kCriteria) {
    const Count count = compare<NaiveMap>(20'000, call_of_map, consistency, accepted);
    EXPECT_GT(count.accepted, 2'000u);
    EXPECT_GT(count.rejected, 2'000u);
  }
}

TEST(AgainstAllOrders, Stack) {
  for (const Consistency consistency : kCriteria) {
    const Count count =
        compare<NaiveStack>(10'000, call_of_stack, consistency, accepted_by<models::stack>);
    EXPECT_GT(count.accepted, 1'000u);
    EXPECT_GT(count.rejected, 1'000u);
  }
}

// Twelve pushes at once, and pops of what nobody pushed in the end: all orders of the pushes
// differ.
TEST(Budget, TooManyOrdersAreUndecided) {
  Diary diary;
  u32 pushes[12];
  for (u32 i = 0; i < 12; ++i) {
    pushes[i] = diary.call(i + 1, "push", {i});
  }
  for (const u32 push : pushes) {
    diary.returns(push, kVoid);
  }
  diary.does(1, "pop", {}, some(77));
  exec::Finding& finding = the_finding();
  EXPECT_EQ(oracle::judge(all_of(diary.history()), diary.history(), Consistency::kLinearizable,
                          ModelSpecification<models::stack>(), oracle::kEffortMax, finding),
            Verdict::kUndecided);
  EXPECT_EQ(finding.kind, exec::FindingKind::kNone);
}

}  // namespace
