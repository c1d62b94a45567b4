// In-target world. What exhaustive searches have in common.
#pragma once

#include "exec/decision.hpp"
#include "graph/memory.hpp"

namespace heddle::exploration {

constexpr u32 kUnbounded = ~u32{0};  // preemptions

/// Goes through executions. Run the target with this as its strategy and memory() as its model,
/// again and again, as long as advance() says so.
class Search : public exec::Strategy {
 public:
  Search(graph::Consistency& consistency, graph::Policy policy) : memory_(consistency, policy) {}

  graph::GraphMemory& memory() { return memory_; }
  /// The program did something else than before.
  virtual bool diverged() const { return memory_.diverged(); }
  /// The last execution counts: it is one that the memory model admits, and that was not seen yet.
  virtual bool is_new() const { return true; }
  /// Back to what it was before the last execution, which is to be run once more.
  virtual void begin_again() = 0;
  /// Goes to the beginning of executions not seen so far. False if there are none.
  virtual bool advance() = 0;
  /// Of the executions that begin so: how many alternatives lead from the first execution of all
  /// to here. advance(), with none of them run, leaves them out.
  virtual u32 depth() const = 0;
  /// The search as it is between executions. A fresh one that has read it must see an execution of
  /// each of some graphs, before it goes on: values may be addresses, of which an archive keeps
  /// none.
  virtual void archive(Archive& archive) = 0;
  virtual u32 unseen_graphs() const { return 0; }
  /// Makes the graph the one that the next execution is to follow.
  virtual void show_graph(u32 /*nth*/) {}
  /// After that execution. To be called for each in turn.
  virtual void learn_values(u32 /*nth*/) {}
  /// There are executions beyond the bound of the search.
  virtual bool is_bounded() const { return false; }
  /// Events of the graph are in the order in which they happened.
  virtual bool keeps_order() const { return false; }

  const char* name() const override { return "check"; }
  void begin_execution(u64) override {}

 protected:
  graph::GraphMemory memory_;
};

}  // namespace heddle::exploration
