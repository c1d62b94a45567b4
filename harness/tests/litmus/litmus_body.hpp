// Litmus tests as C++ that runs: std::thread, std::atomic and std::mutex.
#pragma once

#include <functional>

#include "outcome_set.hpp"

namespace heddle::litmus {

/// A body, instrumented, that runs `program` once and inserts into `outcomes` what it ended with.
/// Both must outlive it.
std::function<void()> body_of(const Program& program, OutcomeSet& outcomes);

}  // namespace heddle::litmus
