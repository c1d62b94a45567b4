// In-target world. An execution of the explorer, told as decisions.
#pragma once

#include <map>

#include "exec/decision.hpp"
#include "graph/memory.hpp"
#include "target/history.hpp"

namespace heddle::exploration {

/// Leads an ordinary execution, one that asks for its decisions, to where the explorer was, so that
/// it can be recorded. Use it with memory() as the model; under SC that asks for nothing either, as
/// no model would: the events come in an order in which each load reads the newest store, be it
/// that of the graph, or another.
class Retelling final : public exec::Strategy {
 public:
  /// Under SC, if the order of the graph is not kept, the operations of `history` return in the
  /// order that it says, each before anything is done that those up to it do not need. Behind all
  /// that the graph says, `finder` comes first if it is a thread.
  Retelling(graph::GraphMemory& explored, const target::History& history, bool keeps_order,
            ThreadId finder);

  graph::GraphMemory& memory() { return memory_; }

  const char* name() const override { return "check"; }
  void begin_execution(u64) override {
    choices_made_ = 0;
    picks_since_ = 0;
  }
  ThreadId pick_thread(const exec::SchedulePoint& point) override;
  u32 pick(exec::DecisionKind kind, u32 arity) override;

 private:
  struct Choice {
    u32 events;  // that come before it
    u16 thread;
    u32 value;
  };

  /// A look at the clock that finds that time has passed.
  struct Leap {
    u16 thread;
    u32 look;
  };

  void note_repeated(const graph::GraphMemory& explored);
  void tell(const graph::Graph& graph, graph::EventId id);
  void tell_event(const graph::Graph& graph, graph::EventId id);
  void tell_repeated_behind(const graph::Graph& graph, graph::EventId id);
  void tell_choices_behind(const graph::Graph& graph, const graph::Event& event);
  bool tell_if_possible(const graph::Graph& graph, graph::EventId first);
  bool is_possible(const graph::Graph& graph, graph::EventId first, graph::EventId last) const;
  void keep_order(const graph::Graph& graph);
  void interleave(const graph::Graph& graph, const target::History& history);
  void tell_all(const graph::Graph& graph, const Vec<bool>& wanted);
  bool leaps(const exec::Thread& thread) const;
  u32 later_stores(const graph::Event& event, u32 coherence) const;

  graph::GraphMemory memory_;
  bool interleaves_;
  ThreadId finder_;
  OwnedVec<graph::Event> events_;
  OwnedVec<graph::EventId> names_;  // of the explorer's events, in events_, from 1
  OwnedVec<bool> told_;             // by the explorer's events
  std::multimap<graph::EventId, graph::GraphMemory::Repeated> repeated_;  // by what they are behind
  // What must not be replaced before its event `behind`: each of these once, and looks at futexes.
  OwnedVec<graph::GraphMemory::Repeated> stays_while_read_;
  OwnedVec<Choice> choices_;
  OwnedVec<Leap> leaps_;
  u32 choices_made_ = 0;
  u32 picks_since_ = 0;  // the last event was told
};

}  // namespace heddle::exploration
