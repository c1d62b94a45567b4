// In-target world. The data race oracle, and the judge of memory accesses.
#pragma once

#include "exec/execution.hpp"

namespace heddle::oracle {

/// Judges each access to memory, plain and atomic.
///
/// Race: two accesses to one byte, not both atomic, at least one a write (a free counts as one),
/// neither happening before the other by C++20's happens-before. Exact for the execution at hand:
/// no false report, and every race among its accesses is seen. Per granule the oracle keeps the
/// accesses that are not yet dominated; an access A dominates E when E happens before A, A covers
/// E's bytes, and whatever conflicts with E conflicts with A.
/// Complexity: O(1) for data that one thread at a time uses; O(threads) at worst.
/// Source: Flanagan, Freund: FastTrack (PLDI 2009); differs: per byte, with atomics, no read
/// epochs.
///
/// Heap: accesses to bytes that belong to no live block, and bad frees. With AddressSanitizer
/// linked in, those are its business; blocks freed in another way than obtained are judged here.
exec::AccessOracle& access_oracle();

/// Blocks still live at the end that nothing can reach: a leak. Reachable, as for LeakSanitizer,
/// is what a global, a thread-local variable or a reachable block points to.
exec::Oracle& leak_oracle();

/// All threads wait: who waits for what, and the cycle.
exec::Oracle& deadlock_oracle();

/// The limit of steps was reached by a schedule in which spinning threads give way.
exec::Oracle& livelock_oracle();

/// Threads that are let run do not get on while others stand still, against the target's promise.
/// Source: Herlihy, Shavit: On the Nature of Progress (OPODIS 2011), for the conditions.
exec::Oracle& progress_oracle();

}  // namespace heddle::oracle
