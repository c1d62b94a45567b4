// A cycle of Redis' SCAN; see contract.hpp.
#include "oracle/iteration_judge.hpp"

namespace heddle::contracts {
namespace {

class RedisScan final : public Contract {
 public:
  const char* name() const override { return "a full cycle of SCAN"; }
  bool violated(const target::History& history, exec::Finding& finding) const override {
    oracle::IterationJudge judge("SCAN contract", history, finding);
    for (const oracle::Iteration& iteration : judge.iterations()) {
      if (judge.breaks(iteration, {.unique = Unique::kNone})) {
        return true;
      }
    }
    return false;
  }
};

}  // namespace

const Contract& redis_scan() {
  static const RedisScan contract;
  return contract;
}

}  // namespace heddle::contracts
