// In-target world. Exhaustive search: each schedule once.
#pragma once

#include "explore/search.hpp"

namespace heddle::exploration {

/// Goes through all sequences of decisions, depth first: who runs next at each scheduling point,
/// what a load reads and where a store goes, and all else that is decided. What explorers of
/// classes of executions take for granted, that order which nobody can see is no difference, it
/// does not: there are many more schedules than classes.
///
/// With a bound it looks at schedules without preemptions first, then at those with one, and so on;
/// in round n only those with n are new. A preemption takes the turn from a thread that could go on
/// and did not yield.
/// Source: Musuvathi, Qadeer: Iterative Context Bounding for Systematic Testing of Multithreaded
/// Programs (PLDI 2007). Differs: a round begins from nothing, so that there is nothing to store.
class DepthFirst final : public Search {
 public:
  DepthFirst(graph::Consistency& consistency, u32 preemptions_max);

  bool diverged() const override { return diverged_ || at_ < decisions_.size(); }
  bool is_new() const override;
  void begin_again() override;
  bool advance() override;
  u32 depth() const override;
  void archive(Archive& archive) override;
  bool is_bounded() const override { return cut_; }
  bool keeps_order() const override { return true; }

  void begin_execution(u64) override;
  ThreadId pick_thread(const exec::SchedulePoint& point) override;
  u32 pick(exec::DecisionKind kind, u32 arity) override;

 private:
  struct Decision {
    exec::DecisionKind kind;
    bool may_preempt;  // each choice but the first one is a preemption
    u32 arity;
    u32 choice;
    u32 preemptions;  // before it
  };

  u32 decide(exec::DecisionKind kind, u32 arity, bool may_preempt);
  bool take_alternative();

  OwnedVec<Decision> decisions_;
  u32 at_ = 0;           // decisions that the present execution has been through
  u32 preemptions_ = 0;  // in it so far
  u32 preemptions_max_;
  u32 round_;         // so many preemptions, at most
  bool cut_ = false;  // some had more
  bool diverged_ = false;
};

}  // namespace heddle::exploration
