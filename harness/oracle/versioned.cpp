// Iterations over one version of a map; see contract.hpp.
#include "oracle/fail_fast.hpp"
#include "oracle/snapshot.hpp"

namespace heddle::contracts {
namespace {

using oracle::Iteration;
using oracle::IterationJudge;

class Versioned final : public Contract {
 public:
  const char* name() const override { return "iterations over one version"; }
  bool violated(const target::History& history, exec::Finding& finding) const override {
    constexpr FailFast kEveryChange{.complete = true, .overwriting = true};
    IterationJudge judge("versioned iteration", history, finding);
    for (const Iteration& iteration : judge.iterations()) {
      if (oracle::refuses_wrongly(judge, iteration, kEveryChange) ||
          oracle::is_no_snapshot(judge, iteration)) {
        return true;
      }
    }
    return false;
  }
};

}  // namespace

const Contract& versioned() {
  static const Versioned contract;
  return contract;
}

}  // namespace heddle::contracts
