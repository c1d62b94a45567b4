// Programs of any size, and how many executions they have.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "catalogue.hpp"

namespace heddle::litmus {

/// A member of a family, and how many complete executions it has under each model, where that is
/// known. Failed rounds of a spin loop are not part of a complete execution.
struct Member {
  const char* family;
  u32 n;
  Origin origin;
  std::optional<u64> complete[std::size(kModels)];  // indexed by Model
  bool small;                                       // enough for the enumerator
};

std::span<const Member> members();

/// Instrumented C++ that runs it; spin loops are plain loops. (family_bodies.cpp)
std::function<void()> body_of(const Member& member);

/// What the enumerator can judge, unless the family has more locations than that can take.
Threads threads_of(const Member& member);

}  // namespace heddle::litmus
