#include "oracle/run_alone.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/invariant.hpp"
#include "base/rng.hpp"
#include "exec/observer.hpp"

namespace heddle::oracle {
namespace {

struct Step {
  std::size_t operation;  // of the target
  std::array<i64, Operation::kArgumentsMax> arguments;

  friend bool operator==(const Step&, const Step&) = default;
};

using Steps = std::vector<Step>;

/// An object, and the operations that it has behind it.
class Rehearsal {
 public:
  explicit Rehearsal(const TargetImplementation& target) : target_(target) {}
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;
  ~Rehearsal() { end(); }

  /// The answer of the last of `steps`.
  Value run(const Steps& steps) {
    // What it does wrong with one thread is a finding of the main thread's.
    const exec::ObserverScope observer(exec::engine().thread(to_thread_id(0)));
    const bool goes_on = object_ != nullptr && done_.size() < steps.size() &&
                         std::equal(done_.begin(), done_.end(), steps.begin());
    if (!goes_on) {
      end();
      object_ = target_.lifecycle->make();
    }
    Value answer;
    for (std::size_t i = done_.size(); i < steps.size(); ++i) {
      answer = target_.operations[steps[i].operation]->invoker->invoke(object_, nullptr,
                                                                       steps[i].arguments.data());
    }
    done_ = steps;
    return answer;
  }

  const TargetImplementation& target() const { return target_; }

 private:
  void end() {
    if (object_ != nullptr) {
      target_.lifecycle->destroy(object_);
      object_ = nullptr;
    }
    done_.clear();
  }

  const TargetImplementation& target_;
  void* object_ = nullptr;
  Steps done_;
};

class StepsSoFar final : public Specification::State {
 public:
  explicit StepsSoFar(std::shared_ptr<Rehearsal> rehearsal) : rehearsal_(std::move(rehearsal)) {}

  std::unique_ptr<State> copy() const override { return std::make_unique<StepsSoFar>(*this); }

  Value apply(std::string_view name, const std::int64_t* arguments) override {
    const auto& operations = rehearsal_->target().operations;
    const auto at = std::find_if(operations.begin(), operations.end(),
                                 [name](const auto& operation) { return operation->name == name; });
    HEDDLE_INVARIANT(at != operations.end());
    Step step{static_cast<std::size_t>(at - operations.begin()), {}};
    std::copy_n(arguments, step.arguments.size(), step.arguments.begin());
    steps_.push_back(step);
    return rehearsal_->run(steps_);
  }

  bool equals(const State& other) const override {
    return steps_ == static_cast<const StepsSoFar&>(other).steps_;
  }
  std::uint64_t hash() const override {
    u64 hash = 0;
    for (const Step& step : steps_) {
      hash = mix64(hash ^ step.operation);
      for (const i64 argument : step.arguments) {
        hash = mix64(hash ^ static_cast<u64>(argument));
      }
    }
    return hash;
  }

 private:
  std::shared_ptr<Rehearsal> rehearsal_;
  Steps steps_;
};

class RunAlone final : public Specification {
 public:
  explicit RunAlone(const TargetImplementation& target) : target_(target) {}
  std::unique_ptr<State> start() const override {
    return std::make_unique<StepsSoFar>(std::make_shared<Rehearsal>(target_));
  }

 private:
  const TargetImplementation& target_;
};

}  // namespace

std::unique_ptr<Specification> run_alone(const TargetImplementation& target) {
  return std::make_unique<RunAlone>(target);
}

}  // namespace heddle::oracle
