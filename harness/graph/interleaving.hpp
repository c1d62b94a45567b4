// In-target world. What comes before what in all interleavings that are one execution graph.
#pragma once

#include <cstring>

#include "graph/graph.hpp"

namespace heddle::graph {

/// Calls `visit(id)` for the events that must come before `event` for reasons of their own; with
/// theirs they are all that must. Who waits for an object has not had its turn yet.
/// O(readers of the store that `event` follows in coherence); for arrivals at barriers O(n).
template <class Visit>
void each_predecessor(const Graph& graph, EventId id, Visit visit) {
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
  if (writes(event.kind)) {
    require(event.co_prev);
    for (EventId reader = graph.readers_of(event.location, event.co_prev); reader != 0;
         reader = graph[reader].next_reader) {
      require(reader);
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
