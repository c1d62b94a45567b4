// Seeded bugs against the oracles that they were made for.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/hunting.hpp"
#include "cli/output.hpp"
#include "explore/deadline.hpp"

namespace heddle::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kSecondsPerBug = 20;
constexpr double kDefaultSecondsOfClean = 60;

/// One line: a target, what should come of it, and what did.
struct Row {
  TargetResult result;

  const std::string& expect() const { return result.target->expect(); }

  /// The finding that was made for the target; else the first.
  const FiledFinding* finding() const {
    for (const FiledFinding& finding : result.findings) {
      if (exec::name_of(finding.recording.kind) == expect()) {
        return &finding;
      }
    }
    return result.findings.empty() ? nullptr : &result.findings.front();
  }

  bool as_expected() const {
    return expect().empty() ? result.findings.empty() : result.expected_found;
  }
};

Json to_json(const Row& row) {
  Json object{{"target", row.result.target->name()},
              {"of", row.result.target->of()},
              {"expect", row.expect()},
              {"as_expected", row.as_expected()},
              {"executions", row.result.tally.executions},
              {"seconds", row.result.tally.seconds},
              {"found", nullptr}};
  if (const FiledFinding* finding = row.finding()) {
    object["found"] = {{"kind", exec::name_of(finding->recording.kind)},
                       {"rule", finding->recording.rule},
                       {"strategy", finding->strategy},
                       {"executions", finding->executions},
                       {"seconds", finding->seconds},
                       {"seed", finding->seed}};
  }
  return object;
}

std::string to_text(const Row& row) {
  std::string found = "nothing";
  std::string strategy;
  u64 executions = row.result.tally.executions;
  double seconds = row.result.tally.seconds;
  if (const FiledFinding* finding = row.finding()) {
    found = fmt::format("{} ({})", exec::name_of(finding->recording.kind), finding->recording.rule);
    strategy = finding->strategy;
    executions = finding->executions;
    seconds = finding->seconds;
  }
  return fmt::format("{} {:<52} {:<15} {:<36} {:<8} {:>10} {:>8.2f}", row.as_expected() ? ' ' : '!',
                     row.result.target->name(), row.expect().empty() ? "nothing" : row.expect(),
                     found, strategy, executions, seconds);
}

}  // namespace

int run_matrix(const CommandOptions& options) {
  const std::vector<target::Definition*> targets = targets_to_hunt(options);
  const auto clean = std::count_if(targets.begin(), targets.end(),
                                   [](target::Definition* t) { return t->expect().empty(); });
  double left = options.budget.seconds > 0 ? options.budget.seconds : kDefaultSecondsOfClean;
  auto clean_left = clean;
  if (!options.json) {
    fmt::print("  {:<52} {:<15} {:<36} {:<8} {:>10} {:>8}\n", "target", "expected", "found",
               "strategy", "executions", "seconds");
  }
  Json rows = Json::array();
  u32 bugs = 0;
  u32 bugs_found = 0;
  u32 wrong = 0;
  bool diverged = false;
  bool write_failed = false;
  double seconds = 0;
  for (target::Definition* target : targets) {
    if (exploration::stop_requested()) {
      break;
    }
    const bool is_clean = target->expect().empty();
    const double share = is_clean ? left / static_cast<double>(clean_left--) : kSecondsPerBug;
    const Row row{hunt_target(*target, options, share, [](const FiledFinding&) {})};
    left -= is_clean ? row.result.tally.seconds : 0;
    seconds += row.result.tally.seconds;
    bugs += !is_clean;
    bugs_found += !is_clean && row.as_expected();
    wrong += !row.as_expected();
    diverged |= row.result.diverged;
    write_failed |= row.result.write_failed;
    rows.push_back(to_json(row));
    if (!options.json) {
      fmt::print("{}\n", to_text(row));
      std::fflush(stdout);
    }
  }
  if (options.json) {
    fmt::print("{}\n", Json{{"schema", 1},
                            {"seconds", seconds},
                            {"bugs", bugs},
                            {"bugs_found", bugs_found},
                            {"clean", clean},
                            {"not_as_expected", wrong},
                            {"matrix", rows}}
                           .dump(2));
  } else {
    fmt::print(
        "{} of {} bugs found by the oracle they were made for; {} of {} targets not as "
        "expected; {:.0f} s\n",
        bugs_found, bugs, wrong, targets.size(), seconds);
  }
  warn_of_uncontrolled();
  return exit_code(wrong != 0, diverged, write_failed);
}

}  // namespace heddle::cli
