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
