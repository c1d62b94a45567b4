// Depth-first search: each schedule once, those with few preemptions first.
#include <atomic>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>
#include <vector>

#include "explore/session.hpp"
#include "heddle/heddle.hpp"
#include "tests/explore_helpers.hpp"

namespace heddle::testing {

std::atomic<int> own_cell[4];  // for all the compiler knows, others read it

namespace {

using exploration::Budget;
using exploration::Census;
using exploration::Session;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr const char* kModels[] = {"sc", "tso", "rc11"};

Budget depth_first(u32 preemptions = exploration::kUnbounded) {
  Budget budget;
  budget.search = "dfs";
  budget.preemptions = preemptions;
  return budget;
}

exploration::Settings settings_of(const char* model) {
  exploration::Settings settings;
  settings.model = model;
  settings.faults = 0;
  return settings;
}

/// All executions, none of which has a finding.
Census search(const char* model, const Budget& budget, const std::function<void()>& body) {
  Session session(body, settings_of(model));
  const Census census = session.check(budget,
                                      [](const exec::Finding& finding, const Census&) {
                                        ADD_FAILURE() << finding.message.data;
                                        return false;
                                      },
                                      {});
  EXPECT_FALSE(census.diverged);
  EXPECT_TRUE(census.finished);
  return census;
}

struct Found {
  std::string kind;  // of the first finding; "" if there is none
  u64 executions = 0;
  u32 changes = 0;  // of turn, in what is recorded
  std::vector<exec::Deviation> schedule;
};

u32 changes_of_turn(const exploration::Recording& recording) {
  u32 changes = 0;
  for (std::size_t i = 1; i < recording.marks.size(); ++i) {
    changes += recording.marks[i].thread != recording.marks[i - 1].thread;
  }
  return changes;
}

Found find(const char* model, const Budget& budget, const std::function<void()>& body) {
  Session session(body, settings_of(model));
  Found found;
  session.check(budget,
                [&](const exec::Finding& finding, const Census& census) {
                  found.kind = exec::name_of(finding.kind);
                  found.executions = census.complete + census.blocked + census.with_finding;
                  exploration::Divergence divergence;
                  const exploration::Recording recording = session.record(divergence);
                  EXPECT_EQ(divergence.message, "");
                  found.changes = changes_of_turn(recording);
                  found.schedule = recording.schedule;
                  return false;
                },
                {});
  return found;
}

u64 binomial(u64 n, u64 k) {
  u64 result = 1;
  for (u64 i = 1; i <= k; ++i) {
    result = result * (n - k + i) / i;
  }
  return result;
}

void take_steps(u32 thread, u32 steps) {
  for (u32 i = 0; i < steps; ++i) {
    own_cell[thread].store(1, kRelaxed);
  }
}

/// `threads` threads, thread 0 among them, each of `steps` steps that are nobody else's business.
std::function<void()> independent(u32 threads, u32 steps) {
  return [=] {
    for (u32 i = 1; i < threads; ++i) {
      std::thread(take_steps, i, steps).detach();
    }
    take_steps(0, steps);
  };
}

// Steps are the stores, the beginning of each thread but the first one, and what makes threads.
// What must come before what is a tree: thread 0 makes one thread after the other, then takes its
// own steps. Its linear extensions are n! / (product of the sizes of all subtrees): Knuth, The Art
// of Computer Programming, 5.1.4, exercise 20.
u64 interleavings(u32 threads, u32 steps) {
  u64 extensions = 1;
  u64 size = 0;  // of the tree that is left
  const auto add_chain = [&](u64 length) {
    extensions *= binomial(size + length, length);
    size += length;
  };
  add_chain(steps);
  for (u32 i = 1; i < threads; ++i) {
    add_chain(steps + 1);
    ++size;  // what made it, the root
  }
  return extensions;
}

TEST(DepthFirst, SeesEachInterleavingOnce) {
  EXPECT_EQ(interleavings(2, 3), binomial(7, 3));
  for (const char* model : kModels) {
    for (const auto& [threads, steps] : std::vector<std::pair<u32, u32>>{
             {1, 5}, {2, 1}, {2, 2}, {2, 3}, {2, 5}, {3, 1}, {3, 2}, {4, 0}, {4, 1}}) {
      EXPECT_EQ(search(model, depth_first(), independent(threads, steps)).complete,
                interleavings(threads, steps))
          << model << " " << threads << " threads, " << steps << " steps";
    }
  }
}

// A store that comes late does not come between an update and what it read. Under SC nothing is
// late.
TEST(DepthFirst, DoesNotCountWhatTheModelRefuses) {
  const auto body = [] {
    static std::atomic<int> x{0};
    std::thread([] { x.store(5, kRelaxed); }).detach();
    x.fetch_add(1, kRelaxed);
  };
  EXPECT_EQ(search("sc", depth_first(), body).complete, 3u);
  EXPECT_EQ(search("tso", depth_first(), body).complete, 4u);
  EXPECT_EQ(search("rc11", depth_first(), body).complete, 4u);
}

/// Of two threads, thread 0 has the turn first. Its steps, and those of the other, fall into
/// blocks; each change is a preemption but the last one, where a thread has finished.
u64 with_preemptions(u32 steps, u32 preemptions) {
  return binomial(steps, (preemptions + 1) / 2) * binomial(steps, preemptions / 2);
}

TEST(DepthFirst, CountsPreemptions) {
  for (u32 steps = 1; steps <= 4; ++steps) {
    u64 expected = 0;
    for (u32 bound = 0; bound <= 2 * steps + 1; ++bound) {
      expected += with_preemptions(steps, bound);
      const Census census = search("sc", depth_first(bound), independent(2, steps));
      EXPECT_EQ(census.complete, expected) << steps << " steps, " << bound << " preemptions";
      EXPECT_EQ(census.preempted, bound < 2 * steps) << steps << " steps, " << bound;
    }
    EXPECT_EQ(expected, interleavings(2, steps));
  }
}

/// In thread 0, and in another one.
void run_beside(const std::function<void()>& mine, const std::function<void()>& other) {
  std::thread thread(other);
  mine();
  thread.join();
}

/// To see 1, then 2, takes a preemption of either thread.
void see_both_values() {
  static std::atomic<int> x{0};
  std::thread([] {
    const int first = x.load(kRelaxed);
    const int second = x.load(kRelaxed);
    HEDDLE_CHECK(first != 1 || second != 2);
  }).detach();
  x.store(1, kRelaxed);
  x.store(2, kRelaxed);
}

TEST(DepthFirst, FindsWithTheFewestPreemptions) {
  EXPECT_EQ(find("sc", depth_first(1), see_both_values).kind, "");
  for (const u32 bound : {2u, 3u, 100u}) {
    const Found found = find("sc", depth_first(bound), see_both_values);
    EXPECT_EQ(found.kind, "check");
    EXPECT_EQ(found.changes, 3u) << bound;  // the last one where thread 0 has finished
  }
  EXPECT_EQ(find("sc", depth_first(), see_both_values).kind, "check");
}

// The threads run one after the other, the last one first.
TEST(DepthFirst, FindingsAreToldAsTheyWereFound) {
  const auto body = [] {
    static std::atomic<int> x{0};
    std::thread([] {
      own_cell[1].store(1, kRelaxed);
      HEDDLE_CHECK(x.load(kRelaxed) != 1);
    }).detach();
    std::thread([] { x.store(1, kRelaxed); }).detach();
  };
  for (const char* model : kModels) {
    const Found found = find(model, depth_first(0), body);
    EXPECT_EQ(found.kind, "check") << model;
    EXPECT_EQ(found.changes, 2u) << model;
  }
}

// Who may read the older value later on need not be interrupted.
TEST(DepthFirst, StaleValuesNeedFewerPreemptions) {
  EXPECT_EQ(find("rc11", depth_first(0), see_both_values).kind, "check");
}

TEST(DepthFirst, ToYieldIsNoPreemption) {
  const auto body = [](bool yields) {
    return [=] {
      std::atomic<int> x{0};
      run_beside(
          [&] {
            x.store(1, kRelaxed);
            if (yields) {
              std::this_thread::yield();
            }
            x.store(2, kRelaxed);
          },
          [&] { HEDDLE_CHECK(x.load(kRelaxed) != 1); });
    };
  };
  EXPECT_EQ(find("sc", depth_first(0), body(true)).kind, "check");
  EXPECT_EQ(find("sc", depth_first(0), body(false)).kind, "");
  EXPECT_EQ(find("sc", depth_first(1), body(false)).kind, "check");
}

TEST(DepthFirst, FindsDeadlocks) {
  const auto body = [] {
    std::mutex a;
    std::mutex b;
    both(
        [&] {
          const std::lock_guard first(a);
          const std::lock_guard second(b);
        },
        [&] {
          const std::lock_guard first(b);
          const std::lock_guard second(a);
        });
  };
  for (const char* model : kModels) {
    for (const Budget& budget : {depth_first(), depth_first(1)}) {
      EXPECT_EQ(find(model, budget, body).kind, "deadlock") << model;
    }
    EXPECT_EQ(find(model, depth_first(0), body).kind, "") << model;
  }
}

TEST(DepthFirst, FindsStaleValues) {
  const auto body = [] {
    std::atomic<int> data{0};
    std::atomic<int> ready{0};
    both([&] { data.store(1, kRelaxed), ready.store(1, kRelaxed); },
         [&] { HEDDLE_CHECK(ready.load(kRelaxed) == 0 || data.load(kRelaxed) == 1); });
  };
  EXPECT_EQ(find("sc", depth_first(), body).kind, "");
  EXPECT_EQ(find("tso", depth_first(), body).kind, "");
  EXPECT_EQ(find("rc11", depth_first(0), body).kind, "check");
}

TEST(DepthFirst, TriesAllThatIsDecided) {
  for (const char* model : kModels) {
    u32 seen = 0;
    const Census census = search(model, depth_first(), [&] {
      const u32 value = heddle_choose(3) * 2;
      seen |= 1u << (value + heddle_choose(2));
    });
    EXPECT_EQ(census.complete, 6u);
    EXPECT_EQ(seen, 0b111111u);
  }
}

TEST(DepthFirst, SpinsAreCut) {
  const auto body = [](bool helps) {
    return [=] {
      std::atomic<int> x{0};
      both([&] { x.store(helps ? 1 : 2, kRelaxed); },
           [&] {
             while (x.load(kRelaxed) != 1) {
             }
           });
    };
  };
  for (const char* model : kModels) {
    const Census census = search(model, depth_first(), body(true));
    EXPECT_FALSE(census.bounded);
    EXPECT_GT(census.complete, 0u);
    EXPECT_GT(census.blocked, 0u);
    EXPECT_EQ(find(model, depth_first(), body(false)).kind, "livelock");
  }
}

/// A bit for each value that `body` returned under either search.
u32 values(const char* model, const char* search, const std::function<u32()>& body) {
  exploration::Settings settings = settings_of(model);
  settings.faults =
      exec::fault(exec::DecisionKind::kWeakCas) | exec::fault(exec::DecisionKind::kSpuriousWakeup);
  u32 seen = 0;
  const std::function<void()> noting = [&] { seen |= 1u << body(); };
  Session session(noting, settings);
  Budget budget;
  budget.search = search;
  const Census census = session.check(budget,
                                      [](const exec::Finding& finding, const Census&) {
                                        ADD_FAILURE() << finding.message.data;
                                        return false;
                                      },
                                      {});
  EXPECT_TRUE(census.finished && !census.bounded);
  return seen;
}

u32 wait_with_time_out() {
  std::mutex mutex;
  std::condition_variable condition;
  bool ready = false;
  u32 value = 0;
  both(
      [&] {
        std::unique_lock lock(mutex);
        if (!ready) {
          const bool out =
              condition.wait_for(lock, std::chrono::seconds(1)) == std::cv_status::timeout;
          value = out ? 1 : 2;
        }
        value += ready ? 3 : 0;
      },
      [&] {
        const std::lock_guard lock(mutex);
        ready = true;
        condition.notify_all();
      });
  return value;
}

u32 fail_to_exchange() {
  std::atomic<int> x{0};
  u32 value = 0;
  const auto exchange = [&x] {
    int expected = 0;
    return x.compare_exchange_weak(expected, 1, kRelaxed) ? 1u : 0u;
  };
  both([&] { value = exchange() + 2 * exchange(); }, [&] { exchange(); });
  return value;
}

u32 try_to_lock() {
  std::mutex mutex;
  u32 value = 0;
  both([&] { const std::lock_guard lock(mutex); },
       [&] {
         value = mutex.try_lock() ? 1 : 0;
         if (value != 0) {
           mutex.unlock();
         }
       });
  return value;
}

TEST(DepthFirst, SeesWhatTheExplorerSees) {
  for (const auto body : {wait_with_time_out, fail_to_exchange, try_to_lock}) {
    for (const char* model : kModels) {
      const u32 expected = values(model, "dpor", body);
      EXPECT_GT(std::popcount(expected), 1);
      EXPECT_EQ(values(model, "dfs", body), expected) << model;
    }
  }
}

TEST(DepthFirst, IsTheSameEachTime) {
  for (const char* model : kModels) {
    const Found first = find(model, depth_first(), see_both_values);
    const Found second = find(model, depth_first(), see_both_values);
    EXPECT_EQ(first.executions, second.executions);
    ASSERT_EQ(first.schedule.size(), second.schedule.size());
    for (std::size_t i = 0; i < first.schedule.size(); ++i) {
      EXPECT_EQ(first.schedule[i].decision, second.schedule[i].decision);
      EXPECT_EQ(first.schedule[i].choice, second.schedule[i].choice);
    }
  }
}

TEST(DepthFirst, ShardsAddUp) {
  const auto body = [] {
    std::atomic<int> x{0};
    both([&] { heddle_assume(x.fetch_add(1, kRelaxed) == 0), x.store(3, kRelaxed); },
         [&] { x.fetch_add(1, kRelaxed), x.load(kRelaxed), x.store(3, kRelaxed); });
  };
  for (const char* model : kModels) {
    for (const u32 preemptions : {0u, 1u, 3u, 100u, exploration::kUnbounded}) {
      Budget budget = depth_first(preemptions);
      const Census whole = search(model, budget, body);
      for (const u32 count : {2u, 3u, 7u}) {
        Census sum;
        for (u32 i = 0; i < count; ++i) {
          budget.shard = {i, count};
          const Census part = search(model, budget, body);
          sum.complete += part.complete;
          sum.blocked += part.blocked;
          sum.preempted |= part.preempted;
        }
        EXPECT_EQ(sum.complete, whole.complete) << model << " " << preemptions << " " << count;
        EXPECT_EQ(sum.blocked, whole.blocked) << model << " " << preemptions << " " << count;
        EXPECT_EQ(sum.preempted, whole.preempted) << model << " " << preemptions << " " << count;
      }
    }
  }
}

// An execution that is cut short by the end of the time has taken fewer decisions than it repeats.
TEST(DepthFirst, IsInterruptedAnywhere) {
  const std::function<void()> body = [] {
    std::atomic<int> x{0};
    const auto count = [&] {
      for (u32 i = 0; i < 1'000; ++i) {
        x.fetch_add(1, kRelaxed);
      }
    };
    std::thread other(count);
    count();
    other.join();
  };
  Budget budget = depth_first();
  budget.seconds = 0.05;
  for (u32 i = 0; i < 10; ++i) {
    Session session(body, settings_of("sc"));
    const Census census = session.check(budget,
                                        [](const exec::Finding& finding, const Census&) {
                                          ADD_FAILURE() << finding.message.data;
                                          return false;
                                        },
                                        {});
    EXPECT_FALSE(census.diverged || census.finished) << i;
  }
}

}  // namespace
}  // namespace heddle::testing
