#include "outcome_set.hpp"

#include <algorithm>

#include "base/invariant.hpp"

namespace heddle::litmus {

OutcomeSet::OutcomeSet() { outcomes_.reserve(4096); }

void OutcomeSet::insert(const Outcome& outcome) {
  const auto place = std::lower_bound(outcomes_.begin(), outcomes_.end(), outcome);
  if (place == outcomes_.end() || *place != outcome) {
    HEDDLE_INVARIANT(outcomes_.size() < outcomes_.capacity());
    outcomes_.insert(place, outcome);
  }
}

}  // namespace heddle::litmus
