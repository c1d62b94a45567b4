// In-target world. What snapshot() and versioned() share.
#pragma once

#include "oracle/iteration_judge.hpp"

namespace heddle::oracle {

/// True if the elements of the iteration are not those of one moment in the call that opens it.
bool is_no_snapshot(IterationJudge& judge, const Iteration& iteration);

}  // namespace heddle::oracle
