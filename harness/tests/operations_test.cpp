// Goal: what an operation target declares is what happens: start states, actions, looks at the
// structure, entries handed out one by one.
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "explore/session.hpp"
#include "heddle/probe.h"
#include "report/story.hpp"
#include "target/history.hpp"
#include "tests/explore_helpers.hpp"

namespace {

using heddle::Role;
using heddle::u64;

/// The story of the first finding in a target of this file; empty if there is none.
struct Found {
  std::string kind;
  std::string rule;
  std::string story;
  heddle::exploration::Recording recording;
};

Found first_finding(const char* name, u64 executions = 20'000, const char* strategy = "random",
                    const heddle::exploration::Settings& settings = {}) {
  heddle::exploration::Session session(*heddle::target::find_target(name), settings);
  heddle::exploration::Budget budget;
  budget.executions = executions;
  budget.strategy = strategy;
  const auto tally = session.run(budget, [](const auto&, const auto&) { return false; }, nullptr);
  if (tally.with_finding == 0) {
    return {};
  }
  heddle::exploration::Divergence divergence;
  const heddle::exploration::Recording recording = session.record(divergence);
  EXPECT_FALSE(divergence.diverged) << divergence.message;
  return {heddle::exec::name_of(recording.kind), recording.rule,
          heddle::report::tell(recording, {.replay_command = "", .width = 120}), recording};
}

// ---- start states ----

struct Numbers {
  void put(int number) {
    const std::lock_guard lock(mutex);
    sum += number;
  }
  int total() {
    const std::lock_guard lock(mutex);
    HEDDLE_CHECK(sum != 1007);
    return sum;
  }
  std::mutex mutex;
  int sum = 0;
};

HEDDLE_TARGET(starts_full, t) {
  auto s = t.subject<Numbers>();
  s.op("put", &Numbers::put, t.ints(0, 0));
  s.op("total", &Numbers::total);
  s.start("full", [](heddle::Start& start) {
    start.run("put", 1000);
    start.run("put", 7);
  });
}

TEST(Operations, StartStatesAreReached) {
  const Found found = first_finding("starts_full");
  EXPECT_EQ(found.kind, "check");
  EXPECT_NE(found.story.find("put(1000)"), std::string::npos) << found.story;
}

/// A locked map, in order of keys. Its iterations stand still if they are stuck.
template <bool Stuck>
class Shelf {
 public:
  bool put(int key, int value) {
    const std::lock_guard lock(mutex_);
    heddle::linearization_point();
    return entries_.emplace(key, value).second;
  }

  class Range {
   public:
    explicit Range(Shelf& shelf) : shelf_(&shelf) {}

    std::optional<std::pair<int, int>> next() {
      const std::lock_guard lock(shelf_->mutex_);
      heddle::linearization_point();
      const auto found = shelf_->entries_.upper_bound(last_);
      if (found == shelf_->entries_.end()) {
        return std::nullopt;
      }
      last_ = Stuck ? 0 : found->first;
      return *found;
    }

   private:
    Shelf* shelf_;
    int last_ = 0;
  };

 private:
  std::mutex mutex_;
  std::map<int, int> entries_;
};

/// Threads have one operation each: the one iteration that they advance is the start state's.
template <bool Stuck>
void declare_begun(heddle::Target& t) {
  using S = Shelf<Stuck>;
  t.threads(2, 2);
  t.operations_per_thread(1);
  auto s = t.subject<S>();
  s.op("put", &S::put, t.ints(1, 3), t.ints(10, 19)).means(Role::kInsert);
  auto range = s.template cursor<typename S::Range>(
      "open", "close", [](S& shelf) { return typename S::Range(shelf); });
  range.op("next", &S::Range::next).means(Role::kNext);
  s.start("begun", [](heddle::Start& start) {
    start.run("put", 1, 10);
    start.run("open");
    start.run("next");
  });
  s.follows(heddle::contracts::go_range());
}

HEDDLE_TARGET(goes_on, t) { declare_begun<false>(t); }
HEDDLE_TARGET(goes_on_stuck, t) { declare_begun<true>(t); }

TEST(Operations, IterationsOfStartStatesGoOnInTheFirstThread) {
  EXPECT_EQ(first_finding("goes_on").story, "");
  const Found found = first_finding("goes_on_stuck");
  EXPECT_EQ(found.rule, "repeated") << found.story;
  EXPECT_NE(found.recording.message.find("T1"), std::string::npos) << found.story;
}

TEST(Operations, TheOtherThreadsHaveNoneToGoOnWith) {
  std::set<std::pair<heddle::u16, std::string>> advanced;
  heddle::target::Definition& target = *heddle::target::find_target("goes_on");
  heddle::target::EverySource source;
  do {
    const auto program = target.make_program(source, {.operations = 1});
    for (const auto& step : program.steps) {
      advanced.emplace(step.thread, target.declared().operations[step.operation]->name);
    }
  } while (source.advance());
  EXPECT_TRUE(advanced.contains({1, "next"}));
  EXPECT_TRUE(advanced.contains({2, "open"}));
  EXPECT_FALSE(advanced.contains({2, "next"}));
}

// ---- actions ----

struct Interrupted {
  bool read_twice() {
    const int before = value.load();
    const bool same = before == value.load();
    HEDDLE_CHECK(same);
    return same;
  }
  void advance() { ++value; }
  std::atomic<int> value = 0;
};

HEDDLE_TARGET(acts_by_itself, t) {
  auto s = t.subject<Interrupted>();
  s.op("read_twice", &Interrupted::read_twice);
  s.action("advance", &Interrupted::advance);
  t.threads(1, 1);
}

HEDDLE_TARGET(never_acts, t) {
  auto s = t.subject<Interrupted>();
  s.op("read_twice", &Interrupted::read_twice);
  t.threads(1, 1);
}

TEST(Operations, ActionsHappenBetweenTheStepsOfOthers) {
  EXPECT_EQ(first_finding("acts_by_itself").kind, "check");
  EXPECT_EQ(first_finding("never_acts").kind, "");
}

// ---- looks at the structure ----

/// Unsound between two operations, and sound again after them.
struct Mended {
  void spoil() { sound = false; }
  void mend() { sound = true; }
  std::atomic<bool> sound = true;
};

HEDDLE_TARGET(broken_for_a_while, t) {
  auto s = t.subject<Mended>();
  s.op("spoil_and_mend", [](Mended& m) {
    m.spoil();
    m.mend();
  });
  s.invariant([](Mended& m, heddle::Moment) { return m.sound ? "" : "spoilt"; });
}

HEDDLE_TARGET(sound_at_rest, t) {
  auto s = t.subject<Mended>();
  s.op("spoil_and_mend", [](Mended& m) {
    m.spoil();
    m.mend();
  });
  s.invariant([](Mended& m, heddle::Moment at) {
    return m.sound || at == heddle::Moment::kAtAnyStep ? "" : "spoilt";
  });
}

HEDDLE_TARGET(broken_between_operations, t) {
  auto s = t.subject<Mended>();
  s.op("spoil", &Mended::spoil).not_in_setup();
  s.op("mend", &Mended::mend);
  s.invariant([](Mended& m) { return m.sound ? "" : "spoilt"; });
  s.prints([](Mended& m) { return m.sound ? "all well" : "a spoilt thing"; });
}

TEST(Operations, TheStructureIsLookedAtBetweenOperations) {
  EXPECT_EQ(first_finding("broken_for_a_while").story, "");
  const Found found = first_finding("broken_between_operations");
  EXPECT_EQ(found.kind, "contract");
  EXPECT_EQ(found.rule, "invariant");
  EXPECT_NE(found.story.find("spoilt"), std::string::npos) << found.story;
  EXPECT_NE(found.story.find("a spoilt thing"), std::string::npos) << found.story;
}

struct LosesOne {
  int add() {
    const int before = sum.load();
    sum.store(before + 1);
    return before;
  }
  std::atomic<int> sum = 0;
};

heddle::Subject<LosesOne> declare_loss(heddle::Target& t) {
  auto s = t.subject<LosesOne>();
  s.op("add", &LosesOne::add);
  s.linearizable();
  return s;
}

HEDDLE_TARGET(prints_nothing, t) { declare_loss(t); }

HEDDLE_TARGET(prints_at_the_end, t) {
  declare_loss(t).prints(
      [](LosesOne& m) { return "a sum, too long for a small string: " + std::to_string(m.sum); });
}

TEST(Operations, WhatAPrinterDoesIsNoneOfTheEvents) {
  const Found silent = first_finding("prints_nothing");
  const Found found = first_finding("prints_at_the_end");  // by a load and an allocation
  EXPECT_EQ(found.kind, "linearizability");
  EXPECT_NE(found.story.find("a small string: "), std::string::npos) << found.story;
  EXPECT_EQ(found.recording.events, silent.recording.events);
  EXPECT_EQ(found.recording.digest, silent.recording.digest);
}

TEST(Operations, OnDemandTheStructureIsLookedAtEverywhere) {
  heddle::exploration::Settings settings;
  settings.look_at_steps = true;
  const Found found = first_finding("broken_for_a_while", 1'000, "random", settings);
  EXPECT_EQ(found.rule, "invariant") << found.story;
  EXPECT_EQ(first_finding("sound_at_rest", 1'000, "random", settings).story, "");
}

HEDDLE_TARGET(crashes_its_validator, t) {
  auto s = t.subject<Mended>();
  s.op("spoil", &Mended::spoil).not_in_setup();
  s.invariant([](Mended& m) {
    if (!m.sound) {
      std::abort();
    }
    return "";
  });
}

TEST(Operations, ACrashInALookIsTheTargets) {
  EXPECT_EQ(first_finding("crashes_its_validator").kind, "crash");
}

// ---- entries handed out one by one ----

struct Lists {
  bool each() {
    for (int key = 0; key < 3; ++key) {
      HEDDLE_PROBE("between two entries");
      heddle::yielded(key, 10 * key);
    }
    HEDDLE_CHECK(false);
    return true;
  }
};

HEDDLE_TARGET(hands_out, t) {
  auto s = t.subject<Lists>();
  s.op("each", &Lists::each).means(Role::kIterate).not_in_setup();
  t.threads(1, 1);
}

TEST(Operations, EntriesHandedOutAreInTheHistoryAndInTheStory) {
  const Found found = first_finding("hands_out");
  EXPECT_EQ(found.kind, "check");
  EXPECT_NE(found.story.find("yields 2:20"), std::string::npos) << found.story;
  EXPECT_NE(found.story.find("probe between two entries"), std::string::npos) << found.story;
  const auto& entries = heddle::target::history().entries;
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[0].role, Role::kIterate);
  EXPECT_FALSE(entries[0].returned);
  for (heddle::u32 i = 1; i < 4; ++i) {
    EXPECT_EQ(entries[i].role, Role::kNext);
    EXPECT_EQ(entries[i].cursor, heddle::target::kNoCursor);
    EXPECT_EQ(entries[i].result.words[0], static_cast<int>(i) - 1);
    EXPECT_GT(entries[i].called, entries[i - 1].called);
    EXPECT_GT(entries[i].returned_at, entries[i].called);
  }
}

// ---- one call at a time ----

/// A list that calls back for each number.
struct CallsBack {
  void each(bool again) {
    const heddle::Entered entered(this, "the list's walk");
    calls.fetch_add(1);
    if (again) {
      each(false);
    }
  }
  std::mutex mutex;
  std::atomic<int> calls = 0;
};

template <bool Again, bool Locked>
void declare_walk(heddle::Target& t) {
  auto s = t.subject<CallsBack>();
  s.op("each", [](CallsBack& list) {
    const std::unique_lock lock =
        Locked ? std::unique_lock(list.mutex) : std::unique_lock<std::mutex>();
    list.each(Again);
  });
}

HEDDLE_TARGET(walks_one_by_one, t) { declare_walk<false, true>(t); }
HEDDLE_TARGET(walks_in_itself, t) { declare_walk<true, true>(t); }
HEDDLE_TARGET(walks_at_once, t) { declare_walk<false, false>(t); }

TEST(Operations, ReentryIsFound) {
  EXPECT_EQ(first_finding("walks_one_by_one").story, "");
  for (const char* name : {"walks_in_itself", "walks_at_once"}) {
    const Found found = first_finding(name);
    EXPECT_EQ(found.kind, "misuse") << name;
    EXPECT_EQ(found.rule, "re-entry") << found.story;
  }
}

// ---- progress ----

struct Locked {
  void add() {
    const std::lock_guard lock(mutex);
    ++value;
  }
  std::mutex mutex;
  int value = 0;
};

struct Spinning {
  void add() {
    while (taken.exchange(true)) {
    }
    ++value;
    taken = false;
  }
  std::atomic<bool> taken = false;
  int value = 0;
};

struct Retrying {
  void add() {
    int seen = value.load();
    while (!value.compare_exchange_weak(seen, seen + 1)) {
    }
  }
  std::atomic<int> value = 0;
};

struct Direct {
  void add() { ++value; }
  std::atomic<int> value = 0;
};

template <class S>
void declare_add(heddle::Target& t, heddle::Progress progress, unsigned own_steps_max = 1000) {
  auto s = t.subject<S>();
  s.op("add", &S::add);
  s.promises(progress, own_steps_max);
}

HEDDLE_TARGET(locked_blocking, t) { declare_add<Locked>(t, heddle::Progress::kBlocking); }
HEDDLE_TARGET(locked_obstruction_free, t) {
  declare_add<Locked>(t, heddle::Progress::kObstructionFree);
}
HEDDLE_TARGET(spinning_lock_free, t) { declare_add<Spinning>(t, heddle::Progress::kLockFree); }
HEDDLE_TARGET(retrying_obstruction_free, t) {
  declare_add<Retrying>(t, heddle::Progress::kObstructionFree);
}
HEDDLE_TARGET(retrying_lock_free, t) { declare_add<Retrying>(t, heddle::Progress::kLockFree); }
HEDDLE_TARGET(retrying_wait_free, t) { declare_add<Retrying>(t, heddle::Progress::kWaitFree, 4); }
HEDDLE_TARGET(direct_wait_free, t) { declare_add<Direct>(t, heddle::Progress::kWaitFree, 4); }

TEST(Progress, WhoWaitsForAThreadThatStandsStillIsFound) {
  const Found found = first_finding("locked_obstruction_free");
  EXPECT_EQ(found.kind, "progress");
  EXPECT_EQ(found.rule, "waits") << found.story;
  EXPECT_NE(found.story.find("stands still in add"), std::string::npos) << found.story;
}

TEST(Progress, WhoRetriesForeverIsFound) {
  const Found found = first_finding("spinning_lock_free");
  EXPECT_EQ(found.kind, "progress");
  EXPECT_EQ(found.rule, "retries") << found.story;
}

TEST(Progress, MoreStepsThanPromisedAreFound) {
  const Found found = first_finding("retrying_wait_free");
  EXPECT_EQ(found.kind, "progress");
  EXPECT_EQ(found.rule, "unbounded") << found.story;
}

TEST(Progress, KeptPromisesAreNoFinding) {
  for (const char* name :
       {"locked_blocking", "retrying_obstruction_free", "retrying_lock_free", "direct_wait_free"}) {
    for (const char* strategy : {"random", "pct"}) {
      EXPECT_EQ(first_finding(name, 5'000, strategy).story, "") << name;
    }
  }
}

// An exhaustive search goes through what threads do, in both orders here.
TEST(Progress, NobodyStandsStillUnderCheck) {
  heddle::exploration::Settings settings;
  settings.model = "rc11";
  heddle::exploration::Session session(*heddle::target::find_target("direct_wait_free"), settings);
  heddle::target::Program program;
  program.workers = 2;
  program.steps = {{1, 0, {}}, {2, 0, {}}};
  session.set_program(program);
  const auto census =
      session.check({}, [](const auto&, const auto&) { return false; }, [](const auto&) {});
  EXPECT_TRUE(census.finished && !census.diverged);
  EXPECT_EQ(census.complete, 2u);
}

// ---- faults of allocation ----

/// Grows by copying; a failure in the middle leaves it as it was, or, if careless, half-way.
template <bool Careless>
class Growing {
 public:
  Growing() : numbers_(std::make_unique<int[]>(1)) {}
  bool insert(int key, int value) {
    const std::lock_guard lock(mutex_);
    if (Careless) {
      ++size_;
    }
    auto copy = std::make_unique<std::pair<const int, int>>(key, value);
    const bool inserted = map_.insert(*copy).second;
    size_ = map_.size();
    return inserted;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return size_;
  }

 private:
  std::unique_ptr<int[]> numbers_;
  std::mutex mutex_;
  std::map<int, int> map_;
  std::size_t size_ = 0;
};

template <bool Careless>
void declare_growing(heddle::Target& t) {
  using S = Growing<Careless>;
  auto s = t.subject<S>();
  s.op("insert", &S::insert, t.ints(0, 3), t.ints(0, 9)).means(Role::kInsert);
  s.op("size", &S::size).means(Role::kSize);
  s.linearizable();
  t.seeded({.needs = "bad-alloc"});
}

HEDDLE_TARGET(grows_with_care, t) { declare_growing<false>(t); }
HEDDLE_TARGET(grows_carelessly, t) { declare_growing<true>(t); }

TEST(Operations, AnOperationThatRunsOutOfMemoryHasNoEffect) {
  heddle::exploration::Settings settings;
  ASSERT_TRUE(heddle::exploration::parse_faults("bad-alloc", settings.faults));
  EXPECT_EQ(first_finding("grows_with_care", 5'000, "random", settings).story, "");
  const Found found = first_finding("grows_carelessly", 5'000, "random", settings);
  EXPECT_EQ(found.kind, "linearizability") << found.story;
}

// ---- faults in iterators ----

struct Row {
  int numbers[4] = {1, 2, 3, 4};
};

class Walk {
 public:
  explicit Walk(const Row& row) : row_(&row) {}
  std::optional<std::pair<int, int>> next() {
    HEDDLE_CHECK(at_ <= 4);
    if (at_ == 4) {
      return std::nullopt;
    }
    ++at_;
    return std::pair(static_cast<int>(at_), row_->numbers[at_ - 1]);
  }

 private:
  const Row* row_;
  std::size_t at_ = 0;
};

HEDDLE_TARGET(walks, t) {
  auto s = t.subject<Row>();
  auto walk = s.cursor<Walk>("open", "close", [](Row& row) { return Walk(row); });
  walk.op("next", &Walk::next).means(Role::kNext);
}

TEST(Operations, WordsOfIteratorsChangeWhereAskedFor) {
  EXPECT_EQ(first_finding("walks").story, "");
  heddle::exploration::Settings settings;
  ASSERT_TRUE(heddle::exploration::parse_faults("iterator-state", settings.faults));
  const Found found = first_finding("walks", 20'000, "random", settings);
  EXPECT_NE(found.kind, "");
  EXPECT_NE(found.story.find("changed by fault"), std::string::npos) << found.story;
}

}  // namespace
