// The oracles for executions that get nowhere: deadlock and livelock.
#include "oracle/oracles.hpp"
#include "oracle/waits.hpp"

namespace heddle::oracle {
namespace {

using exec::Execution;
using exec::Finding;
using exec::FindingKind;
using exec::Thread;
using exec::ThreadState;

bool waits_for_good(const Thread& thread) {
  return thread.state == ThreadState::kBlocked && !thread.timed && !thread.patient;
}

/// A thread on a cycle of blockers, or kNone.
ThreadId on_cycle(Execution& execution) {
  for (u32 i = 0; i < execution.thread_count(); ++i) {
    const Thread& start = execution.thread(to_thread_id(i));
    if (!waits_for_good(start)) {
      continue;
    }
    ThreadId at = start.id;
    for (u32 hops = 0; hops <= execution.thread_count() && at != ThreadId::kNone; ++hops) {
      at = waits_for_good(execution.thread(at)) ? blocker(execution, execution.thread(at))
                                                : ThreadId::kNone;
      if (at == start.id) {
        return at;
      }
    }
  }
  return ThreadId::kNone;
}

/// A thread whose lock another one waits for, and that has finished; or kNone.
ThreadId finished_holder(Execution& execution) {
  for (u32 i = 0; i < execution.thread_count(); ++i) {
    const Thread& thread = execution.thread(to_thread_id(i));
    if (thread.state == ThreadState::kBlocked) {
      const ThreadId holder = blocker(execution, thread);
      if (holder != ThreadId::kNone && execution.thread(holder).state == ThreadState::kFinished) {
        return holder;
      }
    }
  }
  return ThreadId::kNone;
}

class DeadlockOracle final : public exec::Oracle {
 public:
  // The program has ended, but these had not.
  void on_end(Execution& execution) override {
    if (on_cycle(execution) != ThreadId::kNone) {
      on_stuck(execution);
    }
  }

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
      finding.rule =
          finished_holder(execution) == ThreadId::kNone ? "lost-wakeup" : "abandoned-lock";
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
    finding.address = waited_at(execution.thread(id));
  }
};

class LivelockOracle final : public exec::Oracle {
 public:
  void on_step_limit(Execution& execution, Thread& thread) override {
    Text<200> message;
    message.add(
        "livelock: no end after %llu scheduling points (--max-steps raises the limit); T%u keeps "
        "to '%s'",
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
