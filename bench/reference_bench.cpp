// Executions a second of the reference test, in Heddle and in Relacy, taking turns in one process
// so that the ratios hold when the machine's speed drifts. Prints the medians.
//
// The reference test makes its threads and joins them in each execution; the same test in Relacy is
// the one with dyn_thread. Relacy's usual tests leave that out: their threads are there beforehand.
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <vector>

#include <fmt/format.h>

#include "explore/session.hpp"

bool run_relacy_threads_made_anew(unsigned executions);
bool run_relacy_static_threads(unsigned executions);

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

void run_heddle(heddle::exploration::Session& session, unsigned turn) {
  heddle::exploration::Budget budget;
  budget.executions = kExecutions;
  budget.rng_seed = turn + 1;
  const heddle::exploration::Tally tally = session.run(
      budget, [](const heddle::exec::Finding&, const heddle::exploration::Tally&) { return false; },
      nullptr);
  require(tally.executions == kExecutions && tally.with_finding == 0,
          "the reference test is clean, but not here");
}

/// Rates of one way to run the test, and Heddle's in the same turns relative to them.
struct Rates {
  std::vector<double> per_second;
  std::vector<double> ratios;

  void add(double rate, double heddle_rate) {
    per_second.push_back(rate);
    ratios.push_back(heddle_rate / rate);
  }

  void print(const char* name) const {
    fmt::print("  {:<27} {:>10.0f}  {:>5.2f}\n", name, median(per_second), median(ratios));
  }
};

}  // namespace

int main() {
  heddle::exploration::Session session(*heddle::target::find_target("reference"), {});
  Rates ours;
  Rates made_anew;
  Rates static_threads;
  for (unsigned turn = 0; turn < kTurns; ++turn) {
    const double rate = per_second([&] { run_heddle(session, turn); });
    ours.add(rate, rate);
    made_anew.add(
        per_second([] { require(run_relacy_threads_made_anew(kExecutions), "Relacy disagrees"); }),
        rate);
    static_threads.add(
        per_second([] { require(run_relacy_static_threads(kExecutions), "Relacy disagrees"); }),
        rate);
  }
  fmt::print(
      "reference test, random walk, executions per CPU second, median of {} turns of {},\n"
      "and how many times as many Heddle makes\n",
      kTurns, kExecutions);
  ours.print("heddle");
  made_anew.print("relacy, threads made anew");
  static_threads.print("relacy, static threads");
}
