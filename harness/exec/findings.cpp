// What is reported, of one execution.

#include <algorithm>

#include "exec/execution.hpp"

namespace heddle::exec {

void Execution::report(Thread& thread, FindingKind kind, const char* rule, uptr pc,
                       const char* message) {
  Finding& finding = new_finding();
  finding.kind = kind;
  finding.rule = rule;
  finding.thread = thread.id;
  finding.pc = pc;
  finding.message.clear();
  finding.message.add("%s", message);
  commit_finding(finding);
}

Finding& Execution::new_finding() {
  Finding& finding = finding_.kind == FindingKind::kNone ? finding_ : spare_finding_;
  finding.operation = memory::kNoOperation;
  finding.event = memory::kNoEvent;
  finding.other_event = memory::kNoEvent;
  return finding;
}

// One race hides others: who is let through the first one may come to the next.
void Execution::note_raced(uptr address) {
  constexpr u32 kRacedMax = 16;
  if (raced_.size() < kRacedMax &&
      std::find(raced_.begin(), raced_.end(), address) == raced_.end()) {
    raced_.push_back(address);
  }
}

void Execution::commit_finding(Finding& finding) {
  if (finding.kind == FindingKind::kRace) {
    note_raced(finding.address);
  }
  const bool goes_on = finding.kind == FindingKind::kRace && options_.race_continue;
  if (goes_on && &finding == &spare_finding_) {
    return;  // the first race is told
  }
  note_finding(finding);
  if (!goes_on) {
    abandon();
  }
}

// Gives the finding an event of its own, unless it points to one or is about a whole operation.
void Execution::note_finding(Finding& finding) {
  if (options_.trace && finding.thread != ThreadId::kNone &&
      finding.operation == memory::kNoOperation && finding.event >= events_.size()) {
    finding.event = events_.size();
    record_event(thread(finding.thread), EventKind::kFinding, finding.address, 0,
                 static_cast<u64>(finding.kind), Order::kRelaxed, finding.pc);
  }
}

void Execution::sanitizer_report(const SanitizerReport& report) {
  if (running_thread_ == nullptr || stop_requested_) {
    return;
  }
  note_finding(access_oracle_->on_sanitizer_report(*running_thread_, report));
  stop_soon();
}

void Execution::sanitizer_race(const char* text, uptr pc) {
  const Thread* thread = running_thread_;
  const bool known = options_.race_continue && finding_.kind == FindingKind::kRace;
  if (thread == nullptr || stop_requested_ || known) {
    return;
  }
  Finding& finding = new_finding();
  finding.kind = FindingKind::kRace;
  finding.rule = "tsan-data-race";
  finding.thread = thread->id;
  finding.pc = pc;
  finding.message.clear();
  finding.message.add("ThreadSanitizer: data race in T%u", to_index(thread->id));
  finding.detail.clear();
  finding.detail.add("%s", text);
  note_finding(finding);
  if (!options_.race_continue) {
    stop_soon();
  }
}

void Execution::stop_soon() {
  stop_requested_ = true;
  set_alarm();
  options_.preempt_all = true;  // plain accesses reach point() too
  careful_ = true;
}

}  // namespace heddle::exec
