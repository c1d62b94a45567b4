#include "explore/cuts.hpp"

namespace heddle::exploration {

using graph::Event;
using graph::EventId;
using graph::Graph;
using graph::kInitial;

void Cuts::cut(Graph& graph, const OwnedVec<bool>& keeps) {
  EventId first = 1;
  while (keeps[first]) {
    ++first;
  }
  begins_.push_back(dropped_.size());
  begin(graph, first);
  for (EventId id = first; !events_.empty(); ++id, events_.pop_back()) {
    Event event = events_.back();
    if (keeps[id]) {
      HEDDLE_INVARIANT(event.store == kInitial || keeps[event.store]);
      event.store = renamed(event.store);
      renamed_.push_back(graph.add_again(event));
    } else {
      dropped_.push_back(Dropped{id, event});
      renamed_.push_back(kInitial);
    }
  }
}

void Cuts::mend(Graph& graph) {
  const u32 last = begins_.size() - 1;
  show(graph, last);
  dropped_.resize(begins_[last]);
  begins_.pop_back();
}

void Cuts::show(Graph& graph, u32 nth) {
  const u32 end = end_of(nth);
  u32 next = begins_[nth];
  begin(graph, dropped_[next].id);
  while (next < end || !events_.empty()) {
    if (next < end && dropped_[next].id == graph.size() + 1) {
      graph.add_again(dropped_[next++].event);
    } else {
      Event event = events_.back();
      events_.pop_back();
      event.store = renamed(event.store);
      renamed_.push_back(graph.add_again(event));
    }
  }
}

void Cuts::begin(Graph& graph, EventId first) {
  first_ = first;
  renamed_.clear();
  events_.clear();
  graph.unwind(first - 1, events_);
}

void Cuts::learn_values(const Graph& graph, u32 nth) {
  for (u32 at = begins_[nth]; at < end_of(nth); ++at) {
    graph::learn_values(dropped_[at].event, graph[dropped_[at].id]);
  }
}

void Cuts::archive(Archive& archive) {
  archive.list(begins_, [&](u32& begin) { archive(begin); });
  archive.list(dropped_, [&](Dropped& dropped) {
    archive(dropped.id);
    graph::archive(archive, dropped.event);
  });
}

void Cuts::clear() {
  dropped_.clear();
  begins_.clear();
}

}  // namespace heddle::exploration
