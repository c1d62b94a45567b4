// The oracle for containers that promise to get on whoever stands still.
#include "oracle/oracles.hpp"
#include "oracle/waits.hpp"
#include "target/history.hpp"

namespace heddle::oracle {
namespace {

using exec::Execution;
using exec::Finding;
using exec::Thread;

const char* operation_of(const Thread& thread) {
  return thread.operation < target::history().entries.size()
             ? target::history().entries[thread.operation].name
             : "no operation";
}

class ProgressOracle final : public exec::Oracle {
 public:
  void on_no_progress(Execution& execution, Thread& thread) override {
    const bool waits = thread.state == exec::ThreadState::kBlocked;
    Finding& finding = execution.new_finding();
    finding.kind = exec::FindingKind::kProgress;
    const bool others_stand_still = !execution.frozen().empty();
    finding.rule = waits ? "waits" : others_stand_still ? "retries" : "unbounded";
    finding.thread = thread.id;
    finding.pc = thread.pending_pc;
    finding.address = waits ? waited_at(thread) : thread.pending_address;
    finding.message.clear();
    finding.message.add("no progress: ");
    if (waits) {
      describe_wait(finding.message, execution, thread);
    } else {
      finding.message.add("T%u retries", to_index(thread.id));
    }
    finding.message.add(" in %s %s", operation_of(thread),
                        others_stand_still ? "without end" : "for more steps than promised");
    const char* separator = " while ";
    execution.frozen().each([&](ThreadId id) {
      const Thread& still = execution.thread(id);
      finding.message.add("%sT%u stands still in %s", separator, to_index(id), operation_of(still));
      separator = ", ";
    });
    execution.commit_finding(finding);
  }
};

}  // namespace

exec::Oracle& progress_oracle() {
  static ProgressOracle oracle;
  return oracle;
}

}  // namespace heddle::oracle
