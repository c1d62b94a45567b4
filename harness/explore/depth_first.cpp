#include "explore/depth_first.hpp"

#include "base/archive.hpp"
#include "exec/execution.hpp"

namespace heddle::exploration {

using exec::DecisionKind;

namespace {

// Interleavings are all there is under SC: a load reads the newest store.
graph::Policy policy_of(const graph::Consistency& consistency) {
  return consistency.interleaves() ? graph::Policy::kNewest : graph::Policy::kDecisions;
}

/// The thread that goes on by itself is the first choice; the others follow by their ids.
ThreadId nth_choice(const exec::SchedulePoint& point, u32 n) {
  if (n == 0) {
    return point.fallback;
  }
  u32 before_fallback = 0;
  point.runnable.each([&](ThreadId id) { before_fallback += id < point.fallback; });
  return point.runnable.nth(n - (n <= before_fallback));
}

}  // namespace

DepthFirst::DepthFirst(graph::Consistency& consistency, u32 preemptions_max)
    : Search(consistency, policy_of(consistency)),
      preemptions_max_(preemptions_max),
      round_(preemptions_max == kUnbounded ? kUnbounded : 0) {}

void DepthFirst::begin_execution(u64) {
  at_ = 0;
  preemptions_ = 0;
}

ThreadId DepthFirst::pick_thread(const exec::SchedulePoint& point) {
  const bool may_preempt = point.current != ThreadId::kNone && !point.yielding;
  return nth_choice(point, decide(DecisionKind::kThread, point.runnable.count(), may_preempt));
}

u32 DepthFirst::pick(DecisionKind kind, u32 arity) {
  const u32 choice = decide(kind, arity, false);
  const bool is_of_model = kind == DecisionKind::kReadsFrom || kind == DecisionKind::kCoherence;
  return is_of_model ? choice : memory_.choose(*exec::current_thread, kind, arity, choice);
}

u32 DepthFirst::decide(DecisionKind kind, u32 arity, bool may_preempt) {
  if (at_ == decisions_.size()) {
    decisions_.push_back(Decision{kind, may_preempt, arity, 0, preemptions_});
  }
  const Decision& decision = decisions_[at_++];
  if (decision.kind != kind || decision.arity != arity) {
    diverged_ = true;
    exec::engine().abandon();
  }
  preemptions_ += may_preempt && decision.choice != 0;
  return decision.choice;
}

bool DepthFirst::is_new() const {
  return !memory_.refused() && (round_ == kUnbounded || preemptions_ == round_);
}

// The choices that lead to its beginning end with one that is not the first.
void DepthFirst::begin_again() {
  memory_.graph().clear();
  while (!decisions_.empty() && decisions_.back().choice == 0) {
    decisions_.pop_back();
  }
}

bool DepthFirst::advance() {
  memory_.graph().clear();
  if (take_alternative()) {
    return true;
  }
  if (!cut_ || round_ == preemptions_max_) {
    return false;
  }
  ++round_;
  cut_ = false;
  return true;
}

bool DepthFirst::take_alternative() {
  for (; !decisions_.empty(); decisions_.pop_back()) {
    Decision& last = decisions_.back();
    const bool is_beyond = last.may_preempt && last.preemptions == round_;
    if (last.choice + 1 < last.arity && !is_beyond) {
      ++last.choice;
      return true;
    }
    cut_ = cut_ || (last.choice + 1 < last.arity);
  }
  return false;
}

void DepthFirst::archive(Archive& archive) {
  memory_.archive(archive);
  archive(round_, cut_);
  archive.list(decisions_, [&](Decision& decision) {
    archive(decision.kind, decision.may_preempt, decision.arity, decision.choice,
            decision.preemptions);
  });
}

u32 DepthFirst::depth() const {
  u32 alternatives = 0;
  for (const Decision& decision : decisions_) {
    alternatives += decision.choice != 0;
  }
  return alternatives;
}

}  // namespace heddle::exploration
