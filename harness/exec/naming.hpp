// In-target world. Names of locations and values that are equal in every run and every build.
#pragma once

#include "base/types.hpp"

namespace heddle::exec {

class Execution;

/// A location's name, hashed. Heap: (allocating thread, its n-th allocation, offset). Globals:
/// (symbol, offset). Memory from before main(): see early_name(). Stacks and thread-local storage:
/// (thread, n-th object synchronised on there). Never the address itself. Used where executions are
/// traced, so it may take its time.
u64 stable_name(Execution& execution, uptr address);

/// A name for what plain code accesses at `address`, as good as it gets: on stacks it is a distance
/// from the top, which another build may have elsewhere.
u64 plain_name(Execution& execution, uptr address);

/// Of memory that static constructors have allocated: (n-th allocation, offset). 0: it is none.
u64 early_name(uptr address);

/// A number for such an address, 0 for others. Set by who knows that memory.
extern u64 (*early_place)(uptr address);

/// Of a place that the target named.
u64 name_of_text(const char* text);

/// stable_name() for a value that may be a pointer; other values stand for themselves.
u64 stable_value(Execution& execution, u64 value);

}  // namespace heddle::exec
