// Executions a second of the reference test, in Heddle and in Relacy, taking turns in one process
// so that the ratio holds when the machine's speed drifts. Prints the medians.
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <vector>

#include <fmt/format.h>

#include "explore/session.hpp"

bool run_relacy(unsigned executions);

namespace {

constexpr unsigned kTurns = 9;
constexpr unsigned kExecutions = 300'000;

template <class Work>
double per_second(Work work) {
  timespec before = {};
  timespec after = {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  work();
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  return kExecutions / (static_cast<double>(after.tv_sec - before.tv_sec) +
                        1e-9 * static_cast<double>(after.tv_nsec - before.tv_nsec));
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void require(bool holds, const char* what) {
  if (!holds) {
    fmt::print(stderr, "reference_bench: {}\n", what);
    std::exit(1);
  }
}

}  // namespace

int main() {
  using namespace heddle;  // NOLINT(google-build-using-namespace)
  exploration::Session session(*target::find_target("reference"), {});
  std::vector<double> heddle_rates;
  std::vector<double> relacy_rates;
  std::vector<double> ratios;
  for (unsigned turn = 0; turn < kTurns; ++turn) {
    heddle_rates.push_back(per_second([&] {
      exploration::Budget budget;
      budget.executions = kExecutions;
      budget.rng_seed = turn + 1;
      const exploration::Tally tally = session.run(
          budget, [](const exec::Finding&, const exploration::Tally&) { return false; }, nullptr);
      require(tally.executions == kExecutions && tally.with_finding == 0,
              "the reference test is clean, but not here");
    }));
    relacy_rates.push_back(
        per_second([] { require(run_relacy(kExecutions), "Relacy disagrees"); }));
    ratios.push_back(heddle_rates.back() / relacy_rates.back());
  }
  fmt::print("reference test, random walk, executions per CPU second, median of {} turns of {}\n",
             kTurns, kExecutions);
  fmt::print("  heddle {:>12.0f}\n  relacy {:>12.0f}\n  ratio  {:>12.2f}\n", median(heddle_rates),
             median(relacy_rates), median(ratios));
}
