// Operations on one object that commute: exhaustive search does not tell their orders apart, and
// finds all that plain backtracking over schedules finds.
#include <array>
#include <atomic>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <pthread.h>
#include <string>
#include <thread>

#include "base/rng.hpp"
#include "execution_log.hpp"
#include "explore/session.hpp"

namespace heddle::testing {
namespace {

using exploration::Budget;
using exploration::Census;

enum class Action : u8 { kLoad, kStore, kArrive, kArriveAndAsk, kLockAndStore };

struct Operation {
  Action action;
  u8 location;
};

/// Threads that do this, with a barrier for some of them.
struct Program {
  std::vector<std::vector<Operation>> threads;
  u32 parties;
};

std::string to_text(const Program& program) {
  constexpr const char* kNames[] = {"load", "store", "arrive", "ask", "locked-store"};
  std::string text = "parties " + std::to_string(program.parties);
  for (const std::vector<Operation>& thread : program.threads) {
    text += " ||";
    for (const Operation& operation : thread) {
      text += std::string(" ") + kNames[static_cast<u8>(operation.action)] +
              std::to_string(operation.location);
    }
  }
  return text;
}

/// Lines of the log: locations, then the mutex, then threads.
constexpr u32 kLocations = 2;
constexpr u32 kMutexLine = kLocations;
constexpr u32 kThreadLines = kMutexLine + 1;

struct Machine {
  bool interleaves;  // then stores come in the order of coherence
  std::atomic<int> memory[kLocations] = {};
  std::mutex mutex;
  pthread_barrier_t barrier;
};

void store(Machine& machine, u32 location, int value, ExecutionLog& log) {
  machine.memory[location].store(value, std::memory_order_relaxed);
  if (machine.interleaves) {
    log.note(location, static_cast<u64>(value));
  }
}

void execute(const Operation& operation, u32 id, int value, Machine& machine, ExecutionLog& log) {
  const u32 line = kThreadLines + id;
  switch (operation.action) {
    case Action::kLoad: {
      const int read = machine.memory[operation.location].load(std::memory_order_relaxed);
      log.note(line, static_cast<u64>(read));
      break;
    }
    case Action::kStore: store(machine, operation.location, value, log); break;
    case Action::kLockAndStore: {
      const std::lock_guard lock(machine.mutex);
      log.note(kMutexLine, static_cast<u64>(value));
      store(machine, operation.location, value, log);
      break;
    }
    case Action::kArrive:
      pthread_barrier_wait(&machine.barrier);
      log.note(line, round_of_this_thread());
      break;
    case Action::kArriveAndAsk: {
      const bool serial = pthread_barrier_wait(&machine.barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
      log.note(line, round_of_this_thread() * 2 + serial);
      break;
    }
  }
}

void run(const Program& program, bool interleaves, ExecutionLog& log) {
  Machine machine = {};
  machine.interleaves = interleaves;
  pthread_barrier_init(&machine.barrier, nullptr, program.parties);
  log.begin();
  std::thread threads[4];
  for (u32 id = 0; id < program.threads.size(); ++id) {
    threads[id] = std::thread([&machine, &log, &program, id] {
      int value = static_cast<int>(id) * 10;
      for (const Operation& operation : program.threads[id]) {
        execute(operation, id, ++value, machine, log);
      }
    });
  }
  for (u32 id = 0; id < program.threads.size(); ++id) {
    threads[id].join();
  }
  for (u32 location = 0; location < kLocations; ++location) {
    log.note(location, static_cast<u64>(machine.memory[location].load(std::memory_order_relaxed)));
  }
  log.end();
}

struct Seen {
  Census census;
  u64 ended;
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
  const bool interleaves = settings.model == "sc";
  const std::function<void()> body = [&] { run(program, interleaves, log); };
  exploration::Session session(body, settings);
  const Census census = session.check(budget,
                                      [](const exec::Finding& finding, const Census&) {
                                        EXPECT_EQ(finding.kind, exec::FindingKind::kDeadlock)
                                            << finding.message.data;
                                        return false;
                                      },
                                      {});
  EXPECT_FALSE(census.diverged || census.bounded) << to_text(program);
  return {census, log.ended(), log.classes()};
}

/// Under SC, where the log is all there is to an execution, also that none comes twice; but for
/// rounds of a barrier that has fewer places than threads come.
/// False if threads may wait for ever, or if there are too many schedules to know.
bool expect_agreement(const Program& program, const char* model) {
  constexpr u64 kSchedulesMax = 40'000;
  const Seen truth = search(program, model, "dfs", kSchedulesMax);
  if (!truth.census.finished || truth.census.with_finding != 0) {
    return false;
  }
  const Seen seen = search(program, model, "dpor", ~u64{0});
  const std::string title = std::string(model) + ": " + to_text(program);
  EXPECT_TRUE(seen.census.finished) << title;
  EXPECT_EQ(seen.census.complete, seen.ended) << title;
  EXPECT_EQ(seen.classes, truth.classes) << title;
  EXPECT_EQ(seen.census.with_finding, 0u) << title;
  if (std::string(model) == "sc" && program.parties == program.threads.size()) {
    EXPECT_EQ(seen.ended, seen.classes.size()) << title;
  }
  return true;
}

/// All threads arrive as often.
Program random_program(u64 seed, u32 threads, u32 length) {
  constexpr Action kArrivals[] = {Action::kArrive, Action::kArriveAndAsk};
  constexpr Action kOthers[] = {Action::kLoad, Action::kStore, Action::kLockAndStore};
  Rng rng(seed);
  Program program;
  program.parties = rng.below(3) == 0 ? 1 + rng.below(threads) : threads;
  const u32 arrivals = threads == 2 ? 1 + rng.below(2) : 1;
  const u32 kinds = 1 + rng.below(2);
  for (u32 i = 0; i < threads; ++i) {
    std::vector<Operation>& thread = program.threads.emplace_back();
    for (u32 left = rng.below(length + 1); left > 0; --left) {
      thread.push_back({kOthers[rng.below(3)], static_cast<u8>(rng.below(kLocations))});
    }
    for (u32 left = arrivals; left > 0; --left) {
      const auto place = rng.below(static_cast<u32>(thread.size()) + 1);
      thread.insert(thread.begin() + place, Operation{kArrivals[rng.below(kinds)], 0});
    }
  }
  return program;
}

TEST(Commuting, RandomPrograms) {
  u32 finished = 0;
  for (u64 i = 0; i < 60; ++i) {
    const u32 threads = 2 + static_cast<u32>(i % 3 != 0);
    const Program program = random_program(i, threads, threads == 2 ? 2 : 1);
    for (const char* model : {"sc", "rc11"}) {
      finished += expect_agreement(program, model);
    }
  }
  EXPECT_GT(finished, 20u);
}

Seen search_same(const char* model, u32 threads, u32 parties, const std::vector<Operation>& each) {
  const Program program = {std::vector<std::vector<Operation>>(threads, each), parties};
  const Seen seen = search(program, model, "dpor", ~u64{0});
  EXPECT_TRUE(seen.census.finished);
  return seen;
}

u64 executions(const char* model, u32 threads, u32 parties, const std::vector<Operation>& each) {
  return search_same(model, threads, parties, each).census.complete;
}

// All arrive in whatever order: that is one execution.
TEST(Commuting, ArrivalsOfARound) {
  constexpr Operation kArrive = {Action::kArrive, 0};
  for (const char* model : {"sc", "tso", "rc11"}) {
    for (u32 threads = 1; threads <= 4; ++threads) {
      EXPECT_EQ(executions(model, threads, threads, {kArrive}), 1u) << model << threads;
      EXPECT_EQ(executions(model, threads, threads, {kArrive, kArrive, kArrive}), 1u);
    }
  }
}

// Who asks is told who is the serial thread, and there are as many executions as choices.
TEST(Commuting, SerialThreads) {
  constexpr Operation kAsk = {Action::kArriveAndAsk, 0};
  for (const char* model : {"sc", "tso", "rc11"}) {
    for (u32 threads = 1; threads <= 4; ++threads) {
      EXPECT_EQ(executions(model, threads, threads, {kAsk}), threads) << model;
      EXPECT_EQ(executions(model, threads, threads, {kAsk, kAsk}), threads * threads) << model;
    }
  }
}

// If more threads come than a round has places, they make different rounds, one after another.
TEST(Commuting, Rounds) {
  constexpr Operation kArrive = {Action::kArrive, 0};
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(executions(model, 2, 1, {kArrive}), 2u) << model;                  // 2!
    EXPECT_EQ(executions(model, 3, 1, {kArrive}), 6u) << model;                  // 3!
    EXPECT_EQ(search_same(model, 4, 2, {kArrive}).classes.size(), 6u) << model;  // 4! / (2! 2!)
  }
}

// Orders of stores on either side of the barrier: 2! before, 2! behind.
TEST(Commuting, StoresAroundABarrier) {
  constexpr Operation kStore = {Action::kStore, 0};
  constexpr Operation kArrive = {Action::kArrive, 0};
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(executions(model, 2, 2, {kStore, kArrive, kStore}), 4u) << model;
    EXPECT_EQ(executions(model, 3, 3, {kStore, kArrive, kStore}), 36u) << model;
  }
}

}  // namespace
}  // namespace heddle::testing
