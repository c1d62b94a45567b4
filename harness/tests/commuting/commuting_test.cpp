// Operations on one object that commute: exhaustive search does not tell their orders apart, and
// finds all that plain backtracking over schedules finds.
#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <pthread.h>
#include <semaphore.h>
#include <string>
#include <thread>

#include "base/rng.hpp"
#include "execution_log.hpp"
#include "explore/session.hpp"

namespace heddle::testing {
namespace {

using exploration::Budget;
using exploration::Census;

enum class Action : u8 {
  kLoad,
  kStore,
  kExchange,
  kArrive,
  kArriveAndAsk,
  kLockAndStore,
  kReadLocked,
  kTryReadLocked,
  kWriteLocked,
  kTryWriteLocked,
  kPost,
  kTake,
  kTryTake,
};

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
  constexpr const char* kNames[] = {"load",         "store", "exchange", "arrive", "ask",
                                    "locked-store", "read",  "try-read", "write",  "try-write",
                                    "post",         "take",  "try-take"};
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

/// Lines of the log: locations, then objects, then threads. Who shares an object knows what comes
/// before of those who do not, and they know who has shared it.
constexpr u32 kLocations = 2;
constexpr u32 kMutexLine = kLocations;
constexpr u32 kLockLine = kMutexLine + 1;
constexpr u32 kSharedLockLine = kLockLine + 1;
constexpr u32 kSemaphoreLine = kSharedLockLine + 1;
constexpr u32 kPostsLine = kSemaphoreLine + 1;
constexpr u32 kThreadLines = kPostsLine + 1;

struct Machine {
  bool interleaves;  // then stores come in the order of coherence
  std::atomic<int> memory[kLocations] = {};
  std::mutex mutex;
  pthread_barrier_t barrier;
  pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
  sem_t semaphore;
};

void store(Machine& machine, u32 location, int value, ExecutionLog& log) {
  machine.memory[location].store(value, std::memory_order_relaxed);
  if (machine.interleaves) {
    log.note(location, static_cast<u64>(value));
  }
}

void read(Machine& machine, u32 location, u32 line, ExecutionLog& log) {
  const int read = machine.memory[location].load(std::memory_order_relaxed);
  log.note(line, static_cast<u64>(read));
}

void exchange(Machine& machine, u32 location, int value, u32 line, ExecutionLog& log) {
  const int old = machine.memory[location].exchange(value, std::memory_order_relaxed);
  log.note(line, static_cast<u64>(old));
}

void note_shared(u32 line, ExecutionLog& log) {
  log.note(line, log.noted(kLockLine));
  log.note_unordered(kSharedLockLine, log.noted(line));
}

void note_exclusive(int value, ExecutionLog& log) {
  log.note(kLockLine, log.noted(kSharedLockLine) + static_cast<u64>(value));
}

void read_locked(Machine& machine, u32 location, u32 line, bool tries, ExecutionLog& log) {
  if (tries && pthread_rwlock_tryrdlock(&machine.lock) != 0) {
    log.note(line, log.noted(kLockLine));
    return;
  }
  if (!tries) {
    pthread_rwlock_rdlock(&machine.lock);
  }
  note_shared(line, log);
  read(machine, location, line, log);
  pthread_rwlock_unlock(&machine.lock);
  note_shared(line, log);
}

void write_locked(Machine& machine, u32 location, int value, u32 line, bool tries,
                  ExecutionLog& log) {
  if (tries && pthread_rwlock_trywrlock(&machine.lock) != 0) {
    note_exclusive(value, log);
    return;
  }
  if (!tries) {
    pthread_rwlock_wrlock(&machine.lock);
  }
  note_exclusive(value, log);
  exchange(machine, location, value, line, log);
  pthread_rwlock_unlock(&machine.lock);
  note_exclusive(value, log);
}

void take(Machine& machine, int value, bool tries, ExecutionLog& log) {
  if (tries) {
    sem_trywait(&machine.semaphore);
  } else {
    sem_wait(&machine.semaphore);
  }
  log.note(kSemaphoreLine, log.noted(kPostsLine) + static_cast<u64>(value));
}

void post(Machine& machine, u32 line, int value, ExecutionLog& log) {
  sem_post(&machine.semaphore);
  log.note(line, log.noted(kSemaphoreLine));
  log.note_unordered(kPostsLine, static_cast<u64>(value));
}

void execute(const Operation& operation, u32 id, int value, Machine& machine, ExecutionLog& log) {
  const u32 line = kThreadLines + id;
  switch (operation.action) {
    case Action::kLoad: read(machine, operation.location, line, log); break;
    case Action::kExchange: exchange(machine, operation.location, value, line, log); break;
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
    case Action::kReadLocked:
    case Action::kTryReadLocked:
      read_locked(machine, operation.location, line, operation.action == Action::kTryReadLocked,
                  log);
      break;
    case Action::kWriteLocked:
    case Action::kTryWriteLocked:
      write_locked(machine, operation.location, value, line,
                   operation.action == Action::kTryWriteLocked, log);
      break;
    case Action::kPost: post(machine, line, value, log); break;
    case Action::kTake:
    case Action::kTryTake: take(machine, value, operation.action == Action::kTryTake, log); break;
  }
}

void run(const Program& program, bool interleaves, ExecutionLog& log) {
  Machine machine = {};
  machine.interleaves = interleaves;
  pthread_barrier_init(&machine.barrier, nullptr, program.parties);
  sem_init(&machine.semaphore, 0, 1);
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

/// Ends at the first deadlock, or goes on.
Seen search(const Program& program, const char* model, const char* search, u64 executions,
            bool goes_on = false) {
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
                                      [=](const exec::Finding& finding, const Census&) {
                                        EXPECT_EQ(finding.kind, exec::FindingKind::kDeadlock)
                                            << finding.message.data;
                                        return goes_on;
                                      },
                                      {});
  EXPECT_FALSE(census.diverged || census.bounded) << to_text(program);
  return {census, log.ended(), log.classes()};
}

Seen search_same(const char* model, u32 threads, u32 parties, const std::vector<Operation>& each) {
  const Program program = {std::vector<std::vector<Operation>>(threads, each), parties};
  const Seen seen = search(program, model, "dpor", ~u64{0});
  EXPECT_TRUE(seen.census.finished);
  return seen;
}

u64 executions(const char* model, const Program& program) {
  const Seen seen = search(program, model, "dpor", ~u64{0});
  EXPECT_TRUE(seen.census.finished && seen.census.with_finding == 0) << to_text(program);
  return seen.census.complete;
}

u64 executions(const char* model, u32 threads, u32 parties, const std::vector<Operation>& each) {
  return search_same(model, threads, parties, each).census.complete;
}

/// What random schedules come to.
std::set<u64> sample(const Program& program, const char* model, u64 executions) {
  exploration::Settings settings;
  settings.model = model;
  settings.faults = 0;
  Budget budget;
  budget.executions = executions;
  ExecutionLog log;
  const std::function<void()> body = [&] { run(program, settings.model == "sc", log); };
  exploration::Session session(body, settings);
  session.run(budget, [](const exec::Finding&, const exploration::Tally&) { return true; }, {});
  return log.classes();
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

/// What random schedules come to is among what exhaustive search sees.
void expect_sampled(const Program& program) {
  const Seen seen = search(program, "sc", "dpor", ~u64{0}, true);
  const std::set<u64> sampled = sample(program, "sc", 1'000);
  EXPECT_TRUE(seen.census.finished) << to_text(program);
  EXPECT_EQ(seen.census.complete, seen.ended) << to_text(program);
  EXPECT_TRUE(
      std::includes(seen.classes.begin(), seen.classes.end(), sampled.begin(), sampled.end()))
      << to_text(program);
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

/// Of one kind of object, and of memory.
Program random_sharing(u64 seed, u32 threads, u32 length) {
  constexpr Action kOfLocks[] = {Action::kReadLocked, Action::kReadLocked, Action::kTryReadLocked,
                                 Action::kWriteLocked, Action::kTryWriteLocked};
  constexpr Action kOfSemaphores[] = {Action::kPost, Action::kPost, Action::kPost, Action::kTake,
                                      Action::kTryTake};
  constexpr Action kOfMemory[] = {Action::kLoad, Action::kExchange};
  Rng rng(seed);
  const auto& objects = rng.below(2) == 0 ? kOfLocks : kOfSemaphores;
  Program program;
  program.parties = threads;
  for (u32 i = 0; i < threads; ++i) {
    std::vector<Operation>& thread = program.threads.emplace_back();
    for (u32 left = 1 + rng.below(length); left > 0; --left) {
      const Action action = rng.below(4) == 0 ? kOfMemory[rng.below(2)] : objects[rng.below(5)];
      thread.push_back({action, static_cast<u8>(rng.below(kLocations))});
    }
  }
  return program;
}

TEST(Commuting, RandomSharing) {
  for (u64 i = 0; i < 400; ++i) {
    const u32 threads = 2 + static_cast<u32>(i % 3 != 0);
    expect_sampled(random_sharing(i, threads, threads == 2 ? 3 : 2));
  }
}

// Who tries to lock may come between others whatever they have waited for.
TEST(Commuting, ThoseWhoTryAmongThoseWhoWait) {
  const std::vector<Operation> lock = {{Action::kWriteLocked, 0}};
  const std::vector<Operation> attempt = {{Action::kTryWriteLocked, 0}};
  for (const char* model : {"sc", "tso", "rc11"}) {
    // 3! orders, and twice two locks in which the attempt fails.
    for (const auto& threads : {std::vector{attempt, lock, lock}, std::vector{lock, attempt, lock},
                                std::vector{lock, lock, attempt}}) {
      EXPECT_EQ(executions(model, {threads, 3}), 10u) << model;
    }
  }
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
