// Threads that wait for notifications, for values, for times: exhaustive search comes to all that
// plain backtracking over schedules comes to, and to nothing else.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <pthread.h>
#include <set>
#include <string>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "base/rng.hpp"
#include "execution_log.hpp"
#include "explore/session.hpp"

namespace heddle::testing {
namespace {

using namespace std::chrono_literals;

using exploration::Budget;
using exploration::Census;

enum class Action : u8 {
  kLoad,
  kStore,
  kSleep,       // on the word, if it is as at first
  kSleepAgain,  // if it is as somebody's first store makes it
  kSleepShort,  // until the time is up
  kWake,
  kWakeTwo,
  kWakeAll,
  kWait,  // for the condition, whatever is the case
  kWaitShort,
  kSignal,
  kSignalLocked,
  kBroadcast,
  kPoll,      // the word until somebody has stored, or the time is up
  kPollLong,  // a longer time
  kCopy,      // the word under the mutex, until it is as somebody has stored
  kLookAtCopy,
  kChangeCopy,
};

constexpr const char* kNames[] = {
    "load",      "store",    "sleep",     "sleep-again", "sleep-short",  "wake",
    "wake-two",  "wake-all", "wait",      "wait-short",  "signal",       "signal-locked",
    "broadcast", "poll",     "poll-long", "copy",        "look-at-copy", "change-copy"};

using Program = std::vector<std::vector<Action>>;

std::string to_text(const Program& program) {
  std::string text;
  for (const std::vector<Action>& thread : program) {
    text += " ||";
    for (const Action action : thread) {
      text += std::string(" ") + kNames[static_cast<u8>(action)];
    }
  }
  return text;
}

constexpr int kFirstStore = 1;

struct Machine {
  std::atomic<int> word = 0;
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  int copy = 0;  // the mutex's
};

u64 sleep_while(Machine& machine, int expected, const timespec* at_most) {
  return static_cast<u64>(syscall(SYS_futex, &machine.word, FUTEX_WAIT_PRIVATE, expected, at_most));
}

u64 wake(Machine& machine, int count) {
  return static_cast<u64>(syscall(SYS_futex, &machine.word, FUTEX_WAKE_PRIVATE, count));
}

u64 wait(Machine& machine, const timespec* until) {
  pthread_mutex_lock(&machine.mutex);
  const int result = until == nullptr
                         ? pthread_cond_wait(&machine.condition, &machine.mutex)
                         : pthread_cond_timedwait(&machine.condition, &machine.mutex, until);
  pthread_mutex_unlock(&machine.mutex);
  return static_cast<u64>(result);
}

u64 signal_locked(Machine& machine) {
  pthread_mutex_lock(&machine.mutex);
  pthread_cond_signal(&machine.condition);
  pthread_mutex_unlock(&machine.mutex);
  return 0;
}

u64 store(Machine& machine, int value) {
  machine.word.store(value, std::memory_order_relaxed);
  return 0;
}

/// True if the time is up first.
u64 poll(Machine& machine, std::chrono::nanoseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (machine.word.load(std::memory_order_relaxed) == 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return 1;
    }
  }
  return 0;
}

/// What `use` returns while nobody else has the mutex.
template <class Use>
u64 locked(Machine& machine, Use use) {
  pthread_mutex_lock(&machine.mutex);
  const int result = use();
  pthread_mutex_unlock(&machine.mutex);
  return static_cast<u64>(result);
}

u64 copy(Machine& machine) {
  while (locked(machine,
                [&] { return machine.copy = machine.word.load(std::memory_order_relaxed); }) == 0) {
  }
  return 0;
}

/// What its thread learns.
u64 execute(Action action, int value, Machine& machine) {
  const timespec soon = {0, 1};
  switch (action) {
    case Action::kLoad: return static_cast<u64>(machine.word.load(std::memory_order_relaxed));
    case Action::kStore: return store(machine, value);
    case Action::kSleep: return sleep_while(machine, 0, nullptr);
    case Action::kSleepAgain: return sleep_while(machine, kFirstStore, nullptr);
    case Action::kSleepShort: return sleep_while(machine, 0, &soon);
    case Action::kWake: return wake(machine, 1);
    case Action::kWakeTwo: return wake(machine, 2);
    case Action::kWakeAll: return wake(machine, 100);
    case Action::kWait: return wait(machine, nullptr);
    case Action::kWaitShort: return wait(machine, &soon);
    case Action::kSignal: return static_cast<u64>(pthread_cond_signal(&machine.condition));
    case Action::kSignalLocked: return signal_locked(machine);
    case Action::kBroadcast: return static_cast<u64>(pthread_cond_broadcast(&machine.condition));
    case Action::kCopy: return copy(machine);
    case Action::kLookAtCopy: return locked(machine, [&] { return machine.copy; });
    case Action::kChangeCopy:
      return locked(machine, [&] { return std::exchange(machine.copy, 5); });
    case Action::kPoll: return poll(machine, 1us);
    case Action::kPollLong: return poll(machine, 1s);
  }
  return 0;
}

void run(const Program& program, ExecutionLog& log) {
  Machine machine;
  log.begin();
  std::thread threads[4];
  for (u32 id = 0; id < program.size(); ++id) {
    threads[id] = std::thread([&machine, &log, &program, id] {
      for (const Action action : program[id]) {
        log.note(id, execute(action, kFirstStore, machine));
      }
    });
  }
  for (u32 id = 0; id < program.size(); ++id) {
    threads[id].join();
  }
  log.end();
}

struct Seen {
  Census census;
  std::set<u64> classes;
};

Seen search(const Program& program, const char* model, const char* search, u64 executions) {
  exploration::Settings settings;
  settings.model = model;
  settings.faults = 0;
  Budget budget;
  budget.search = search;
  budget.executions = executions;
  ExecutionLog log;
  const std::function<void()> body = [&] { run(program, log); };
  exploration::Session session(body, settings);
  const Census census = session.check(budget,
                                      [&](const exec::Finding& finding, const Census&) {
                                        EXPECT_EQ(finding.kind, exec::FindingKind::kDeadlock)
                                            << finding.message.data << to_text(program);
                                        return true;
                                      },
                                      {});
  EXPECT_FALSE(census.diverged || census.bounded) << model << ' ' << search << to_text(program);
  return {census, log.classes()};
}

/// What random schedules come to.
std::set<u64> sample(const Program& program, const char* model) {
  exploration::Settings settings;
  settings.model = model;
  settings.faults = 0;
  Budget budget;
  budget.executions = 500;
  ExecutionLog log;
  const std::function<void()> body = [&] { run(program, log); };
  exploration::Session session(body, settings);
  session.run(budget, [](const exec::Finding&, const exploration::Tally&) { return true; }, {});
  return log.classes();
}

bool includes(const std::set<u64>& all, const std::set<u64>& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

/// Of the schedules, as many as can be tried.
void expect_agreement(const Program& program, const char* model) {
  const Seen truth = search(program, model, "dfs", 1'000);
  const Seen seen = search(program, model, "dpor", ~u64{0});
  const std::string title = model + to_text(program);
  EXPECT_TRUE(seen.census.finished) << title;
  EXPECT_TRUE(includes(seen.classes, truth.classes)) << title;
  EXPECT_TRUE(includes(seen.classes, sample(program, model))) << title;
  if (truth.census.finished) {
    EXPECT_EQ(seen.classes, truth.classes) << title;
    EXPECT_EQ(seen.census.with_finding != 0, truth.census.with_finding != 0) << title;
  }
}

template <size_t kCount>
Program random_program(u64 seed, u32 threads, u32 length, const Action (&actions)[kCount]) {
  Rng rng(seed);
  Program program;
  for (u32 i = 0; i < threads; ++i) {
    std::vector<Action>& thread = program.emplace_back();
    for (u32 left = 1 + rng.below(length); left > 0; --left) {
      thread.push_back(actions[rng.below(kCount)]);
    }
  }
  return program;
}

template <size_t kCount>
void expect_agreements(const Action (&actions)[kCount]) {
  for (u64 i = 0; i < 12; ++i) {
    const u32 threads = 2 + static_cast<u32>(i % 3 != 0);
    const Program program = random_program(i, threads, threads == 2 ? 3 : 2, actions);
    for (const char* model : {"sc", "tso", "rc11"}) {
      expect_agreement(program, model);
    }
  }
}

TEST(Waiting, OnFutexes) {
  expect_agreements({Action::kSleep, Action::kSleep, Action::kSleepAgain, Action::kStore,
                     Action::kWake, Action::kWakeTwo, Action::kWakeAll, Action::kLoad});
}

TEST(Waiting, OnFutexesForATime) {
  expect_agreements(
      {Action::kSleepShort, Action::kSleep, Action::kStore, Action::kWake, Action::kWakeAll});
}

TEST(Waiting, ForConditions) {
  expect_agreements(
      {Action::kWait, Action::kWait, Action::kSignal, Action::kSignalLocked, Action::kBroadcast});
}

TEST(Waiting, ForConditionsForATime) {
  expect_agreements({Action::kWaitShort, Action::kWait, Action::kSignal, Action::kSignalLocked,
                     Action::kBroadcast});
}

TEST(Waiting, ForValuesForATime) {
  expect_agreements({Action::kPoll, Action::kPollLong, Action::kStore, Action::kLoad,
                     Action::kSleepShort, Action::kWakeAll});
}

// The first thread ends the waiting of all others.
TEST(Waiting, ForValuesThatAreCopied) {
  for (u64 i = 0; i < 12; ++i) {
    Program program = random_program(i, 1, 2, {Action::kChangeCopy, Action::kLookAtCopy});
    program[0].push_back(Action::kStore);
    for (const std::vector<Action>& thread :
         random_program(i, 1 + static_cast<u32>(i % 2), 2,
                        {Action::kCopy, Action::kChangeCopy, Action::kLookAtCopy})) {
      program.push_back(thread);
    }
    for (const char* model : {"sc", "tso", "rc11"}) {
      expect_agreement(program, model);
    }
  }
}

}  // namespace
}  // namespace heddle::testing
