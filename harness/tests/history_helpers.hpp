// Histories written by hand, or by chance.
#pragma once

#include <initializer_list>

#include "base/rng.hpp"
#include "target/history.hpp"

namespace heddle::testing {

inline const char* name_of(Role role) {
  switch (role) {
    case Role::kAssign: return "assign";
    case Role::kErase: return "erase";
    case Role::kFind: return "find";
    case Role::kSize: return "size";
    case Role::kClear: return "clear";
    case Role::kClearEach: return "clear_each";
    case Role::kInsert: return "insert";
    case Role::kContains: return "contains";
    case Role::kExchange: return "exchange";
    case Role::kFindOrInsert: return "find_or_insert";
    case Role::kTake: return "take";
    case Role::kCompareExchange: return "compare_exchange";
    case Role::kCompareErase: return "compare_erase";
    case Role::kEraseCurrent: return "erase_current";
    case Role::kNext: return "next";
    default: return "other";
  }
}

const Value kVoid = {};
const Value kNothing = value_of(std::optional<i64>());
const Value kYes = value_of(true);
const Value kNo = value_of(false);

inline Value some(i64 value) { return value_of(value); }

/// A history in the making: calls and returns happen when they are written down.
class Diary {
 public:
  Diary() = default;
  Diary(const Diary&) = delete;
  Diary& operator=(const Diary&) = delete;
  ~Diary() { history_.entries.release(); }

  u32 call(u32 thread, Role role, std::initializer_list<i64> arguments = {}) {
    return call(thread, role, name_of(role), arguments);
  }

  u32 call(u32 thread, const char* name, std::initializer_list<i64> arguments = {}) {
    return call(thread, Role::kOther, name, arguments);
  }

  void returns(u32 operation, const Value& result) {
    target::HistoryEntry& entry = history_.entries[operation];
    entry.result = result;
    entry.returned = true;
    entry.returned_at = ++history_.clock;
  }

  /// Its linearization point.
  void commits(u32 operation) { history_.entries[operation].commit = ++history_.commits; }

  /// Call and return with nothing in between.
  template <class What>
  void does(u32 thread, What what, std::initializer_list<i64> arguments, const Value& result) {
    returns(call(thread, what, arguments), result);
  }

  target::History& history() { return history_; }

 private:
  u32 call(u32 thread, Role role, const char* name, std::initializer_list<i64> arguments) {
    target::HistoryEntry entry = {};
    entry.thread = to_thread_id(thread);
    entry.operation = target::kUntyped;
    entry.role = role;
    entry.name = name;
    for (const i64 argument : arguments) {
      entry.arguments[entry.argument_count++] = argument;
    }
    return history_.call(entry);
  }

  target::History history_;
};

/// Another answer of the same kind.
inline Value lie(Rng& rng, const Value& truth) {
  Value value = truth;
  switch (truth.shape) {
    case Value::Shape::kBool: return value_of(!truth.truth());
    case Value::Shape::kNothing: return some(rng.below(3));
    case Value::Shape::kInts: value.words[0] = rng.below(3); return value;
    default: return truth;
  }
}

/// A random history of a correct object, in which a lie may be told now and then. The last
/// operations of threads may not return.
template <class State>
class RandomHistory {
 public:
  using Call = u32 (*)(Diary& diary, Rng& rng, u32 thread);

  RandomHistory(Diary& diary, Rng& rng, Call call, u32 lies_one_in)
      : diary_(diary), rng_(rng), call_(call), lies_one_in_(lies_one_in) {}

  void write(u32 setup, u32 threads, u32 operations, bool with_commits = false) {
    with_commits_ = with_commits;
    for (u32 i = 0; i < setup; ++i) {
      running_[0] = call_(diary_, rng_, 0);
      take_effect(0);
      finish(0);
    }
    for (u32 made = 0; made < operations;) {
      const u32 thread = 1 + rng_.below(threads);
      if (running_[thread] == kIdle) {
        running_[thread] = call_(diary_, rng_, thread);
        ++made;
      } else {
        go_on(thread);
      }
    }
    for (u32 thread = 1; thread <= threads; ++thread) {
      while (running_[thread] != kIdle && rng_.below(8) != 0) {
        go_on(thread);
      }
    }
  }

 private:
  static constexpr u32 kThreadsMax = 4;
  static constexpr u32 kIdle = ~u32{0};

  void go_on(u32 thread) { effective_[thread] ? finish(thread) : take_effect(thread); }

  void take_effect(u32 thread) {
    const Value truth = state_.apply(diary_.history().entries[running_[thread]]);
    results_[thread] =
        lies_one_in_ != 0 && rng_.below(lies_one_in_) == 0 ? lie(rng_, truth) : truth;
    effective_[thread] = true;
    if (with_commits_) {
      diary_.commits(running_[thread]);
    }
  }

  void finish(u32 thread) {
    diary_.returns(running_[thread], results_[thread]);
    running_[thread] = kIdle;
    effective_[thread] = false;
  }

  Diary& diary_;
  Rng& rng_;
  Call call_;
  u32 lies_one_in_;  // 0: never
  bool with_commits_ = false;
  State state_;
  u32 running_[kThreadsMax + 1] = {kIdle, kIdle, kIdle, kIdle, kIdle};
  bool effective_[kThreadsMax + 1] = {};
  Value results_[kThreadsMax + 1];
};

}  // namespace heddle::testing
