// What an event costs must not grow with the number of threads: executions a second of tests with
// the same number of events, made by few threads and by many, taking turns. Prints the medians.
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "explore/session.hpp"

namespace {

constexpr unsigned kTurns = 5;
constexpr unsigned kExecutions = 50;

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

void compare(const char* test, const char* strategy) {
  constexpr const char* kThreads[] = {"10", "100", "250"};
  std::vector<double> rates[std::size(kThreads)];
  for (unsigned turn = 0; turn < kTurns; ++turn) {
    for (std::size_t i = 0; i < std::size(kThreads); ++i) {
      rates[i].push_back(per_second(fmt::format("{}_{}", test, kThreads[i]).c_str(), strategy));
    }
  }
  fmt::print("  {:<10} {:<8}", test, strategy);
  for (const std::vector<double>& rate : rates) {
    fmt::print(" {:>12.0f}", median(rate));
  }
  fmt::print("\n");
}

}  // namespace

int main() {
  fmt::print(
      "20,000 events, executions per CPU second, median of {} turns of {}\n"
      "  test       strategy   10 threads  100 threads  250 threads\n",
      kTurns, kExecutions);
  for (const char* test : {"updates", "mutexes", "one_mutex"}) {
    for (const char* strategy : {"random", "pct"}) {
      compare(test, strategy);
    }
  }
}
