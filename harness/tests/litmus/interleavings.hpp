// A second opinion on SC and TSO: machines that run all interleavings, and know no axioms.
#pragma once

#include "enumerator.hpp"

namespace heddle::litmus {

/// What `enumerate` says of this model. Under TSO each thread has a buffer that holds its stores
/// back: Owens, Sarkar, Sewell: A Better x86 Memory Model: x86-TSO (TPHOLs 2009). RC11 has no such
/// machine.
Behaviour interleave(const Program& program, Model model);

}  // namespace heddle::litmus
