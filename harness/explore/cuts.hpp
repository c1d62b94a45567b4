// In-target world. Graphs cut down to some of their events, and made whole again.
#pragma once

#include "base/archive.hpp"
#include "graph/graph.hpp"

namespace heddle::exploration {

/// The cuts of one graph within each other. Kept of each: the events that it dropped, so that
/// memory is not used again for what a graph and the one cut from it have in common.
class Cuts {
 public:
  /// Of the graph, drops the events that are not in `keeps`, by id, and numbers the others anew, in
  /// their order. These must be before all those dropped in coherence, and read none of them.
  /// O(n), and T for each event from the first one dropped on.
  void cut(graph::Graph& graph, const OwnedVec<bool>& keeps);
  /// Undoes the last cut. The graph must be as that one left it. The same cost.
  void mend(graph::Graph& graph);
  /// Makes the graph what it was before the cut `nth`, of which it has the events that were kept.
  void show(graph::Graph& graph, u32 nth);
  /// The number that the last cut gave to an event that it kept.
  graph::EventId renamed(graph::EventId id) const {
    return id < first_ ? id : renamed_[id - first_];
  }

  /// Of those dropped by the cut `nth`: what an archive does not keep, from the whole graph.
  void learn_values(const graph::Graph& graph, u32 nth);
  void archive(Archive& archive);
  void clear();

 private:
  struct Dropped {
    graph::EventId id;
    graph::Event event;
  };

  u32 end_of(u32 nth) const {
    return nth + 1 < begins_.size() ? begins_[nth + 1] : dropped_.size();
  }
  /// From the event `first` on.
  void begin(graph::Graph& graph, graph::EventId first);

  OwnedVec<Dropped> dropped_;  // in order, of each cut
  OwnedVec<u32> begins_;       // of each cut, in dropped_
  graph::EventId first_ = 1;   // that got another number
  OwnedVec<graph::EventId> renamed_;
  OwnedVec<graph::Event> events_;  // that are taken away and added again
};

}  // namespace heddle::exploration
