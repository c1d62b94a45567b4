// What an event costs must not grow with the number of threads: executions a second of two tests
// with the same number of events, ten threads and a hundred, taking turns. Prints the medians.
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <vector>

#include <fmt/format.h>

#include "explore/session.hpp"

namespace {

constexpr unsigned kTurns = 9;
constexpr unsigned kExecutions = 200;

double cpu_seconds() {
  timespec now = {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double per_second(const char* target, const char* strategy) {
  heddle::exploration::Session session(*heddle::target::find_target(target), {});
  heddle::exploration::Budget budget;
  budget.executions = kExecutions;
  budget.strategy = strategy;
  const double before = cpu_seconds();
  const heddle::exploration::Tally tally = session.run(
      budget, [](const heddle::exec::Finding&, const heddle::exploration::Tally&) { return false; },
      nullptr);
  if (tally.executions != kExecutions || tally.with_finding != 0) {
    fmt::print(stderr, "threads_bench: the test is clean, but not here\n");
    std::exit(1);
  }
  return kExecutions / (cpu_seconds() - before);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void compare(const char* strategy) {
  std::vector<double> few;
  std::vector<double> many;
  std::vector<double> ratios;
  for (unsigned turn = 0; turn < kTurns; ++turn) {
    few.push_back(per_second("ten_threads", strategy));
    many.push_back(per_second("hundred_threads", strategy));
    ratios.push_back(few.back() / many.back());
  }
  fmt::print("  {:<8} {:>11.0f} {:>15.0f} {:>7.2f}\n", strategy, median(few), median(many),
             median(ratios));
}

}  // namespace

int main() {
  fmt::print(
      "20,000 seq_cst updates, executions per CPU second, median of {} turns of {}\n"
      "  strategy ten threads hundred threads   ratio\n",
      kTurns, kExecutions);
  compare("random");
  compare("pct");
}
