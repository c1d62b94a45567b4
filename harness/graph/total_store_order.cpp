#include <cstring>

#include "graph/consistency.hpp"

namespace heddle::graph {
namespace {

/// A store that stays in the buffer for a while happens twice: when it is issued, and when it
/// commits. All other events commit as they are issued.
struct Moment {
  EventId id;
  bool commits;
};

bool is_buffered(const Event& event) {
  return event.kind == Kind::kWrite && event.order != Order::kSeqCst;
}

/// Waits until the stores of its thread have been committed.
bool drains(const Event& event) {
  switch (event.kind) {
    case Kind::kRead: return event.is_half;
    case Kind::kChoice:
    case Kind::kCall: return false;
    case Kind::kWrite:
    case Kind::kFence: return event.order == Order::kSeqCst;
    case Kind::kUpdate:
    case Kind::kArrive:
    case Kind::kCreate:
    case Kind::kWake:
    case Kind::kJoin: return true;
  }
  return true;
}

class TotalStoreOrder final : public Consistency {
 public:
  const char* name() const override { return "tso"; }

  // A cycle through a new store goes through its commit: it is the last event of its thread.
  bool holds(const Graph& graph) override {
    seen_.resize(2 * graph.size() + 2);
    std::memset(seen_.data(), 0, seen_.size());
    const Moment start = commit_of(graph, graph.size());
    open_.clear();
    open_.push_back(start);
    while (!open_.empty()) {
      const Moment moment = open_.back();
      open_.pop_back();
      visit_successors(graph, moment);
      if (seen_[index_of(start)]) {
        return false;
      }
    }
    return true;
  }

 private:
  static u32 index_of(Moment moment) { return 2 * moment.id + moment.commits; }
  static Moment commit_of(const Graph& graph, EventId id) {
    return Moment{id, is_buffered(graph[id])};
  }

  void reach(Moment moment) {
    if (moment.id != 0 && !seen_[index_of(moment)]) {
      seen_[index_of(moment)] = true;
      open_.push_back(moment);
    }
  }

  void reach_commit(const Graph& graph, EventId id) {
    if (id != 0) {
      reach(commit_of(graph, id));
    }
  }

  void visit_successors(const Graph& graph, Moment moment) {
    const Event& event = graph[moment.id];
    const bool buffered = is_buffered(event);
    if (!moment.commits) {
      const EventId next = graph.next(event);
      reach(Moment{next, false});
      if (next == 0 && !buffered) {
        reach(Moment{graph.joiner_of(event.thread), false});
      }
      for (EventId woken = event.woken; woken != 0; woken = graph[woken].next_woken) {
        reach(Moment{woken, false});
      }
      if (event.kind == Kind::kCreate && graph.event_count(event.other) != 0) {
        reach(Moment{graph.event_of(event.other, 1), false});
      }
      if (event.kind == Kind::kRead && !is_waiting(event)) {
        reach_commit(graph, graph.co_next(event.location, event.store));
      }
    }
    if (buffered && !moment.commits) {
      reach(Moment{moment.id, true});
    } else if (writes(event.kind)) {
      visit_after_commit(graph, moment.id);
    }
  }

  void visit_after_commit(const Graph& graph, EventId id) {
    const Event& event = graph[id];
    reach_commit(graph, event.co_next);
    for (EventId reader = event.readers; reader != 0; reader = graph[reader].next_reader) {
      if (graph[reader].thread != event.thread) {  // its own thread reads from the buffer
        reach(Moment{reader, false});
      }
    }
    EventId next = graph.next(event);
    while (next != 0 && !is_buffered(graph[next]) && !drains(graph[next])) {
      next = graph.next(graph[next]);
    }
    if (next == 0) {
      reach(Moment{graph.joiner_of(event.thread), false});
    } else {
      reach_commit(graph, next);
    }
  }

  Vec<bool> seen_;
  Vec<Moment> open_;
};

}  // namespace

Consistency& total_store_order() {
  static TotalStoreOrder consistency;
  return consistency;
}

}  // namespace heddle::graph
