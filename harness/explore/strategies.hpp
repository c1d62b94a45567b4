// In-target world. Who answers the decisions of an execution.
#pragma once

#include <memory>

#include "base/rng.hpp"
#include "exec/decision.hpp"

namespace heddle::exploration {

/// A fault happens once in so many chances, on average. Goes up and down from one execution to the
/// next: early faults must not keep the program from getting to where late ones hurt.
constexpr u32 fault_period(u64 index) { return 8u << index % 6; }

/// With what probability, of 65536, a load may read any store that the memory model lets it read,
/// not only the newest one; likewise for where stores go in coherence. From always to hardly ever,
/// in turn: where all is stale, threads hardly ever meet.
constexpr u32 stale_chance(u64 index) { return 65536u >> index % 7; }

/// With what probability, of 65536, a thread that yields or waits with a time-out gives way. From
/// never to always, in turn: a thread that spins for a while before it blocks, or times out, gets
/// there only if it goes on; a thread that waits for another gets somewhere only if that one runs.
constexpr u32 yield_chance(u64 index) { return static_cast<u32>(index % 4) * 65536 / 3; }

/// With what probability, of 65536, a thread that spins does so undisturbed. Mostly never: it is
/// long, and once an execution at most it leads to something new.
constexpr u32 spin_chance(u64 index) { return index % 8 == 5 ? 65536 / 2 : 0; }

/// Which answers to pick() are a matter of chance, and of which.
class Chances {
 public:
  void begin_execution(u64 index) {
    fault_period_ = fault_period(index);
    stale_chance_ = stale_chance(index);
    time_chance_ = yield_chance(index);
    spin_chance_ = spin_chance(index);
  }

  u32 pick(Rng& rng, exec::DecisionKind kind, u32 arity) const {
    if (exec::is_fault(kind)) {
      return rng.below(fault_period_) == 0;
    }
    if (kind == exec::DecisionKind::kClock) {
      return rng.chance(time_chance_);
    }
    if (kind == exec::DecisionKind::kSpin) {
      return rng.chance(spin_chance_);
    }
    const bool orders_stores =
        kind == exec::DecisionKind::kReadsFrom || kind == exec::DecisionKind::kCoherence;
    return orders_stores && !rng.chance(stale_chance_) ? 0 : rng.below(arity);
  }

 private:
  u32 fault_period_ = 8;
  u32 stale_chance_ = 0;
  u32 time_chance_ = 0;
  u32 spin_chance_ = 0;
};

/// Knows a spinner by how long it keeps others from running. The engine parks threads that spin by
/// reading alone; one that also writes, as by taking a lock to look, seems to get somewhere.
class Patience {
 public:
  void begin_execution() { picks_in_row_ = 0; }
  /// The running thread must give way.
  bool is_over() const { return picks_in_row_ >= kPicksInRowMax; }
  /// After each choice of a thread.
  void note(const exec::SchedulePoint& point, ThreadId choice) {
    picks_in_row_ = choice == point.current ? picks_in_row_ + 1 : 0;
  }

 private:
  static constexpr u32 kPicksInRowMax = 5'000;

  u32 picks_in_row_ = 0;
};

/// Random walk. At each scheduling point the running thread goes on, or, with a probability p, a
/// uniformly chosen one runs. p is drawn anew for each execution, from 1/2 down to 1/256: with one
/// fixed large p queues never fill, with one fixed small p short windows are never hit.
std::unique_ptr<exec::Strategy> make_random_walk(u64 rng_seed);

/// Probabilistic concurrency testing: random priorities, and d - 1 points at which the running
/// thread's priority drops below all others; a bug of depth d is found with probability at least
/// 1 / (n * k^(d-1)). The depth goes round 1..5 as executions go by; k is the longest execution
/// seen so far, measured, not guessed.
/// Source: Burckhardt et al.: A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs
/// (ASPLOS 2010). Differs: k and d adapt; a thread that gives way, or
/// keeps others from running for thousands of steps, drops to the lowest priority.
std::unique_ptr<exec::Strategy> make_pct(u64 rng_seed);

/// Answers from bytes, one a decision; when they run out, the default, and threads that give way do
/// so in turn. Total: each string of bytes is a schedule.
class BytesStrategy final : public exec::Strategy {
 public:
  void set(const u8* bytes, std::size_t size) {
    bytes_ = bytes;
    size_ = size;
  }

  const char* name() const override { return "fuzz"; }
  void begin_execution(u64) override {
    at_ = 0;
    patience_.begin_execution();
  }
  ThreadId pick_thread(const exec::SchedulePoint& point) override;
  u32 pick(exec::DecisionKind kind, u32 arity) override;

 private:
  u32 next() { return at_ < size_ ? bytes_[at_++] : 0; }

  const u8* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::size_t at_ = 0;
  Patience patience_;
};

/// Follows a recorded schedule: the deviations from the default, by decision.
class ReplayStrategy final : public exec::Strategy {
 public:
  /// `deviations` sorted by decision; must outlive the strategy.
  void set(const exec::Deviation* deviations, u32 count) {
    deviations_ = deviations;
    count_ = count;
  }

  const char* name() const override { return "replay"; }
  void begin_execution(u64) override;
  ThreadId pick_thread(const exec::SchedulePoint& point) override;
  u32 pick(exec::DecisionKind kind, u32 arity) override;

  /// True if a recorded choice was impossible, or was left over at the end: the program, or what
  /// it depends on, is not the one that was recorded.
  bool diverged() const { return impossible_ || next_ < count_; }
  /// The decision at which that was noticed first.
  u64 diverged_at() const { return impossible_ ? impossible_at_ : decision_; }

 private:
  const exec::Deviation* expected(exec::DecisionKind kind);

  const exec::Deviation* deviations_ = nullptr;
  u32 count_ = 0;
  u32 next_ = 0;
  u64 decision_ = 0;
  bool impossible_ = false;
  u64 impossible_at_ = 0;
};

}  // namespace heddle::exploration
