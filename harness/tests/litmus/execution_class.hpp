// What memory models can tell executions apart by.
#pragma once

#include <vector>

#include "graph/graph.hpp"

namespace heddle::litmus {

/// An execution graph without the order in which its events were added, and without the names of
/// its locations: thread by thread, each event with what it reads and what it follows in coherence.
/// Equal if and only if the executions are. Operations on objects that waited for their turn count
/// once they took place.
using ExecutionClass = std::vector<u32>;

/// O(n log n).
ExecutionClass class_of(const graph::Graph& graph);

}  // namespace heddle::litmus
