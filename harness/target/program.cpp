// Programs of operation targets: made up, and run.
#include <algorithm>

#include "target/registry.hpp"

namespace heddle::target {
namespace {

using exec::engine;
using exec::EventKind;
using exec::Order;
using exec::Thread;

constexpr unsigned kCursorsMax = 8;

// Which cursors a thread has open as its program is made up.
struct OpenCursors {
  bool open[kCursorsMax] = {};

  bool allows(const Operation& operation) const {
    switch (operation.cursor_use) {
      case Operation::Cursor::kNone: return true;
      case Operation::Cursor::kOpens: return !open[operation.cursor];
      case Operation::Cursor::kUses:
      case Operation::Cursor::kCloses: return open[operation.cursor];
    }
    return false;
  }

  void note(const Operation& operation) {
    if (operation.cursor_use == Operation::Cursor::kOpens) {
      open[operation.cursor] = true;
    } else if (operation.cursor_use == Operation::Cursor::kCloses) {
      open[operation.cursor] = false;
    }
  }
};

/// Weights differ from program to program ("swarm testing"), so that some are all insertions and
/// some never erase: features that suppress each other get programs of their own.
/// Source: Groce et al.: Swarm Testing (ISSTA 2012).
std::vector<u32> swarm_weights(const TargetImplementation& target, Source& source) {
  std::vector<u32> weights;
  for (const auto& operation : target.operations) {
    static constexpr u32 kFactors[] = {0, 1, 1, 2, 4, 8};
    weights.push_back(operation->frequency * kFactors[source.below(6)]);
  }
  return weights;
}

/// An operation that is allowed now, by weight; operations.size() if there is none.
u16 draw_operation(const TargetImplementation& target, const std::vector<u32>& weights,
                   const OpenCursors& cursors, bool setup, Source& source) {
  u32 total = 0;
  std::vector<u32> allowed(target.operations.size(), 0);
  for (u32 pass = 0; pass < 2 && total == 0; ++pass) {
    for (u32 i = 0; i < target.operations.size(); ++i) {
      const Operation& operation = *target.operations[i];
      const bool possible = cursors.allows(operation) && (!setup || operation.in_setup);
      // If everything possible was switched off, everything possible is on.
      allowed[i] = possible ? (pass == 0 ? weights[i] : 1) : 0;
      total += allowed[i];
    }
  }
  if (total == 0) {
    return static_cast<u16>(target.operations.size());
  }
  u32 draw = source.below(total);
  u16 index = 0;
  while (draw >= allowed[index]) {
    draw -= allowed[index++];
  }
  return index;
}

void add_steps(Program& program, const TargetImplementation& target, u16 thread, u32 count,
               Source& source) {
  OpenCursors cursors;
  const std::vector<u32> weights = swarm_weights(target, source);
  for (u32 i = 0; i < count; ++i) {
    const u16 index = draw_operation(target, weights, cursors, thread == 0, source);
    if (index == target.operations.size()) {
      return;
    }
    const Operation& operation = *target.operations[index];
    cursors.note(operation);
    ProgramStep step{thread, index, {}};
    for (unsigned a = 0; a < operation.argument_count; ++a) {
      const Ints& range = operation.arguments[a];
      step.arguments[a] = range.low + source.below(static_cast<u32>(range.high - range.low + 1));
    }
    program.steps.push_back(step);
  }
}

// ---- running ----

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

void run_step(const Worker& worker, const ProgramStep& step) {
  Thread& thread = *exec::current_thread;
  const Operation& operation = *worker.target->operations[step.operation];
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
  const u32 at = history().entries.size();
  history().entries.push_back(entry);
  thread.operation = at;
  engine().record(thread, EventKind::kCall, 0, 0, step.operation, Order::kRelaxed, 0);
  const Value result = operation.invoker->invoke(
      worker.subject, &cursor_slots[worker.thread][operation.cursor], step.arguments);
  HistoryEntry& done = history().entries[at];
  done.result = result;
  done.returned = true;
  if (done.commit == 0) {
    done.commit = ++history().commits;
  }
  engine().record(thread, EventKind::kReturn, 0, 0, hash_of(result), Order::kRelaxed, 0);
  thread.operation = memory::kNoOperation;
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

void run_worker(const Worker& worker) {
  for (void*& slot : cursor_slots[worker.thread]) {
    slot = nullptr;
  }
  for (const ProgramStep& step : worker.program->steps) {
    if (step.thread == worker.thread) {
      run_step(worker, step);
    }
  }
  close_cursors(worker);
}

void* worker_entry(void* argument) {
  run_worker(*static_cast<Worker*>(argument));
  return nullptr;
}

void judge(const TargetImplementation& target, void* subject) {
  Thread& thread = *exec::current_thread;
  if (target.validate != nullptr) {
    char text[400] = "";
    target.validate(target.validate_closure.get(), subject, text, sizeof text);
    if (text[0] != '\0') {
      Text<500> message;
      message.add("structure broken: %s", text);
      engine().report(thread, exec::FindingKind::kContract, "invariant", 0, message.data);
    }
  }
  if (target.contract != nullptr) {
    exec::Finding& finding = engine().new_finding();
    bool violated = false;
    {
      const exec::RuntimeScope runtime;
      violated = target.contract->violated(history(), finding);
    }
    if (violated) {
      engine().commit_finding(finding);
    }
  }
}

}  // namespace

u32 BytesSource::below(u32 bound) {
  u32 value = 0;
  for (u32 reach = 1; reach < bound && at_ < size_; reach <<= 8) {
    value = value << 8 | bytes_[at_++];
    if (reach >= 1u << 24) {
      break;
    }
  }
  return value % bound;
}

Program Definition::make_program(Source& source) {
  Program program;
  if (is_test()) {
    return program;
  }
  const TargetImplementation& target = declared();
  program.workers =
      target.threads_least + source.below(target.threads_most - target.threads_least + 1);
  add_steps(program, target, 0, source.below(target.setup_most + 1), source);
  for (u32 worker = 1; worker <= program.workers; ++worker) {
    add_steps(program, target, static_cast<u16>(worker), 1 + source.below(target.operations_most),
              source);
  }
  return program;
}

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
  void* subject = target.lifecycle->make();
  history().subject = reinterpret_cast<uptr>(subject);
  for (u32 i = 0; i <= program_->workers; ++i) {
    workers[i] = Worker{&target, program_, subject, static_cast<u16>(i)};
  }
  run_worker(workers[0]);
  const u32 first = engine().thread_count();
  for (u32 i = 1; i <= program_->workers; ++i) {
    engine().create_thread(*exec::current_thread, worker_entry, &workers[i], 0);
  }
  for (u32 i = 0; i < program_->workers; ++i) {
    engine().join(*exec::current_thread, engine().thread(to_thread_id(first + i)), exec::kNever, 0);
  }
  judge(target, subject);
  target.lifecycle->destroy(subject);
}

}  // namespace heddle::target
