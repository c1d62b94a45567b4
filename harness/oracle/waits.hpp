// In-target world. Who waits for what.
#pragma once

#include "exec/execution.hpp"
#include "oracle/describe.hpp"

namespace heddle::oracle {

/// The address of the object that `thread` waits at; 0 if it waits for a thread.
uptr waited_at(const exec::Thread& thread);

/// The thread that must act before `thread` can go on; kNone if it could be anybody.
ThreadId blocker(exec::Execution& execution, const exec::Thread& thread);

/// Appends "T1 waits for the mutex in global 'm' held by T2".
void describe_wait(Message& message, exec::Execution& execution, const exec::Thread& thread);

}  // namespace heddle::oracle
