// Threads that read the same again and again stand aside until somebody writes.

#include "exec/execution.hpp"

namespace heddle::exec {

void Execution::park(Thread& thread) {
  thread.same_reads = 0;
  thread.reads_in_row = 0;
  if (thread.persists != 0 && --thread.persists != 0) {
    return;
  }
  if (runnable_.count() == 1) {
    unpark_all();  // what it spins for may be theirs to do
  }
  if (!thread.parked && runnable_.count() > 1 && options_.parks && !persists(thread)) {
    thread.parked = true;
    runnable_.erase(thread.id);
    parked_.insert(thread.id);
  }
}

// Who spins for a while before it blocks gets there only if nobody disturbs it.
bool Execution::persists(Thread& thread) {
  if (thread.has_persisted || turns_ != 0 || decide(DecisionKind::kSpin, 2) == 0) {
    return false;
  }
  thread.has_persisted = true;
  thread.persists = kParkingsMissed;
  return true;
}

// A read may be the last thing that a thread does before it waits for something else, or ends.
void Execution::unpark(Thread& thread) {
  if (thread.parked) {
    thread.parked = false;
    parked_.erase(thread.id);
    runnable_.insert(thread.id);
  }
}

void Execution::unpark_all() {
  parked_.each([this](ThreadId id) {
    threads_[to_index(id)].parked = false;
    runnable_.insert(id);
  });
  parked_.clear();
}

}  // namespace heddle::exec
