// What the executions of a body ended with.
#pragma once

#include <set>

#include "litmus.hpp"

namespace heddle::litmus {

/// Bodies insert from inside of executions, whose heap goes when they end: nothing is allocated
/// then. Not instrumented, so that insertions are no events.
class OutcomeSet {
 public:
  OutcomeSet();

  void insert(const Outcome& outcome);
  std::set<Outcome> all() const { return {outcomes_.begin(), outcomes_.end()}; }

 private:
  std::vector<Outcome> outcomes_;  // sorted
};

}  // namespace heddle::litmus
