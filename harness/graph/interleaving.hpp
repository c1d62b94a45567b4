// In-target world. What comes before what in all interleavings that are one execution graph.
#pragma once

#include <cstring>

#include "graph/graph.hpp"

namespace heddle::graph {

/// Calls `visit(id)` for the events that `id` follows by program order, or because it reads them,
/// waits for them, or goes on with them. Who waits for an object has not had its turn yet.
/// O(1); for arrivals at barriers O(n).
template <class Visit>
void each_cause(const Graph& graph, EventId id, Visit visit) {
  const Event& event = graph[id];
  const auto require = [&](EventId earlier) {
    if (earlier != 0 && earlier != id && !is_waiting(graph[earlier])) {
      visit(earlier);
    }
  };
  for (EventId earlier = graph.previous(event); earlier != 0;
       earlier = graph.previous(graph[earlier])) {
    require(earlier);
    if (!is_waiting(graph[earlier])) {
      break;
    }
  }
  if (event.kind == Kind::kJoin) {
    require(graph.last_of(event.other));
  }
  for (u32 thread = 0;
       event.kind == Kind::kArrive && event.arity > 0 && thread < graph.thread_count(); ++thread) {
    require(graph.arrival_of(thread, event.location, event.arity - 1));
  }
  if (reads(event.kind) || event.kind == Kind::kWake) {
    require(event.store);
  }
}

/// The same, and those that come before it in coherence: with theirs they are all that must come
/// before `id`. O(readers of the store that `id` follows in coherence) more.
template <class Visit>
void each_predecessor(const Graph& graph, EventId id, Visit visit) {
  each_cause(graph, id, visit);
  const Event& event = graph[id];
  if (!writes(event.kind)) {
    return;
  }
  if (event.co_prev != kInitial) {
    visit(event.co_prev);
  }
  for (EventId reader = graph.readers_of(event.location, event.co_prev); reader != 0;
       reader = graph[reader].next_reader) {
    if (reader != id && !is_waiting(graph[reader])) {
      visit(reader);
    }
  }
}

/// Says of each event whether it is `event` or comes before it.
/// O(n + reads).
inline void find_interleaved_past(const Graph& graph, EventId event, Vec<bool>& past) {
  past.resize(graph.size() + 1);
  std::memset(past.data(), 0, past.size());
  OwnedVec<EventId> open;
  past[open.push_back(event)] = true;
  while (!open.empty()) {
    const EventId id = open.back();
    open.pop_back();
    each_predecessor(graph, id, [&](EventId earlier) {
      if (!past[earlier]) {
        past[earlier] = true;
        open.push_back(earlier);
      }
    });
  }
}

}  // namespace heddle::graph
