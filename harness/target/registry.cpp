#include "target/registry.hpp"

#include <algorithm>
#include <cstring>

#include "base/text.hpp"

namespace heddle {
namespace {

// A function-local object, because registrations run before main() in no known order.
std::vector<std::unique_ptr<target::Definition>>& definitions() {
  static auto* list = new std::vector<std::unique_ptr<target::Definition>>;
  return *list;
}

}  // namespace

Registration::Registration(const char* name, void (*body)(), const char* of, const char* expect,
                           const char* needs) {
  auto definition = std::make_unique<target::Definition>(name, body, of, expect);
  definition->declared().seeded.needs = needs;
  definitions().push_back(std::move(definition));
}

Registration::Registration(const char* name, void (*declare)(Target&), const char* of,
                           const char* expect) {
  definitions().push_back(std::make_unique<target::Definition>(name, declare, of, expect));
}

void Target::describe(const char* text) { implementation_->description = text; }

void Target::preempt_at_plain_accesses() { implementation_->preempt_all = true; }

void Target::expects(const char* oracle) { implementation_->expect = oracle; }

void Target::threads(unsigned least, unsigned most) {
  implementation_->threads_least = std::max(1u, least);
  implementation_->threads_most = std::max(implementation_->threads_least, most);
}

void Target::operations_per_thread(unsigned most) {
  implementation_->operations_most = std::max(1u, most);
}

void Target::setup_operations(unsigned most) { implementation_->setup_most = most; }

void Target::continue_on_race() { implementation_->continue_on_race = true; }

Operation& Target::add_operation(const char* name, std::unique_ptr<Invoker> invoker) {
  auto operation = std::make_unique<Operation>();
  operation->name = name;
  operation->invoker = std::move(invoker);
  implementation_->operations.push_back(std::move(operation));
  return *implementation_->operations.back();
}

void Target::set_subject(std::unique_ptr<Lifecycle> lifecycle) {
  implementation_->lifecycle = std::move(lifecycle);
}

unsigned Target::add_cursor() { return implementation_->cursor_count++; }

void Target::add_contract(const Contract& contract) {
  implementation_->contracts.push_back(&contract);
}

void Target::set_invariant(Describe at_rest, Describe at_any_step) {
  implementation_->validate = std::move(at_rest);
  implementation_->validate_any_step = std::move(at_any_step);
}

void Target::set_printer(Describe print) { implementation_->print = std::move(print); }

void Target::set_progress(Progress progress, unsigned own_steps_max) {
  implementation_->progress = progress;
  implementation_->own_steps_max = progress == Progress::kWaitFree ? own_steps_max : 0;
}

void Target::seeded(const Seeded& seeded) { implementation_->seeded = seeded; }

Start Target::add_start(const char* name) {
  implementation_->starts.push_back(target::StartState{name, {}});
  return Start(*implementation_, static_cast<unsigned>(implementation_->starts.size() - 1));
}

void Start::add(const char* operation, const std::int64_t* arguments, unsigned count) {
  const auto& operations = implementation_->operations;
  target::StartState& state = implementation_->starts[index_];
  target::ProgramStep step{};
  while (step.operation < operations.size() &&
         std::strcmp(operations[step.operation]->name, operation) != 0) {
    ++step.operation;
  }
  if (step.operation == operations.size() || operations[step.operation]->argument_count != count) {
    Text<200> message;
    message.add("start state '%s' runs '%s' with %u arguments, which is not declared",
                state.name.c_str(), operation, count);
    environment_failure(message.data);
  }
  std::copy_n(arguments, count, step.arguments);
  state.steps.push_back(step);
}

namespace target {

TargetImplementation& Definition::declared() {
  if (implementation_ == nullptr) {
    implementation_ = std::make_unique<TargetImplementation>();
    if (declare_ != nullptr) {
      Target target(*implementation_);
      declare_(target);
    }
  }
  return *implementation_;
}

const char* Definition::kind() const {
  return !executable_.path.empty() ? "program" : is_test() ? "test" : "operations";
}

void set_program(std::unique_ptr<Definition> program) {
  definitions().push_back(std::move(program));
}

Definition* program() {
  for (const auto& definition : definitions()) {
    if (!definition->executable().path.empty()) {
      return definition.get();
    }
  }
  return nullptr;
}

std::vector<Definition*> all_targets() {
  std::vector<Definition*> targets;
  for (const auto& definition : definitions()) {
    targets.push_back(definition.get());
  }
  std::sort(targets.begin(), targets.end(),
            [](const Definition* a, const Definition* b) { return a->name() < b->name(); });
  return targets;
}

Definition* find_target(const std::string& name) {
  for (const auto& definition : definitions()) {
    if (definition->name() == name) {
      return definition.get();
    }
  }
  return nullptr;
}

}  // namespace target
}  // namespace heddle
