// A random way down through the executions, to guess how many there are.
#include "explore/explorer.hpp"

namespace heddle::exploration {

// Of an execution of thousands of events, with as many alternatives each, nobody waits for the
// last.
constexpr u32 kAlternativesMax = 4096;

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
  while (count < kAlternativesMax && advance() && depth_ > kOwn) {
    // Later ones leave more of the execution open.
    tickets += ++count;
    if (rng.below(tickets) < count) {
      chosen = count;
      next.clear();
      for (EventId id = 1; id <= graph().size(); ++id) {
        next.push_back(graph()[id]);
      }
    }
  }
  levels_.clear();
  saved_.clear();
  graph().clear_events();
  for (const Event& event : next) {
    graph().add_again(event);
  }
  started_ = graph().size();
  return static_cast<double>(tickets) / chosen;
}

}  // namespace heddle::exploration
