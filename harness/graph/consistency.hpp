// In-target world. Memory models, as predicates over execution graphs.
#pragma once

#include "graph/graph.hpp"

namespace heddle::graph {

/// Says which graphs are executions. What all models here have in common is built into how graphs
/// grow: reads take place after what they read, no update is split, and no access overlooks what it
/// happens after (Graph::is_observed).
class Consistency {
 public:
  virtual ~Consistency() = default;
  virtual const char* name() const = 0;
  /// True if its executions are interleavings.
  virtual bool interleaves() const { return false; }
  /// True if the graph is still an execution with its last event, a read, write or update. To be
  /// asked only if that event reads or follows a store that is not the last one in coherence: the
  /// others only have edges towards them.
  virtual bool holds(const Graph& graph) = 0;
};

/// Interleavings: program order ∪ reads-from ∪ coherence ∪ from-reads is acyclic.
/// O(events that come after the last one in this order).
Consistency& sequential_consistency();

/// Stores wait in a buffer of their thread, first in, first out, while later loads go ahead of
/// them; updates, seq_cst fences and seq_cst stores wait until it is empty, as x86 compiles them.
/// O(as above). Source: Owens, Sarkar, Sewell: A Better x86 Memory Model: x86-TSO (TPHOLs 2009).
Consistency& total_store_order();

/// C++20's atomics without load buffering: SC accesses and fences have an acyclic partial order.
/// O(as above × threads × log n).
/// Source: Lahav, Vafeiadis, Kang, Hur, Dreyer: Repairing Sequential Consistency in C/C++11
/// (PLDI 2017).
Consistency& rc11();

/// "sc", "tso" or "rc11"; null for an unknown name.
Consistency* consistency_of(const char* name);

}  // namespace heddle::graph
