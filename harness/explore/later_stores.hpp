// In-target world. What comes behind a store in coherence, for many questions about one graph.
#pragma once

#include "graph/graph.hpp"

namespace heddle::exploration {

/// Of the stores behind one in coherence, the smallest stamp, where those that are kept in any case
/// count as 0. Each location is gone through once, when it is first asked about.
class LaterStores {
 public:
  /// Forgets all answers. `prefix`: those up to these indices, by thread, are kept. O(1).
  void begin(const graph::Graph& graph, const u32* prefix);
  /// kNone if nothing comes behind the store. O(1), but for the first time at a location: O(its
  /// stores).
  u32 smallest_stamp(u32 location, graph::EventId store);

  static constexpr u32 kNone = ~u32{0};

 private:
  struct Known {
    u32 round;
    u32 all;  // of all stores of the location
  };

  void go_through(u32 location);

  const graph::Graph* graph_ = nullptr;
  const u32* prefix_ = nullptr;
  u32 round_ = 0;
  OwnedVec<Known> locations_;
  OwnedVec<u32> behind_;  // by store
};

}  // namespace heddle::exploration
