// In-target world, under a RuntimeScope. The times at which the operations of one execution may
// have been called and have returned.
#pragma once

#include <functional>
#include <vector>

#include "target/history.hpp"

namespace heddle::target {

/// Says of operations i and j whether j has been called when i returns; i itself has.
using Needs = std::vector<std::vector<bool>>;

/// When operations are called and return, in steps: in each one calls come first, then returns.
struct Timing {
  std::vector<u32> called;
  std::vector<u32> returned;
};

/// An execution may be many interleavings. For a history they differ in which operations have
/// returned when others are called, and the more have, the fewer orders of the operations are left.
/// Tries the timings in which no more can have: each operation returns as soon as it can, and is
/// called only when one that is to return needs it. True if `wrong` says so of one of them.
/// O(operations!) timings at worst, where none depends on another and each has a thread.
bool any_timing(const Needs& needs, const std::function<bool(const Timing&)>& wrong);

/// The same for a history whose model interleaves. It has the times of the timing at hand when
/// `wrong` is asked, and keeps them if that says yes.
bool any_timing(History& history, const std::function<bool()>& wrong);

}  // namespace heddle::target
