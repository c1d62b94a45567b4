#include "oracle/waits.hpp"

namespace heddle::oracle {

using exec::Execution;
using exec::SyncVar;
using exec::Thread;
using exec::ThreadState;
using exec::WaitKind;

uptr waited_at(const Thread& thread) {
  return thread.waits_at == nullptr ? 0 : thread.waits_at->address;
}

ThreadId blocker(Execution& execution, const Thread& thread) {
  switch (thread.wait) {
    case WaitKind::kJoin: return thread.join_target;
    case WaitKind::kMutex:
    case WaitKind::kShared:
    case WaitKind::kGuard: return thread.waits_at->owner;
    case WaitKind::kExclusive: {
      const SyncVar& lock = *thread.waits_at;
      return lock.owner != ThreadId::kNone ? lock.owner : execution.first_reader(lock);
    }
    default: return ThreadId::kNone;
  }
}

void describe_wait(Message& message, Execution& execution, const Thread& thread) {
  message.add("T%u waits for ", to_index(thread.id));
  switch (thread.wait) {
    case WaitKind::kJoin: message.add("T%u to finish", to_index(thread.join_target)); return;
    case WaitKind::kMutex: describe_object(message, "the mutex", waited_at(thread)); break;
    case WaitKind::kShared:
    case WaitKind::kExclusive:
      describe_object(message, "the reader-writer lock", waited_at(thread));
      break;
    case WaitKind::kGuard:
      describe_object(message, "the initialisation guard", waited_at(thread));
      break;
    case WaitKind::kCondition:
      describe_object(message, "a notification of the condition variable", waited_at(thread));
      return;
    case WaitKind::kFutex:
      describe_object(message, "a notification of the atomic", waited_at(thread));
      return;
    case WaitKind::kSemaphore: describe_object(message, "the semaphore", waited_at(thread)); return;
    case WaitKind::kBarrier:
      describe_object(message, "others to arrive at the barrier", waited_at(thread));
      message.add(", where %u are", thread.waits_at->arrived);
      return;
    case WaitKind::kNone:
    case WaitKind::kEnd: message.add("nothing"); return;
    case WaitKind::kAllOthers: message.add("all others to finish"); return;
    case WaitKind::kForGood: message.add("an assumption that does not hold"); return;
  }
  const SyncVar& variable = *thread.waits_at;
  const ThreadId holder =
      variable.owner != ThreadId::kNone ? variable.owner : execution.first_reader(variable);
  if (holder == ThreadId::kNone) {
    return;
  }
  const bool finished = execution.thread(holder).state == ThreadState::kFinished;
  message.add(" held by %sT%u%s", holder == variable.owner ? "" : "reader ", to_index(holder),
              finished               ? ", which has finished"
              : variable.readers > 1 ? " and others"
                                     : "");
}

}  // namespace heddle::oracle
