// Programs of operation targets are run.
#include <algorithm>
#include <iterator>
#include <new>
#include <utility>

#include "exec/observer.hpp"
#include "target/registry.hpp"
#include "target/timings.hpp"

namespace heddle::target {
namespace {

using exec::engine;
using exec::EventKind;
using exec::Finding;
using exec::Order;
using exec::Thread;

constexpr unsigned kCursorsMax = 8;

struct Worker {
  const TargetImplementation* target;
  const Program* program;
  void* subject;
  u16 thread;
};

void* cursor_slots[kThreadCountMax][kCursorsMax];
Worker workers[kThreadCountMax];

u64 hash_of(const Value& value) {
  u64 hash = static_cast<u64>(value.shape);
  for (unsigned i = 0; i < value.count; ++i) {
    hash = mix64(hash ^ static_cast<u64>(value.words[i]));
  }
  return hash;
}

/// Only executions that are told print, so what that does is none of their events.
void add_structure(Finding& finding, const TargetImplementation& target, void* subject,
                   Thread& thread) {
  if (target.print != nullptr && engine().tracing()) {
    const exec::ObserverScope observer(thread);
    finding.detail.add("the structure:\n%s\n", target.print(subject).c_str());
  }
}

/// True if the structure is broken; the finding says how.
bool is_broken(const Target::Describe& validate, void* subject, Thread& thread, Finding& finding) {
  const std::string broken = validate(subject);
  if (broken.empty()) {
    return false;
  }
  finding.kind = exec::FindingKind::kContract;
  finding.rule = "invariant";
  finding.thread = thread.id;
  finding.message.clear();
  finding.message.add("structure broken: %s", broken.c_str());
  finding.detail.clear();
  return true;
}

/// The other threads' accesses are not all ordered before this thread's, so the look at them is
/// none of the execution's events.
void look_at_structure(const Worker& worker, const Target::Describe& validate, Thread& thread) {
  Finding& finding = engine().new_finding();
  bool broken = false;
  {
    const exec::ObserverScope observer(thread);
    broken = is_broken(validate, worker.subject, thread, finding);
  }
  if (broken) {
    add_structure(finding, *worker.target, worker.subject, thread);
    engine().commit_finding(finding);
  }
}

/// While no operation is in progress the structure is sound.
void look_if_at_rest(const Worker& worker, Thread& thread) {
  if (worker.target->validate != nullptr && history().in_progress == 0) {
    look_at_structure(worker, worker.target->validate, thread);
  }
}

/// Null where events take place in time.
const exec::MemoryModel* model_without_time() {
  const exec::Options& options = engine().options();
  const bool in_time =
      options.model != nullptr && options.model->interleaves() && !options.in_any_order;
  return in_time ? nullptr : options.model;
}

u32 begin_operation(Thread& thread, const Operation& operation, const ProgramStep& step) {
  HistoryEntry entry = {};
  entry.thread = thread.id;
  entry.operation = step.operation;
  entry.argument_count = static_cast<u8>(operation.argument_count);
  entry.cursor = static_cast<u8>(operation.cursor);
  entry.role = operation.meaning;
  entry.name = operation.name;
  for (unsigned a = 0; a < operation.argument_count; ++a) {
    entry.arguments[a] = step.arguments[a];
  }
  engine().point(thread, EventKind::kCall, 0, 0);
  if (engine().options().model != nullptr) {
    entry.call_event = engine().options().model->call(thread);
  }
  thread.operation = history().call(entry);
  history().delay_unseen_returns(thread.clock);
  engine().note_call(thread);
  engine().record(thread, EventKind::kCall, 0, 0, step.operation, Order::kRelaxed, 0);
  return thread.operation;
}

void end_operation(Thread& thread, u32 at, const Value& result) {
  history().come_back(at, result, thread.epoch);
  if (engine().options().model != nullptr) {
    history().entries[at].last_event = engine().options().model->last_event(thread);
  }
  engine().note_return();
  engine().record(thread, EventKind::kReturn, 0, 0, hash_of(result), Order::kRelaxed, 0);
  thread.operation = memory::kNoOperation;
}

/// A fault: one word of the iterator is another all of a sudden.
void tamper(Thread& thread, void* cursor, std::size_t bytes) {
  const u32 words = static_cast<u32>(bytes / sizeof(u64));
  if (words == 0 || !engine().fails_by_decision(exec::DecisionKind::kIteratorState)) {
    return;
  }
  u64* word = static_cast<u64*>(cursor) + engine().decide(exec::DecisionKind::kValue, words);
  const u64 others[] = {0, *word + 1, *word - 1, *word ^ 0xff, ~u64{0}};
  *word = others[engine().decide(exec::DecisionKind::kValue, std::size(others))];
  engine().record(thread, EventKind::kTamper, reinterpret_cast<uptr>(word), sizeof *word, *word,
                  Order::kRelaxed, 0);
}

exec::Freeze freeze_for(Progress progress) {
  switch (progress) {
    case Progress::kBlocking: return exec::Freeze::kNever;
    case Progress::kObstructionFree: return exec::Freeze::kOthers;
    case Progress::kLockFree:
    case Progress::kWaitFree: return exec::Freeze::kSome;
  }
  return exec::Freeze::kNever;
}

/// Where allocations may fail, an operation that gives up for that reason has no effect, and no
/// contract hears of it; a whole iteration that does so is an incomplete one.
Value carry_out(const Worker& worker, const Operation& operation, void** cursor,
                const ProgramStep& step, u32 at) {
  try {
    return operation.invoker->invoke(worker.subject, cursor, step.arguments);
  } catch (const std::bad_alloc&) {
    if ((engine().options().faults & exec::fault(exec::DecisionKind::kAllocation)) == 0) {
      throw;
    }
  }
  HistoryEntry& entry = history().entries[at];
  if (entry.role == Role::kIterate) {
    return value_of(false);
  }
  entry.role = Role::kOther;
  return value_of(Refusal::kNoMemory);
}

void run_step(const Worker& worker, const ProgramStep& step) {
  Thread& thread = *exec::current_thread;
  const Operation& operation = *worker.target->operations[step.operation];
  void** cursor = &cursor_slots[worker.thread][operation.cursor];
  const bool needs_cursor = operation.cursor_use == Operation::Cursor::kUses ||
                            operation.cursor_use == Operation::Cursor::kCloses;
  if (needs_cursor && *cursor == nullptr) {
    return;  // it could not be opened
  }
  const u32 at = begin_operation(thread, operation, step);
  if (operation.cursor_use == Operation::Cursor::kUses) {
    tamper(thread, *cursor, operation.cursor_bytes);
  }
  end_operation(thread, at, carry_out(worker, operation, cursor, step, at));
  // Searched exhaustively, a start state comes again and again: it is looked at once it is there.
  const bool repeats = worker.thread == 0 && engine().options().model != nullptr;
  if (!repeats) {
    look_if_at_rest(worker, thread);
  }
}

void close_cursors(const Worker& worker) {
  for (u32 i = 0; i < worker.target->operations.size(); ++i) {
    const Operation& operation = *worker.target->operations[i];
    if (operation.cursor_use == Operation::Cursor::kCloses &&
        cursor_slots[worker.thread][operation.cursor] != nullptr) {
      run_step(worker, ProgramStep{worker.thread, static_cast<u16>(i), {}});
    }
  }
}

void run_steps(const Worker& worker) {
  for (const ProgramStep& step : worker.program->steps) {
    if (step.thread == worker.thread) {
      run_step(worker, step);
    }
  }
}

void* worker_entry(void* argument) {
  const Worker& worker = *static_cast<Worker*>(argument);
  run_steps(worker);
  close_cursors(worker);
  return nullptr;
}

bool is_violated(const Contract& contract, Finding& finding) {
  const auto violated = [&] { return contract.violated(history(), finding); };
  const bool interleaves = history().model != nullptr && history().model->interleaves();
  return interleaves && contract.goes_by_time() ? any_timing(history(), violated) : violated();
}

bool uses_cursor_of(const HistoryEntry& entry, const TargetImplementation& target, u16 thread) {
  return entry.operation != kUntyped &&
         target.operations[entry.operation]->cursor_use != Operation::Cursor::kNone &&
         cursor_slots[thread][entry.cursor] != nullptr;
}

/// What a start state leaves open is the first worker's, as if that had opened it.
void hand_over_cursors(const TargetImplementation& target, ThreadId heir) {
  for (HistoryEntry& entry : history().entries) {
    if (uses_cursor_of(entry, target, 0)) {
      entry.thread = heir;
      entry.epoch = 0;  // before all that the heir does
    }
  }
  std::swap(cursor_slots[0], cursor_slots[1]);
}

/// At the end, where all accesses are ordered before this thread's, the look at the structure is an
/// ordinary part of the program, with all oracles on.
void judge(const TargetImplementation& target, void* subject) {
  Thread& thread = *exec::current_thread;
  Finding& finding = engine().new_finding();
  if (target.validate != nullptr && is_broken(target.validate, subject, thread, finding)) {
    add_structure(finding, target, subject, thread);
    engine().commit_finding(finding);
  }
  for (const Contract* contract : target.contracts) {
    bool violated = false;
    {
      const exec::RuntimeScope runtime;
      violated = is_violated(*contract, finding);
    }
    if (violated) {
      add_structure(finding, target, subject, thread);
      engine().commit_finding(finding);
    }
  }
}

}  // namespace

Definition::Runnable Definition::prepare(const Program& program) {
  program_ = &program;
  if (is_test()) {
    return Runnable{[](void* self) { static_cast<Definition*>(self)->body_(); }, this};
  }
  declared();
  return Runnable{[](void* self) { static_cast<Definition*>(self)->run_program(); }, this};
}

void Definition::run_program() {
  const TargetImplementation& target = *implementation_;
  // A failure before there is anything to test would tell nothing.
  const exec::Faults faults = engine().set_faults(0);
  void* subject = target.lifecycle->make();
  engine().set_faults(faults);
  history().subject = reinterpret_cast<uptr>(subject);
  history().model = model_without_time();
  for (u32 i = 0; i <= program_->workers; ++i) {
    workers[i] = Worker{&target, program_, subject, static_cast<u16>(i)};
    std::fill(std::begin(cursor_slots[i]), std::end(cursor_slots[i]), nullptr);
  }
  run_steps(workers[0]);
  look_if_at_rest(workers[0], *exec::current_thread);
  if (target.validate_any_step != nullptr) {
    engine().set_look([](Thread& thread) {
      look_at_structure(workers[0], workers[0].target->validate_any_step, thread);
    });
  }
  engine().may_freeze(freeze_for(target.progress));
  engine().limit_own_steps(target.own_steps_max);
  const u32 first = engine().thread_count();
  hand_over_cursors(target, to_thread_id(first));
  for (u32 i = 1; i <= program_->workers; ++i) {
    engine().create_thread(*exec::current_thread, worker_entry, &workers[i], 0);
  }
  for (u32 i = 0; i < program_->workers; ++i) {
    engine().join(*exec::current_thread, engine().thread(to_thread_id(first + i)), exec::kNever, 0);
  }
  engine().may_freeze(exec::Freeze::kNever);
  engine().limit_own_steps(0);
  engine().set_look(nullptr);
  judge(target, subject);
  target.lifecycle->destroy(subject);
}

}  // namespace heddle::target
