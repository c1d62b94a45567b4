#include <cstring>

#include "graph/consistency.hpp"

namespace heddle::graph {
namespace {

class SequentialConsistency final : public Consistency {
 public:
  const char* name() const override { return "sc"; }
  bool interleaves() const override { return true; }

  bool holds(const Graph& graph) override {
    seen_.resize(graph.size() + 1);
    std::memset(seen_.data(), 0, seen_.size());
    open_.clear();
    open_.push_back(graph.size());
    while (!open_.empty()) {
      const EventId id = open_.back();
      open_.pop_back();
      visit_successors(graph, id);
      if (seen_[graph.size()]) {
        return false;
      }
    }
    return true;
  }

 private:
  void reach(EventId id) {
    if (id != 0 && !seen_[id]) {
      seen_[id] = true;
      open_.push_back(id);
    }
  }

  void visit_successors(const Graph& graph, EventId id) {
    const Event& event = graph[id];
    const EventId next = graph.next(event);
    reach(next != 0 ? next : graph.joiner_of(event.thread));
    for (EventId woken = event.woken; woken != 0; woken = graph[woken].next_woken) {
      reach(woken);
    }
    if (event.kind == Kind::kCreate && graph.event_count(event.other) != 0) {
      reach(graph.event_of(event.other, 1));
    }
    if (writes(event.kind)) {
      for (EventId reader = event.readers; reader != 0; reader = graph[reader].next_reader) {
        reach(reader);
      }
      reach(event.co_next);
    } else if (reads(event.kind) && !is_waiting(event)) {
      reach(graph.co_next(event.location, event.store));
    }
  }

  Vec<bool> seen_;
  Vec<EventId> open_;
};

}  // namespace

Consistency& sequential_consistency() {
  static SequentialConsistency consistency;
  return consistency;
}

}  // namespace heddle::graph
