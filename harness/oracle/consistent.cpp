// The contract that histories fit an order of their operations; see contract.hpp.
#include <stdexcept>
#include <vector>

#include "oracle/consistency.hpp"
#include "oracle/map_specification.hpp"
#include "oracle/run_alone.hpp"
#include "target/registry.hpp"

namespace heddle::contracts {
namespace {

class Consistent final : public Contract {
 public:
  Consistent(Consistency consistency, const TargetImplementation& target,
             std::unique_ptr<Specification> model)
      : consistency_(consistency), target_(target), model_(std::move(model)) {}

  const char* name() const override {
    switch (consistency_) {
      case Consistency::kLinearizable: return "linearizable";
      case Consistency::kSequential: return "sequentially consistent";
      case Consistency::kQuiescent: return "quiescently consistent";
    }
    return "";
  }

  bool goes_by_time() const override { return consistency_ != Consistency::kSequential; }

  bool violated(const target::History& history, exec::Finding& finding) const override {
    try {
      const oracle::Verdict verdict = verdict_on(history, finding);
      if (verdict == oracle::Verdict::kUndecided) {
        target::note_undecided();
      }
      return verdict == oracle::Verdict::kMisfits;
    } catch (const std::invalid_argument& refusal) {  // a model that does not fit the target
      environment_failure(refusal.what());
    }
  }

 private:
  oracle::Verdict verdict_on(const target::History& history, exec::Finding& finding) const {
    if (model_ != nullptr) {
      return oracle::judge(operations_of(history), history, consistency_, *model_,
                           oracle::kEffortMax, finding);
    }
    if (is_map()) {
      return oracle::judge_map(history, consistency_, finding);
    }
    return oracle::judge(operations_of(history), history, consistency_, *oracle::run_alone(target_),
                         oracle::kRunAloneEffortMax, finding);
  }

  bool is_map() const {
    for (const auto& operation : target_.operations) {
      if (oracle::is_map_operation(operation->meaning)) {
        return true;
      }
    }
    return false;
  }

  bool is_judged(const target::HistoryEntry& entry) const {
    if (entry.operation == target::kUntyped || entry.result.refused()) {
      return false;
    }
    const Operation& operation = *target_.operations[entry.operation];
    return operation.cursor_use == Operation::Cursor::kNone && !operation.is_action &&
           operation.meaning != Role::kIterate;
  }

  std::vector<oracle::Item> operations_of(const target::History& history) const {
    std::vector<oracle::Item> items;
    for (u32 i = 0; i < history.entries.size(); ++i) {
      const target::HistoryEntry& entry = history.entries[i];
      if (is_judged(entry)) {
        items.push_back(oracle::Item{entry, i, 0, 0});
      }
    }
    return items;
  }

  Consistency consistency_;
  const TargetImplementation& target_;
  std::unique_ptr<Specification> model_;
};

}  // namespace

const Contract& consistent(Consistency consistency, const TargetImplementation& target,
                           std::unique_ptr<Specification> model) {
  static std::vector<std::unique_ptr<Contract>> contracts;
  contracts.push_back(std::make_unique<Consistent>(consistency, target, std::move(model)));
  return *contracts.back();
}

}  // namespace heddle::contracts
