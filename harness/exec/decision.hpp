// In-target world. What the scheduler is asked, and who answers.
#pragma once

#include "exec/event.hpp"
#include "exec/thread_set.hpp"

namespace heddle::exec {

struct Thread;

enum class DecisionKind : u8 {
  kThread,     // which thread runs next; the choice is its ThreadId
  kReadsFrom,  // which store a load reads; 0 is the newest
  kCoherence,  // how many stores of the location a store goes before; 0: it is the newest
  kWeakCas,    // 1 = a weak compare-exchange fails although it could succeed
  kWaiter,     // which waiter a notification wakes, 0 is the one that waits longest; which thread
               // of a barrier's round is the serial one, 0 is the first
  kValue,      // a value the target asked for
  kTimeOut,    // 1 = a wait that begins will time out; asked by exhaustive searches only, but of
               // joins: whoever is joined may have done all that it does, and take its time to end
  kClock,  // 1 = time has passed when a thread looks at the clock once more; exhaustive searches
           // ask that at its first looks, and behind them where it waits
  kSpin,   // 1 = a thread that spins does so undisturbed, until it gives up or does something else
  // Faults, as kWeakCas is one: 1 = it happens. Asked for only where Options::faults has them.
  kSpuriousWakeup,  // a wait on a condition variable returns unasked
  kAllocation,      // an allocation fails
  kThreadCreation,  // a thread can not be made
  kFreeze,          // other threads stand still until this one and the rest have finished
  kIteratorState,   // a word of an iterator changes between two uses
};
constexpr DecisionKind kLastDecisionKind = DecisionKind::kIteratorState;

/// A set of decisions that make the environment fail.
using Faults = u32;
constexpr Faults fault(DecisionKind kind) { return Faults{1} << static_cast<u8>(kind); }
/// A weak compare-exchange fails spuriously on real machines too, and threads stand still only in
/// targets that promise to survive it; the others are not what programs meet every day.
constexpr Faults kDefaultFaults = fault(DecisionKind::kWeakCas) | fault(DecisionKind::kFreeze);
constexpr DecisionKind kAllFaults[] = {DecisionKind::kWeakCas,    DecisionKind::kSpuriousWakeup,
                                       DecisionKind::kAllocation, DecisionKind::kThreadCreation,
                                       DecisionKind::kFreeze,     DecisionKind::kIteratorState};
constexpr bool is_fault(DecisionKind kind) {
  return kind == DecisionKind::kWeakCas || kind >= DecisionKind::kSpuriousWakeup;
}

const char* name_of(DecisionKind kind);

/// Where a thread must be chosen out of at least two.
struct SchedulePoint {
  const ThreadSet& runnable;
  ThreadId current;   // kNone if it can not go on
  ThreadId fallback;  // what the undisturbed schedule does: current, else the smallest id
  bool yielding;      // current said that it would rather not run
  u64 step;
};

/// Answers decisions. An execution asks only where there is a choice (two options or more).
class Strategy {
 public:
  virtual ~Strategy() = default;
  virtual const char* name() const = 0;
  /// `index` counts the executions of this run from 0.
  virtual void begin_execution(u64 index) = 0;
  /// A new thread exists (the body's, id 0, included).
  virtual void on_thread(ThreadId id) { static_cast<void>(id); }
  /// It has finished.
  virtual void on_finish(ThreadId id) { static_cast<void>(id); }
  /// An element of point.runnable.
  virtual ThreadId pick_thread(const SchedulePoint& point) = 0;
  /// In [0, arity); 0 is the ordinary outcome.
  virtual u32 pick(DecisionKind kind, u32 arity) = 0;
  /// `steps` scheduling points were passed.
  virtual void end_execution(u64 steps) { static_cast<void>(steps); }
};

/// A decision that was not the default one: the schedule is the list of these.
struct Deviation {
  u64 decision;  // counts all decisions of the execution from 0
  DecisionKind kind;
  u32 choice;
};

}  // namespace heddle::exec
