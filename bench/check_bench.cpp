// Exhaustive search: executions a second of a test of about 20 events, the memory that more of them
// take, and what an execution costs by its events.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sys/resource.h>
#include <vector>

#include <fmt/format.h>

#include "explore/deadline.hpp"
#include "explore/session.hpp"

namespace {

using heddle::exploration::Census;

constexpr unsigned kTurns = 5;

long peak_kib() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

Census check(const char* target, const char* model, std::uint64_t executions) {
  heddle::exploration::Settings settings;
  settings.model = model;
  settings.faults = 0;
  heddle::exploration::Session session(*heddle::target::find_target(target), settings);
  heddle::exploration::Budget budget;
  budget.executions = executions;
  const Census census = session.check(
      budget, [](const heddle::exec::Finding&, const Census&) { return false; }, nullptr);
  if (census.complete == 0 || census.with_finding != 0) {
    fmt::print(stderr, "check_bench: the test is clean, but not here\n");
    std::exit(1);
  }
  return census;
}

template <class Measure>
double median(Measure measure) {
  std::vector<double> values(kTurns);
  std::generate(values.begin(), values.end(), measure);
  std::sort(values.begin(), values.end());
  return values[kTurns / 2];
}

}  // namespace

int main() {
  constexpr std::uint64_t kFew = 10'000;
  constexpr std::uint64_t kMany = 100'000;
  fmt::print("about 20 events: executions a second, median of {} turns\n", kTurns);
  for (const char* model : {"sc", "tso", "rc11"}) {
    check("twenty_events", model, kFew);
    const long few = peak_kib();
    const double rate = median([model] {
      const Census census = check("twenty_events", model, kMany);
      return static_cast<double>(census.complete) / census.seconds;
    });
    fmt::print("  {:<5} {:>9.0f}    peak memory {} KiB behind {} executions, {} KiB behind {}\n",
               model, rate, few, kFew, peak_kib(), kMany * kTurns);
  }
  fmt::print("one execution, by events: milliseconds, median; and over n log n, against 1,000\n");
  for (const char* model : {"sc", "rc11"}) {
    double unit = 0;
    for (const int events : {1'000, 2'000, 5'000, 10'000}) {
      const double ms = 1'000 * median([&] {
                          constexpr int kRuns = 20;
                          const double start = heddle::exploration::now_seconds();
                          for (int i = 0; i < kRuns; ++i) {
                            check(fmt::format("events_{}", events).c_str(), model, 1);
                          }
                          return (heddle::exploration::now_seconds() - start) / kRuns;
                        });
      const double n_log_n = events * std::log2(events);
      unit = unit == 0 ? ms / n_log_n : unit;
      fmt::print("  {:<5} {:>6} {:>8.2f} {:>6.2f}\n", model, events, ms, ms / n_log_n / unit);
    }
  }
}
