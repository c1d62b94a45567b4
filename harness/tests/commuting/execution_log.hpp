// What an execution was, by all that tells it apart from others.
#pragma once

#include <set>
#include <vector>

#include "base/types.hpp"

namespace heddle::testing {

/// Bodies write it from inside of executions. Not instrumented, and nothing is allocated there, so
/// that this is no event.
class ExecutionLog {
 public:
  static constexpr u32 kLinesMax = 12;

  ExecutionLog();

  void begin();
  /// What happens in one line comes in an order, unlike what happens in different ones.
  void note(u32 line, u64 what);
  /// The order of such is not kept.
  void note_unordered(u32 line, u64 what);
  /// Tells what was noted there so far.
  u64 noted(u32 line) const { return lines_[line]; }
  void end();

  /// How many executions ended.
  u64 ended() const { return ended_; }
  std::set<u64> classes() const { return {classes_.begin(), classes_.end()}; }

 private:
  u64 lines_[kLinesMax] = {};
  u64 ended_ = 0;
  std::vector<u64> classes_;  // sorted
};

/// The round in which this thread was at the last barrier.
u32 round_of_this_thread();

}  // namespace heddle::testing
