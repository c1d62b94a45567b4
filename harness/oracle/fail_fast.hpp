// In-target world. What fail_fast() and versioned() share.
#pragma once

#include "oracle/iteration_judge.hpp"

namespace heddle::oracle {

/// True if a step of the iteration is refused that must not be, or the other way round.
bool refuses_wrongly(IterationJudge& judge, const Iteration& iteration,
                     const contracts::FailFast& options);

}  // namespace heddle::oracle
