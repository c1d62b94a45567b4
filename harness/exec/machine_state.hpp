// In-target world. What a thread's future depends on: its registers and its stack.
#pragma once

#include "base/types.hpp"

namespace heddle::exec {

struct Thread;

/// A hash of the registers that calls preserve and of the stack, as they are in the code that will
/// go on at `pc`, which has called into the runtime on this fiber. Two equal ones mean that the
/// thread is in the same state, but for memory that is not its stack. O(stack); a microsecond or
/// so.
u64 machine_state(const Thread& thread, uptr pc);

}  // namespace heddle::exec
