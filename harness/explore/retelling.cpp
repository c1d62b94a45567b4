#include "explore/retelling.hpp"

#include <cstring>

#include "exec/execution.hpp"

namespace heddle::exploration {

using graph::Event;
using graph::EventId;
using graph::Graph;
using graph::Kind;
using graph::kInitial;
using graph::Policy;

namespace {

bool interleaves(const graph::Consistency& consistency) {
  return std::strcmp(consistency.name(), "sc") == 0;
}

}  // namespace

Retelling::Retelling(const Graph& graph, graph::Consistency& consistency, bool keeps_order)
    : memory_(consistency, interleaves(consistency) ? Policy::kNewest : Policy::kDecisions) {
  names_.resize(graph.size() + 1);
  names_[kInitial] = kInitial;
  if (interleaves(consistency) && !keeps_order) {
    interleave(graph);
    return;
  }
  for (EventId id = 1; id <= graph.size(); ++id) {
    tell(graph, id);
  }
}

void Retelling::tell(const Graph& graph, EventId id) {
  Event event = graph[id];
  if (event.kind == Kind::kChoice &&
      event.other == static_cast<u16>(exec::DecisionKind::kTimeOut)) {
    return;  // the wait itself tells
  }
  if (event.kind == Kind::kChoice) {
    choices_.push_back(Choice{events_.size(), event.thread, static_cast<u32>(event.value)});
  } else if (!is_waiting(event)) {
    event.store = reads(event.kind) ? names_[event.store] : kInitial;
    events_.push_back(event);
    names_[id] = events_.size();
  }
}

// Under SC some order of the events has each load read the newest store: take what can come next,
// of the first thread that has such an event. O(n × threads + reads).
void Retelling::interleave(const Graph& graph) {
  OwnedVec<bool> told;
  told.resize(graph.size() + 1);
  std::memset(told.data(), 0, told.size());
  OwnedVec<u32> progress;
  progress.resize(graph.thread_count());
  std::memset(progress.data(), 0, progress.size() * sizeof(u32));
  for (bool more = true; more;) {
    more = false;
    for (u32 thread = 0; thread < graph.thread_count() && !more; ++thread) {
      const u32 index = progress[thread] + 1;
      if (index <= graph.event_count(thread) &&
          is_possible(graph, told, graph.event_of(thread, index))) {
        ++progress[thread];
        told[graph.event_of(thread, index)] = true;
        tell(graph, graph.event_of(thread, index));
        more = true;
      }
    }
  }
}

bool Retelling::is_possible(const Graph& graph, const Vec<bool>& told, EventId id) {
  const Event& event = graph[id];
  const EventId creator = event.index == 1 ? graph.creator_of(event.thread) : 0;
  const EventId joined = event.kind == Kind::kJoin ? graph.last_of(event.other) : 0;
  if ((creator != 0 && !told[creator]) || (joined != 0 && !told[joined]) || is_waiting(event)) {
    return is_waiting(event);
  }
  if ((reads(event.kind) || event.kind == Kind::kWake) && event.store != kInitial &&
      !told[event.store]) {
    return false;
  }
  if (!writes(event.kind)) {
    return true;
  }
  if (event.co_prev != kInitial && !told[event.co_prev]) {
    return false;
  }
  for (EventId reader = graph.readers_of(event.location, event.co_prev); reader != 0;
       reader = graph[reader].next_reader) {
    if (reader != id && !told[reader] && !is_waiting(graph[reader])) {
      return false;
    }
  }
  return true;
}

ThreadId Retelling::pick_thread(const exec::SchedulePoint& point) {
  const u32 at = memory_.at();
  ThreadId next = graph::GraphMemory::first_to_run(point);
  if (choices_made_ < choices_.size() && choices_[choices_made_].events == at) {
    next = to_thread_id(choices_[choices_made_].thread);
  } else if (at < events_.size()) {
    next = to_thread_id(events_[at].thread);
  }
  const bool exits = exec::engine().thread(next).pending == exec::EventKind::kExit;
  return point.runnable.contains(next) && !exits ? next : graph::GraphMemory::first_to_run(point);
}

u32 Retelling::pick(exec::DecisionKind kind, u32 arity) {
  const u32 at = memory_.at();
  u32 choice = 0;
  if (kind == exec::DecisionKind::kReadsFrom && at < events_.size()) {
    const EventId store = events_[at].store;
    choice = later_stores(events_[at], store == kInitial ? 0 : events_[store - 1].coherence);
  } else if (kind == exec::DecisionKind::kCoherence && at < events_.size()) {
    choice = later_stores(events_[at], events_[at].coherence);
  } else if (choices_made_ < choices_.size()) {
    choice = choices_[choices_made_++].value;
  }
  return choice < arity ? choice : 0;
}

/// How many stores of the location are there by now, and are later in coherence.
u32 Retelling::later_stores(const Event& event, u32 coherence) const {
  u32 count = 0;
  for (u32 i = 0; i < memory_.at(); ++i) {
    const Event& other = events_[i];
    count += writes(other.kind) && other.location == event.location && other.coherence > coherence;
  }
  return count;
}

}  // namespace heddle::exploration
