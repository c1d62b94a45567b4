// Goal: exhaustive search judges the histories of each execution at all times that it leaves open:
// what random search finds wrong with a program, it finds, and what it does not find is not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <optional>
#include <vector>

#include "explore/session.hpp"
#include "heddle/heddle.hpp"
#include "models/queue.hpp"
#include "models/register.hpp"
#include "models/stack.hpp"

namespace heddle::testing {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

struct Register {
  std::atomic<std::int64_t> value{0};

  void write(std::int64_t to) { value.store(to); }
  std::int64_t read() { return value.load(); }
};

/// A thread that has read once goes on reading that: the register of somebody who never looked
/// again. Sequentially consistent, and wrong only because a write had returned before.
struct CachedRegister : Register {
  static thread_local std::optional<std::int64_t> cached;

  std::int64_t read() {
    if (!cached.has_value()) {
      cached = value.load(kRelaxed);
    }
    return *cached;
  }
};

thread_local std::optional<std::int64_t> CachedRegister::cached;

/// The wrong way round, under a lock.
class LastInFirstOut {
 public:
  void push(std::int64_t value) {
    const std::lock_guard guard(mutex_);
    values_[count_++] = value;
  }
  std::optional<std::int64_t> pop() {
    const std::lock_guard guard(mutex_);
    return count_ == 0 ? std::nullopt : std::optional(values_[--count_]);
  }

 private:
  std::mutex mutex_;
  std::int64_t values_[8] = {};
  unsigned count_ = 0;
};

/// Its parts are atomic, its operations are not.
class CarelessStack {
 public:
  void push(std::int64_t value) {
    const int at = count_.load();
    slots_[at].store(value);
    count_.store(at + 1);
  }
  std::optional<std::int64_t> pop() {
    const int count = count_.load();
    if (count == 0) {
      return std::nullopt;
    }
    const std::int64_t value = slots_[count - 1].load();
    count_.store(count - 1);
    return value;
  }

 private:
  std::atomic<int> count_{0};
  std::atomic<std::int64_t> slots_[8] = {};
};

template <class R>
void declare_register(Target& t) {
  auto s = t.subject<R>();
  s.op("write", &R::write, t.ints(1, 2));
  s.op("read", &R::read);
  s.template linearizable<models::register_>();
  t.threads(2, 2);
  t.setup_operations(0);
}

template <class S, class Model>
void declare_container(Target& t) {
  auto s = t.subject<S>();
  s.op("push", &S::push, t.ints(1, 2));
  s.op("pop", &S::pop);
  s.template linearizable<Model>();
  t.threads(2, 2);
  t.setup_operations(0);
}

HEDDLE_TARGET(histories_register, t) { declare_register<Register>(t); }
HEDDLE_TARGET(histories_cached_register, t) { declare_register<CachedRegister>(t); }
HEDDLE_TARGET(histories_lifo, t) { declare_container<LastInFirstOut, models::queue>(t); }
HEDDLE_TARGET(histories_locked_stack, t) { declare_container<LastInFirstOut, models::stack>(t); }
HEDDLE_TARGET(histories_careless_stack, t) { declare_container<CarelessStack, models::stack>(t); }

using Steps = std::vector<target::ProgramStep>;

constexpr u16 kWrite = 0;
constexpr u16 kRead = 1;
constexpr u16 kPush = 0;
constexpr u16 kPop = 1;

target::Program program_of(Steps steps) {
  target::Program program;
  for (const target::ProgramStep& step : steps) {
    program.workers = std::max(program.workers, u32{step.thread});
  }
  program.steps = std::move(steps);
  return program;
}

exploration::Settings under(const char* model) {
  exploration::Settings settings;
  settings.model = model;
  settings.faults = 0;
  return settings;
}

struct Verdict {
  u64 complete = 0;
  u64 wrong = 0;
};

/// Each finding must be one of the history, and be so again as ordinary decisions.
Verdict check(const char* target, const target::Program& program, const char* model) {
  exploration::Session session(*target::find_target(target), under(model));
  session.set_program(program);
  const exploration::Census census = session.check(
      {},
      [&](const exec::Finding& finding, const exploration::Census&) {
        EXPECT_EQ(finding.kind, exec::FindingKind::kLinearizability) << finding.message.data;
        exploration::Divergence divergence;
        session.record(divergence);
        EXPECT_FALSE(divergence.diverged) << divergence.message;
        return true;
      },
      {});
  EXPECT_TRUE(census.finished && !census.diverged) << target << " " << model;
  return Verdict{census.complete, census.with_finding};
}

Verdict check(const char* target, Steps steps, const char* model) {
  return check(target, program_of(std::move(steps)), model);
}

/// A write, and a thread that reads twice.
Steps write_and_two_reads(u16 writer, u16 reader) {
  return {{writer, kWrite, {1}}, {reader, kRead, {}}, {reader, kRead, {}}};
}

// The read reads 0 or 1: two executions, of which the one that reads 0 may last until the write has
// returned. Happens-before does not know that it has.
TEST(CheckHistories, WhatOnlyTimeOrdersIsFoundUnderSc) {
  for (const Steps& steps : {write_and_two_reads(1, 2), write_and_two_reads(2, 1)}) {
    const Verdict sc = check("histories_cached_register", steps, "sc");
    EXPECT_EQ(sc.complete, 1u);
    EXPECT_EQ(sc.wrong, 1u);
    for (const char* model : {"tso", "rc11"}) {
      const Verdict weak = check("histories_cached_register", steps, model);
      EXPECT_EQ(weak.complete, 2u);
      EXPECT_EQ(weak.wrong, 0u);
    }
  }
}

// That operations are called costs no executions: 3 ways to read 0 or 1 twice in this order.
TEST(CheckHistories, ARegisterIsVerified) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    const Verdict verdict = check("histories_register", write_and_two_reads(1, 2), model);
    EXPECT_EQ(verdict.complete, 3u) << model;
    EXPECT_EQ(verdict.wrong, 0u) << model;
  }
}

// One thread's operations are in order whatever others know of them. A pop comes before, between or
// behind the pushes; between them it is right.
TEST(CheckHistories, TheOrderOfAThreadCounts) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    const Verdict verdict =
        check("histories_lifo", {{1, kPush, {1}}, {1, kPush, {2}}, {2, kPop, {}}}, model);
    EXPECT_EQ(verdict.complete, 2u) << model;
    EXPECT_EQ(verdict.wrong, 1u) << model;
  }
}

/// In some schedule, each of which has its own time.
bool depth_first_finds(const char* target, Steps steps) {
  exploration::Session session(*target::find_target(target), under("sc"));
  session.set_program(program_of(std::move(steps)));
  exploration::Budget budget;
  budget.search = "dfs";
  const auto on_finding = [](const exec::Finding&, const exploration::Census&) { return false; };
  const exploration::Census census = session.check(budget, on_finding, {});
  EXPECT_FALSE(census.diverged);
  return census.with_finding != 0;
}

TEST(CheckHistories, AllSchedulesSayTheSame) {
  EXPECT_FALSE(depth_first_finds("histories_register", write_and_two_reads(1, 2)));
  EXPECT_TRUE(depth_first_finds("histories_cached_register", write_and_two_reads(1, 2)));
  EXPECT_TRUE(depth_first_finds("histories_cached_register", write_and_two_reads(2, 1)));
}

bool random_finds(target::Definition& target, const target::Program& program) {
  constexpr u64 kExecutions = 300;
  const auto strategy = exploration::make_strategy("random", 1);
  for (u64 i = 0; i < kExecutions; ++i) {
    target::begin_execution(false);
    exec::Options options;
    options.strategy = strategy.get();
    options.faults = 0;
    options.index = i;
    const auto runnable = target.prepare(program);
    if (*exec::engine().run(runnable.body, runnable.argument, options).finding) {
      return true;
    }
  }
  return false;
}

TEST(CheckHistories, NothingIsMissedOfSmallPrograms) {
  for (const char* name : {"histories_register", "histories_cached_register", "histories_lifo",
                           "histories_locked_stack", "histories_careless_stack"}) {
    target::Definition& target = *target::find_target(name);
    u64 programs = 0;
    u64 wrong = 0;
    target::EverySource source;
    do {
      const target::Program program = target.make_program(source, target::Smallness{2, 2});
      const bool found = check(name, program, "sc").wrong != 0;
      EXPECT_TRUE(found || !random_finds(target, program)) << name << ", program " << programs;
      ++programs;
      wrong += found;
    } while (source.advance());
    std::printf("%s: %llu of %llu programs go wrong\n", name,
                static_cast<unsigned long long>(wrong), static_cast<unsigned long long>(programs));
  }
}

}  // namespace
}  // namespace heddle::testing
