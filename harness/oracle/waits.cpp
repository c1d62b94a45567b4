#include "oracle/waits.hpp"

namespace heddle::oracle {
namespace {

using exec::Execution;
using exec::SyncVar;
using exec::Thread;
using exec::ThreadState;
using exec::WaitKind;

SyncVar& waited_for(Execution& execution, const Thread& thread) {
  return execution.variable_at(thread.wait_address,
                               execution.shadow().cell(thread.wait_address & ~uptr{7}));
}

}  // namespace

ThreadId blocker(Execution& execution, const Thread& thread) {
  switch (thread.wait) {
    case WaitKind::kJoin: return thread.join_target;
    case WaitKind::kMutex:
    case WaitKind::kShared:
    case WaitKind::kGuard: return waited_for(execution, thread).owner;
    case WaitKind::kExclusive: {
      const SyncVar& lock = waited_for(execution, thread);
      return lock.owner != ThreadId::kNone ? lock.owner : execution.first_reader(lock);
    }
    default: return ThreadId::kNone;
  }
}

void describe_wait(Message& message, Execution& execution, const Thread& thread) {
  message.add("T%u waits for ", to_index(thread.id));
  switch (thread.wait) {
    case WaitKind::kJoin: message.add("T%u to finish", to_index(thread.join_target)); return;
    case WaitKind::kMutex: describe_object(message, "the mutex", thread.wait_address); break;
    case WaitKind::kShared:
    case WaitKind::kExclusive:
      describe_object(message, "the reader-writer lock", thread.wait_address);
      break;
    case WaitKind::kGuard:
      describe_object(message, "the initialisation guard", thread.wait_address);
      break;
    case WaitKind::kCondition:
      describe_object(message, "a notification of the condition variable", thread.wait_address);
      return;
    case WaitKind::kFutex:
      describe_object(message, "a notification of the atomic", thread.wait_address);
      return;
    case WaitKind::kSemaphore:
      describe_object(message, "the semaphore", thread.wait_address);
      return;
    case WaitKind::kBarrier:
      describe_object(message, "others to arrive at the barrier", thread.wait_address);
      message.add(", where %u are", waited_for(execution, thread).arrived);
      return;
    case WaitKind::kNone:
    case WaitKind::kEnd: message.add("nothing"); return;
  }
  const SyncVar& variable = waited_for(execution, thread);
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
