// Goal: ThreadSanitizer and the race oracle judge the same executions alike. Method: random small
// programs under random schedules; where the two differ, it must be for a reason known beforehand.
#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "base/rng.hpp"
#include "explore/session.hpp"
#include "tests/explore_helpers.hpp"

extern "C" void __real___tsan_write4(void* address);  // ThreadSanitizer's own, past the hook

namespace {

using heddle::Rng;
using heddle::u32;
using heddle::u64;
using heddle::testing::both;

/// How executions were judged.
struct Verdicts {
  u64 clean = 0;
  u64 agreed = 0;           // both see the race
  u64 oracle_alone = 0;     // ThreadSanitizer is silent
  u64 sanitizer_alone = 0;  // Heddle is
};

Verdicts judge(const std::function<void()>& body, u64 executions, u64 rng_seed = 1,
               const heddle::exploration::Settings& settings = {}) {
  Verdicts verdicts;
  heddle::exploration::Session session(body, settings);
  heddle::exploration::Budget budget;
  budget.executions = executions;
  budget.rng_seed = rng_seed;
  const auto tally = session.run(
      budget,
      [&](const heddle::exec::Finding& finding, const heddle::exploration::Tally&) {
        EXPECT_EQ(finding.kind, heddle::exec::FindingKind::kRace) << finding.message.data;
        const std::string opinion = finding.second_opinion;
        EXPECT_EQ(opinion.empty(), std::string(finding.rule) == "tsan-data-race");
        ++(opinion == "agrees"   ? verdicts.agreed
           : opinion == "silent" ? verdicts.oracle_alone
                                 : verdicts.sanitizer_alone);
        return true;
      },
      nullptr);
  verdicts.clean = tally.executions - tally.with_finding;
  return verdicts;
}

enum class Action {
  kRead,
  kWrite,
  kAtomicRead,   // of an object that others access plainly
  kAtomicWrite,  // the same
  kLockedWrite,
  kSharedRead,
  kExclusiveWrite,
  kLoad,
  kStore,
  kUpdate,
  kCompareExchange,
  kFence,
  kCount
};

struct Step {
  Action action;
  u32 object;
  std::memory_order order;
};

constexpr u32 kThreads = 3;
constexpr u32 kObjects = 2;
// ThreadSanitizer remembers four accesses to eight bytes; one is the object's initialisation.
constexpr u32 kAccessesMax = 3;

struct Program {
  std::vector<Step> threads[kThreads];
  // What ThreadSanitizer does not see in full.
  bool ends_release_sequences = false;  // a relaxed store does; to ThreadSanitizer they go on
  bool hides_atomic_writes = false;     // a thread's plain read takes the place of its atomic write
};

bool is_plain_read(Action action) {
  return action == Action::kRead || action == Action::kSharedRead;
}

bool is_plain_object(Action action) { return action < Action::kLoad; }

std::memory_order some_order(Action action, Rng& rng) {
  using std::memory_order;
  const memory_order loads[] = {memory_order::relaxed, memory_order::acquire,
                                memory_order::seq_cst};
  const memory_order stores[] = {memory_order::relaxed, memory_order::release,
                                 memory_order::seq_cst};
  const memory_order updates[] = {memory_order::relaxed, memory_order::acquire,
                                  memory_order::release, memory_order::acq_rel,
                                  memory_order::seq_cst};
  const memory_order fences[] = {memory_order::acquire, memory_order::release,
                                 memory_order::acq_rel, memory_order::seq_cst};
  switch (action) {
    case Action::kLoad: return loads[rng.below(3)];
    case Action::kStore: return stores[rng.below(3)];
    case Action::kFence: return fences[rng.below(4)];
    default: return updates[rng.below(5)];
  }
}

Program some_program(u64 number) {
  Rng rng(number);
  Program program;
  u32 accesses[kObjects] = {};
  for (auto& steps : program.threads) {
    bool written_atomically[kObjects] = {};
    for (u32 left = 2 + rng.below(5); left > 0; --left) {
      const auto action = static_cast<Action>(rng.below(static_cast<u32>(Action::kCount)));
      const u32 object = rng.below(kObjects);
      if (is_plain_object(action) && ++accesses[object] > kAccessesMax) {
        continue;
      }
      const std::memory_order order = some_order(action, rng);
      program.ends_release_sequences |=
          action == Action::kStore && order == std::memory_order::relaxed;
      program.hides_atomic_writes |= is_plain_read(action) && written_atomically[object];
      written_atomically[object] |= action == Action::kAtomicWrite;
      steps.push_back(Step{action, object, order});
    }
  }
  return program;
}

struct Objects {
  struct alignas(8) {
    int value = 0;
  } plain[kObjects];
  std::atomic<int> atomic[kObjects] = {0, 0};
  std::mutex mutex;
  std::shared_mutex shared_mutex;
};

void perform(Objects& objects, const Step& step) {
  int& plain = objects.plain[step.object].value;
  std::atomic<int>& atomic = objects.atomic[step.object];
  switch (step.action) {
    case Action::kRead: static_cast<void>(*const_cast<volatile int*>(&plain)); break;
    case Action::kWrite: plain = 1; break;
    case Action::kAtomicRead:
      static_cast<void>(std::atomic_ref<int>(plain).load(std::memory_order::relaxed));
      break;
    case Action::kAtomicWrite:
      std::atomic_ref<int>(plain).store(2, std::memory_order::relaxed);
      break;
    case Action::kLockedWrite: {
      const std::lock_guard lock(objects.mutex);
      plain = 3;
      break;
    }
    case Action::kSharedRead: {
      const std::shared_lock lock(objects.shared_mutex);
      static_cast<void>(*const_cast<volatile int*>(&plain));
      break;
    }
    case Action::kExclusiveWrite: {
      const std::unique_lock lock(objects.shared_mutex);
      plain = 4;
      break;
    }
    case Action::kLoad: static_cast<void>(atomic.load(step.order)); break;
    case Action::kStore: atomic.store(1, step.order); break;
    case Action::kUpdate: atomic.fetch_add(1, step.order); break;
    case Action::kCompareExchange: {
      int expected = 1;
      atomic.compare_exchange_strong(expected, 2, step.order, std::memory_order::relaxed);
      break;
    }
    case Action::kFence: std::atomic_thread_fence(step.order); break;
    case Action::kCount: break;
  }
}

void run(const Program& program) {
  Objects objects;
  std::vector<std::thread> threads;
  for (const auto& steps : program.threads) {
    threads.emplace_back([&objects, &steps] {
      for (const Step& step : steps) {
        perform(objects, step);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST(SecondOpinion, IsTheSameOfRandomPrograms) {
  Verdicts total;
  for (u64 number = 0; number < 300; ++number) {
    const Program program = some_program(number);
    const Verdicts verdicts = judge([&] { run(program); }, 20, number);
    EXPECT_EQ(verdicts.sanitizer_alone, 0u) << "program " << number;
    if (!program.ends_release_sequences && !program.hides_atomic_writes) {
      EXPECT_EQ(verdicts.oracle_alone, 0u) << "program " << number;
    }
    total.clean += verdicts.clean;
    total.agreed += verdicts.agreed;
    total.oracle_alone += verdicts.oracle_alone;
  }
  EXPECT_GT(total.clean, 1000u);
  EXPECT_GT(total.agreed, 1000u);
  std::printf("clean: %llu; race, both: %llu; race, ThreadSanitizer silent: %llu\n",
              static_cast<unsigned long long>(total.clean),
              static_cast<unsigned long long>(total.agreed),
              static_cast<unsigned long long>(total.oracle_alone));
}

void message_passing_through_relaxed_store() {
  Objects objects;
  both(
      [&] {
        objects.plain[0].value = 1;
        objects.atomic[0].store(1, std::memory_order::release);
        objects.atomic[0].store(2, std::memory_order::relaxed);
      },
      [&] {
        if (objects.atomic[0].load(std::memory_order::acquire) == 2) {
          objects.plain[0].value = 2;
        }
      });
}

TEST(SecondOpinion, IsSilentWhereARelaxedStoreEndsAReleaseSequence) {
  const Verdicts verdicts = judge(message_passing_through_relaxed_store, 200);
  EXPECT_GT(verdicts.oracle_alone, 0u);
  EXPECT_EQ(verdicts.agreed + verdicts.sanitizer_alone, 0u);
}

void plain_read_behind_atomic_write() {
  Objects objects;
  int& object = objects.plain[0].value;
  both(
      [&] {
        std::atomic_ref<int>(object).store(1, std::memory_order::relaxed);
        static_cast<void>(*const_cast<volatile int*>(&object));
        objects.atomic[0].store(1, std::memory_order::relaxed);
      },
      [&] {
        if (objects.atomic[0].load(std::memory_order::relaxed) == 1) {
          static_cast<void>(*const_cast<volatile int*>(&object));
        }
      });
}

TEST(SecondOpinion, IsSilentWhereAReadTakesThePlaceOfAnAtomicWrite) {
  const Verdicts verdicts = judge(plain_read_behind_atomic_write, 200);
  EXPECT_GT(verdicts.oracle_alone, 0u);
  EXPECT_EQ(verdicts.agreed + verdicts.sanitizer_alone, 0u);
}

void message_passing_by_fences(bool acquire_fence) {
  Objects objects;
  both(
      [&] {
        objects.plain[0].value = 1;
        std::atomic_thread_fence(std::memory_order::release);
        objects.atomic[0].store(1, std::memory_order::relaxed);
      },
      [&] {
        if (objects.atomic[0].load(std::memory_order::relaxed) == 1) {
          if (acquire_fence) {
            std::atomic_thread_fence(std::memory_order::acquire);
          }
          objects.plain[0].value = 2;
        }
      });
}

TEST(SecondOpinion, KnowsFences) {
  EXPECT_EQ(judge([] { message_passing_by_fences(true); }, 200).clean, 200u);
  const Verdicts verdicts = judge([] { message_passing_by_fences(false); }, 200);
  EXPECT_GT(verdicts.agreed, 0u);
  EXPECT_EQ(verdicts.oracle_alone + verdicts.sanitizer_alone, 0u);
}

void write_after_fence_is_read() {
  Objects objects;
  both(
      [&] {
        std::atomic_thread_fence(std::memory_order::release);
        objects.plain[0].value = 1;  // behind the fence: the store does not publish it
        objects.atomic[0].store(1, std::memory_order::relaxed);
      },
      [&] {
        if (objects.atomic[0].load(std::memory_order::acquire) == 1) {
          objects.plain[0].value = 2;
        }
      });
}

TEST(SecondOpinion, KnowsWhatAFenceDoesNotPublish) {
  const Verdicts verdicts = judge(write_after_fence_is_read, 200);
  EXPECT_GT(verdicts.agreed, 0u);
  EXPECT_EQ(verdicts.oracle_alone + verdicts.sanitizer_alone, 0u);
}

// As by a shared library that was built for ThreadSanitizer: Heddle sees nothing of it.
void write_unseen_by_heddle() {
  Objects objects;
  const auto write = [&] { __real___tsan_write4(&objects.plain[0].value); };
  both(write, write);
}

TEST(SecondOpinion, IsAFindingWhereHeddleIsSilent) {
  for (const bool race_continue : {false, true}) {
    const Verdicts verdicts =
        judge(write_unseen_by_heddle, 200, 1, {.race_continue = race_continue});
    EXPECT_EQ(verdicts.sanitizer_alone, 200u);
  }
}

int global = 0;

// The shadow is as new for each execution: what an earlier one did is no half of a race.
TEST(SecondOpinion, DoesNotRemember) {
  EXPECT_EQ(judge(
                [] {
                  std::thread thread([] { ++global; });
                  thread.join();
                  ++global;
                },
                200)
                .clean,
            200u);
}

}  // namespace
