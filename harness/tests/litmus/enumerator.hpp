// The judge of explorers: all executions of a litmus test, by brute force.
#pragma once

#include <functional>
#include <set>
#include <span>

#include "axioms.hpp"

namespace heddle::litmus {

/// What a program can do under one memory model. Executions are counted by what the model can tell
/// apart: events, reads-from and coherence order; each order of the operations on a
/// mutex is one, attempts that fail among them.
///
/// An execution is maximal: no thread can go on. It is complete if all threads have finished; else
/// it is blocked: each thread that has not finished is at an assumption that does not hold, or
/// waits for a mutex that nobody will unlock. A thread that waits makes no event, and an assumption
/// is none; so a load that an assumption does not like is an execution of its own, whatever the
/// same load might have read instead.
///
/// Locking and unlocking are updates that acquire and release: under TSO both drain the store
/// buffer. A compare-exchange that fails is a load, which drains nothing.
struct Behaviour {
  u64 complete = 0;
  u64 blocked = 0;
  std::set<Outcome> outcomes;  // of complete executions
};

/// Indexed by Model.
using Behaviours = std::array<Behaviour, std::size(kModels)>;

Behaviours enumerate(const Program& program);

/// What a thread does, as far as what its loads have returned decides: up to the first load of
/// which that is not known, or to the end.
struct Steps {
  Thread operations;     // with constant operands, unguarded, without assumptions
  bool stopped = false;  // after these, by an assumption
  Registers registers = {};
};

using Code = std::function<Steps(std::span<const int> returned)>;

struct Threads {
  std::vector<Code> codes;
  u32 locations = kLocationsMax;
};

/// The same of any code. Makes up every reads-from without cycles in po and rf (none of the models
/// has such cycles), then every order of the stores to each location, and asks the axioms.
Behaviours enumerate(const Threads& threads);

}  // namespace heddle::litmus
