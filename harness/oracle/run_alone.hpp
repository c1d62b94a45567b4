// In-target world, under a RuntimeScope. The type under test as its own specification.
#pragma once

#include "heddle/specification.hpp"
#include "target/registry.hpp"

namespace heddle::oracle {

/// Answers as an object of the target's does when one thread does all operations. A state is the
/// operations so far; to go on from it means to do them all again, unless they were the last to be
/// done. States compare equal only if their operations are the same.
/// `target` must outlive it.
std::unique_ptr<Specification> run_alone(const TargetImplementation& target);

}  // namespace heddle::oracle
