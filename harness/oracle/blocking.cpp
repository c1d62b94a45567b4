// The oracles for executions that get nowhere: deadlock and livelock.
#include "oracle/describe.hpp"
#include "oracle/oracles.hpp"

namespace heddle::oracle {
namespace {

using exec::Execution;
using exec::Finding;
using exec::FindingKind;
using exec::SyncVar;
using exec::Thread;
using exec::ThreadState;
using exec::WaitKind;

SyncVar& waited_for(Execution& execution, const Thread& thread) {
  return execution.variable_at(thread.wait_address,
                               execution.shadow().cell(thread.wait_address & ~uptr{7}));
}

/// The thread that must act before `thread` can go on; kNone if it could be anybody.
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
  if (variable.owner != ThreadId::kNone) {
    const bool finished = execution.thread(variable.owner).state == ThreadState::kFinished;
    message.add(" held by T%u%s", to_index(variable.owner), finished ? ", which has finished" : "");
  } else if (variable.readers != 0) {
    message.add(" held by reader T%u%s", to_index(execution.first_reader(variable)),
                variable.readers > 1 ? " and others" : "");
  }
}

/// A thread on a cycle of blockers, or kNone.
ThreadId on_cycle(Execution& execution) {
  for (u32 i = 0; i < execution.thread_count(); ++i) {
    const Thread& start = execution.thread(to_thread_id(i));
    if (start.state != ThreadState::kBlocked) {
      continue;
    }
    ThreadId at = start.id;
    for (u32 hops = 0; hops <= execution.thread_count() && at != ThreadId::kNone; ++hops) {
      at = execution.thread(at).state == ThreadState::kBlocked
               ? blocker(execution, execution.thread(at))
               : ThreadId::kNone;
      if (at == start.id) {
        return at;
      }
    }
  }
  return ThreadId::kNone;
}

class DeadlockOracle final : public exec::Oracle {
 public:
  void on_stuck(Execution& execution) override {
    const ThreadId cycle = on_cycle(execution);
    Finding& finding = execution.new_finding();
    finding.kind = FindingKind::kDeadlock;
    finding.message.clear();
    if (cycle != ThreadId::kNone) {
      finding.rule = "cycle";
      finding.message.add("deadlock: ");
      ThreadId at = cycle;
      do {
        describe_wait(finding.message, execution, execution.thread(at));
        at = blocker(execution, execution.thread(at));
        finding.message.add("%s", at == cycle ? "" : "; ");
      } while (at != cycle);
      fill(execution, finding, cycle);
    } else {
      finding.rule = "lost-wakeup";
      finding.message.add("deadlock: no thread can run; ");
      ThreadId first = ThreadId::kNone;
      for (u32 i = execution.thread_count(); i > 0; --i) {
        // The last one made is the likeliest to wait for something other than a join.
        const Thread& thread = execution.thread(to_thread_id(i - 1));
        if (thread.state == ThreadState::kBlocked) {
          finding.message.add("%s", first == ThreadId::kNone ? "" : "; ");
          describe_wait(finding.message, execution, thread);
          first = first == ThreadId::kNone ? thread.id : first;
        }
      }
      fill(execution, finding, first);
    }
    execution.commit_finding(finding);
  }

 private:
  static void fill(Execution& execution, Finding& finding, ThreadId id) {
    finding.thread = id;
    finding.pc = execution.thread(id).pending_pc;
    finding.address = execution.thread(id).wait_address;
  }
};

class LivelockOracle final : public exec::Oracle {
 public:
  void on_step_limit(Execution& execution, Thread& thread) override {
    Text<200> message;
    message.add(
        "livelock: no end after %llu scheduling points (--max-steps raises the limit); T%u keeps to '%s'",
        static_cast<unsigned long long>(execution.options().step_limit), to_index(thread.id),
        exec::name_of(thread.pending));
    execution.report(thread, FindingKind::kLivelock, "step-limit", thread.pending_pc, message.data);
  }
};

}  // namespace

exec::Oracle& deadlock_oracle() {
  static DeadlockOracle oracle;
  return oracle;
}

exec::Oracle& livelock_oracle() {
  static LivelockOracle oracle;
  return oracle;
}

}  // namespace heddle::oracle
