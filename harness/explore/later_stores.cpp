#include "explore/later_stores.hpp"

namespace heddle::exploration {

using graph::Event;
using graph::EventId;
using graph::kInitial;

void LaterStores::begin(const graph::Graph& graph, const u32* prefix) {
  graph_ = &graph;
  prefix_ = prefix;
  ++round_;
}

u32 LaterStores::smallest_stamp(u32 location, EventId store) {
  while (locations_.size() <= location) {
    locations_.push_back(Known{});
  }
  if (locations_[location].round != round_) {
    go_through(location);
  }
  return store == kInitial ? locations_[location].all : behind_[store];
}

void LaterStores::go_through(u32 location) {
  if (behind_.size() <= graph_->size()) {
    behind_.resize(graph_->size() + 1);
  }
  u32 smallest = kNone;
  for (EventId store = graph_->co_last(location); store != kInitial;) {
    const Event& event = (*graph_)[store];
    behind_[store] = smallest;
    const u32 stamp = event.index <= prefix_[event.thread] ? 0 : event.stamp;
    smallest = stamp < smallest ? stamp : smallest;
    store = event.co_prev;
  }
  locations_[location] = Known{round_, smallest};
}

}  // namespace heddle::exploration
