// Iterations that run beside changes; see contract.hpp.
#include <deque>

#include "oracle/iteration_judge.hpp"

namespace heddle::contracts {
namespace {

class WeaklyConsistent final : public Contract {
 public:
  explicit WeaklyConsistent(const WeakConsistency& options) : options_(options) {}

  const char* name() const override { return "weakly consistent iterations"; }
  bool violated(const target::History& history, exec::Finding& finding) const override {
    oracle::IterationJudge judge("weakly consistent iteration", history, finding);
    for (const oracle::Iteration& iteration : judge.iterations()) {
      if (judge.breaks(iteration, options_)) {
        return true;
      }
    }
    return false;
  }

 private:
  WeakConsistency options_;
};

}  // namespace

const Contract& weakly_consistent(const WeakConsistency& options) {
  static std::deque<WeaklyConsistent> made;
  return made.emplace_back(options);
}

}  // namespace heddle::contracts
