// Programs of operation targets are made up.
#include <algorithm>

#include "base/archive.hpp"
#include "target/registry.hpp"

namespace heddle::target {
namespace {

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

bool is_possible(const Operation& operation, const OpenCursors& cursors, bool setup) {
  return !operation.is_action && cursors.allows(operation) && (!setup || operation.in_setup);
}

/// An operation that is allowed now, by weight; operations.size() if there is none.
u16 draw_operation(const TargetImplementation& target, const std::vector<u32>& weights,
                   const OpenCursors& cursors, bool setup, Source& source) {
  u32 total = 0;
  std::vector<u32> allowed(target.operations.size(), 0);
  for (u32 pass = 0; pass < 2 && total == 0; ++pass) {
    for (u32 i = 0; i < target.operations.size(); ++i) {
      // If everything possible was switched off, everything possible is on.
      allowed[i] =
          is_possible(*target.operations[i], cursors, setup) ? (pass == 0 ? weights[i] : 1) : 0;
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

constexpr u32 kAllValues = ~u32{0};

ProgramStep make_step(const TargetImplementation& target, u16 thread, u16 index, u32 values,
                      Source& source) {
  const Operation& operation = *target.operations[index];
  ProgramStep step{thread, index, {}};
  for (unsigned a = 0; a < operation.argument_count; ++a) {
    const Ints& range = operation.arguments[a];
    const u32 count = static_cast<u32>(range.high - range.low + 1);
    step.arguments[a] = range.low + source.below(std::min(count, values));
  }
  return step;
}

/// The first worker goes on with what the start state leaves open.
OpenCursors open_for(u16 thread, const Program& program, const TargetImplementation& target) {
  OpenCursors cursors;
  for (const ProgramStep& step : program.steps) {
    if (thread == 1) {
      cursors.note(*target.operations[step.operation]);
    }
  }
  return cursors;
}

void add_steps(Program& program, const TargetImplementation& target, u16 thread, u32 count,
               Source& source) {
  OpenCursors cursors = open_for(thread, program, target);
  const std::vector<u32> weights = swarm_weights(target, source);
  for (u32 i = 0; i < count; ++i) {
    const u16 index = draw_operation(target, weights, cursors, thread == 0, source);
    if (index == target.operations.size()) {
      return;
    }
    cursors.note(*target.operations[index]);
    program.steps.push_back(make_step(target, thread, index, kAllValues, source));
  }
}

/// Without weights: from an EverySource, each sequence of operations.
void add_any_steps(Program& program, const TargetImplementation& target, u16 thread, u32 count,
                   u32 values, Source& source) {
  OpenCursors cursors = open_for(thread, program, target);
  for (u32 i = 0; i < count; ++i) {
    std::vector<u16> possible;
    for (u16 index = 0; index < target.operations.size(); ++index) {
      if (is_possible(*target.operations[index], cursors, false)) {
        possible.push_back(index);
      }
    }
    if (possible.empty()) {
      return;
    }
    const u16 index = possible[source.below(static_cast<u32>(possible.size()))];
    cursors.note(*target.operations[index]);
    program.steps.push_back(make_step(target, thread, index, values, source));
  }
}

/// Sometimes the subject as it is made, else one of the states that were declared.
void add_start(Program& program, const TargetImplementation& target, Source& source) {
  const u32 choice = source.below(static_cast<u32>(target.starts.size()) + 1);
  if (choice != 0) {
    const std::vector<ProgramStep>& steps = target.starts[choice - 1].steps;
    program.steps.insert(program.steps.end(), steps.begin(), steps.end());
  }
}

/// What happens by itself is the program of one more thread.
void add_actions(Program& program, const TargetImplementation& target, u32 most, u32 values,
                 Source& source) {
  std::vector<u16> actions;
  for (u16 i = 0; i < target.operations.size(); ++i) {
    if (target.operations[i]->is_action) {
      actions.push_back(i);
    }
  }
  const u32 count = actions.empty() ? 0 : source.below(most + 1);
  program.workers += count != 0 ? 1 : 0;
  for (u32 i = 0; i < count; ++i) {
    const u16 index = actions[source.below(static_cast<u32>(actions.size()))];
    program.steps.push_back(
        make_step(target, static_cast<u16>(program.workers), index, values, source));
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

u32 EverySource::below(u32 bound) {
  if (at_ == answers_.size()) {
    answers_.push_back(Answer{0, bound});
  }
  return answers_[at_++].value;
}

bool EverySource::advance() {
  at_ = 0;
  while (!answers_.empty() && answers_.back().value + 1 == answers_.back().bound) {
    answers_.pop_back();
  }
  if (answers_.empty()) {
    return false;
  }
  ++answers_.back().value;
  return true;
}

void EverySource::archive(Archive& archive) {
  archive.list(answers_, [&](Answer& answer) { archive(answer.value, answer.bound); });
}

Program Definition::make_program(Source& source) {
  constexpr u32 kActionsMax = 4;
  Program program;
  if (is_test()) {
    return program;
  }
  const TargetImplementation& target = declared();
  program.workers =
      target.threads_least + source.below(target.threads_most - target.threads_least + 1);
  add_start(program, target, source);
  add_steps(program, target, 0, source.below(target.setup_most + 1), source);
  for (u32 worker = 1; worker <= program.workers; ++worker) {
    add_steps(program, target, static_cast<u16>(worker), 1 + source.below(target.operations_most),
              source);
  }
  add_actions(program, target, kActionsMax, kAllValues, source);
  return program;
}

// Sizes are asked for first, so that an EverySource makes the smallest programs first.
Program Definition::make_program(Source& source, const Smallness& smallness) {
  Program program;
  if (is_test()) {
    return program;
  }
  const TargetImplementation& target = declared();
  program.workers =
      target.threads_least + source.below(target.threads_most - target.threads_least + 1);
  std::vector<u32> sizes(program.workers);
  for (u32& size : sizes) {
    size = 1 + source.below(smallness.operations);
  }
  add_start(program, target, source);
  for (u32 i = 0; i < sizes.size(); ++i) {
    add_any_steps(program, target, static_cast<u16>(i + 1), sizes[i], smallness.values, source);
  }
  add_actions(program, target, smallness.operations, smallness.values, source);
  return program;
}

}  // namespace heddle::target
