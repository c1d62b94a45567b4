// A random way down through the executions, to guess how many there are.
#include "explore/deadline.hpp"
#include "explore/explorer.hpp"

namespace heddle::exploration {

// An execution of thousands of events has as many alternatives: nobody waits for the last.
double Explorer::descend(Rng& rng) {
  constexpr u32 kOfOthers = 0;
  constexpr u32 kOwn = 1;
  for (EventId id = 1; id <= started_; ++id) {
    graph()[id].depth = kOfOthers;
  }
  depth_ = kOwn;
  u32 count = 0;
  u32 tickets = 0;
  u32 chosen = 1;
  OwnedVec<Event> next;
  while (!must_stop() && advance() && depth_ > kOwn) {
    // Later ones leave more of the execution open.
    tickets += ++count;
    if (rng.below(tickets) < count) {
      chosen = count;
      next.clear();
      graph().unwind(0, next);
      graph().rewind(next);
    }
  }
  levels_.clear();
  cuts_.clear();
  graph().clear_events();
  graph().rewind(next);
  started_ = graph().size();
  return static_cast<double>(tickets) / chosen;
}

}  // namespace heddle::exploration
