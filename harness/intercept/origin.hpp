// In-target world. Whose code called a hook.
#pragma once

#include "exec/thread.hpp"
#include "exec/uncontrolled.hpp"

namespace heddle::intercept {

/// True for the program under test: the executable, and libraries with instrumentation.
bool is_program(uptr pc);

/// True for the program and for the C++ library, whose allocations are part of an execution. What
/// other libraries allocate (stdio's buffers, say) outlives executions and is theirs.
bool is_program_or_cxx_library(uptr pc);

/// Where in the program a call comes from: `pc`, or who called the library that it lies in. That
/// one is looked for in traced executions only.
uptr place_in_program(uptr pc);

/// True if a handler of exit() is for an object of the program, or, without one, its function.
bool is_programs_object(void* object, void (*function)(void*));

/// Notes a call from a library that is not instrumented.
void note_library(exec::Uncontrolled kind, const char* function, uptr pc);

/// True for ld.so, whose state is never rolled back.
bool is_loader(uptr pc);

}  // namespace heddle::intercept
