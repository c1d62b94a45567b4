// Litmus tests that the literature knows, with what each memory model makes of them.
#pragma once

#include <span>

#include "enumerator.hpp"

namespace heddle::litmus {

/// Where the counts of an entry come from.
enum class Origin : u8 {
  kHand,   // derived by hand, before a program was asked
  kGenMC,  // SC and RC11: what GenMC's own tests expect (tests/correct of v0.11.0); TSO: computed
  kComputed,  // by the enumerator, then written down
};

struct Expected {
  bool allowed;  // whether the outcome that the entry asks about can happen
  u64 complete;
  u64 blocked;
};

struct Entry {
  const char* name;  // as herd7 and the papers have it, where they have it
  const char* program;
  const char* asked;  // a part of an outcome
  Origin origin;
  Expected expected[std::size(kModels)];  // indexed by Model
};

std::span<const Entry> catalogue();

}  // namespace heddle::litmus
