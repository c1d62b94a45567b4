// Goal: operation targets that promise an order of their operations are held to it, by the oracle
// "linearizability": against a map, a model, or the type itself; and their findings replay.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <optional>

#include "explore/session.hpp"
#include "heddle/heddle.hpp"
#include "models/stack.hpp"
#include "report/story.hpp"

namespace {

using namespace heddle;  // NOLINT(google-build-using-namespace)

/// Its parts are atomic; with `Locked` its operations are, too.
template <bool Locked>
class Stack {
 public:
  void push(int value) {
    const Guard guard(*this);
    const int at = count_.load();
    slots_[static_cast<std::size_t>(at)].store(value);
    count_.store(at + 1);
  }

  std::optional<int> pop() {
    const Guard guard(*this);
    const int count = count_.load();
    if (count == 0) {
      return std::nullopt;
    }
    const int value = slots_[static_cast<std::size_t>(count - 1)].load();
    count_.store(count - 1);
    return value;
  }

 private:
  struct Guard {
    explicit Guard(Stack& stack) : stack_(stack) {
      if constexpr (Locked) {
        stack_.mutex_.lock();
      }
    }
    ~Guard() {
      if constexpr (Locked) {
        stack_.mutex_.unlock();
      }
    }
    Stack& stack_;
  };

  std::mutex mutex_;
  std::atomic<int> count_{0};
  std::array<std::atomic<int>, 64> slots_{};
};

/// A map of the keys 0 and 1; two insertions of a key may both succeed.
class CarelessMap {
 public:
  bool insert(int key, int value) {
    std::atomic<int>& slot = slots_[static_cast<std::size_t>(key)];
    if (slot.load() != kAbsent) {
      return false;
    }
    slot.store(value);
    return true;
  }

  std::optional<int> find(int key) {
    const int value = slots_[static_cast<std::size_t>(key)].load();
    return value == kAbsent ? std::nullopt : std::optional(value);
  }

 private:
  static constexpr int kAbsent = -1;
  std::array<std::atomic<int>, 2> slots_{kAbsent, kAbsent};
};

template <class S>
Subject<S> declare_stack(Target& t) {
  auto s = t.subject<S>();
  s.op("push", &S::push, t.ints(0, 3));
  s.op("pop", &S::pop);
  t.operations_per_thread(3);
  t.setup_operations(2);
  return s;
}

HEDDLE_TARGET(careless_stack_alone, t) { declare_stack<Stack<false>>(t).linearizable(); }

HEDDLE_TARGET(careless_stack_model, t) {
  declare_stack<Stack<false>>(t).linearizable<models::stack>();
}

HEDDLE_TARGET(careless_stack_sequential, t) {
  declare_stack<Stack<false>>(t).sequentially_consistent<models::stack>();
}

HEDDLE_TARGET(careless_stack_quiescent, t) {
  declare_stack<Stack<false>>(t).quiescently_consistent<models::stack>();
}

HEDDLE_TARGET(locked_stack_alone, t) { declare_stack<Stack<true>>(t).linearizable(); }

HEDDLE_TARGET(locked_stack_model, t) {
  declare_stack<Stack<true>>(t).linearizable<models::stack>();
}

HEDDLE_TARGET(misnamed_stack, t) {
  auto s = t.subject<Stack<true>>();
  s.op("pusj", &Stack<true>::push, t.ints(0, 3));
  s.linearizable<models::stack>();
}

HEDDLE_TARGET(careless_map, t) {
  auto s = t.subject<CarelessMap>();
  s.op("insert", &CarelessMap::insert, t.ints(0, 1), t.ints(1, 9)).means(Role::kInsert);
  s.op("find", &CarelessMap::find, t.ints(0, 1)).means(Role::kFind);
  s.linearizable();
  t.setup_operations(0);
}

struct Result {
  exploration::Tally tally;
  exploration::Recording recording;
  exploration::Divergence divergence;
  std::string story;
};

Result run(const char* target, u64 executions) {
  Result result;
  exploration::Session session(*target::find_target(target), {});
  exploration::Budget budget;
  budget.executions = executions;
  result.tally = session.run(
      budget,
      [&](const exec::Finding&, const exploration::Tally&) {
        result.recording = session.record(result.divergence);
        result.story = report::tell(result.recording, {});
        return false;
      },
      nullptr);
  return result;
}

void expect_found(const char* target, const char* rule) {
  const Result result = run(target, 20'000);
  EXPECT_EQ(result.recording.kind, exec::FindingKind::kLinearizability) << target;
  EXPECT_EQ(result.recording.rule, rule) << result.recording.message;
  EXPECT_FALSE(result.divergence.diverged) << result.divergence.message;
  EXPECT_NE(result.recording.message.find("fits no order of the operations"), std::string::npos)
      << result.recording.message;
  EXPECT_NE(result.story.find("<- fits nowhere"), std::string::npos) << result.story;
}

TEST(Targets, ACarelessStackIsFound) {
  expect_found("careless_stack_alone", "not-linearizable");
  expect_found("careless_stack_model", "not-linearizable");
  expect_found("careless_stack_sequential", "not-sequentially-consistent");
  expect_found("careless_stack_quiescent", "not-quiescently-consistent");
}

TEST(Targets, ALockedStackIsClean) {
  for (const char* target : {"locked_stack_alone", "locked_stack_model"}) {
    const Result result = run(target, 5'000);
    EXPECT_EQ(result.tally.executions, 5'000u) << result.recording.message;
    EXPECT_EQ(result.tally.undecided, 0u);
  }
}

TEST(Targets, AModelThatDoesNotFitIsSaid) {
  EXPECT_EXIT(run("misnamed_stack", 1), ::testing::ExitedWithCode(5), "knows no operation 'pusj'");
}

TEST(Targets, ACarelessMapIsFound) { expect_found("careless_map", "not-linearizable"); }

}  // namespace
