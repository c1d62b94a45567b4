// The main job: every target under every strategy.
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

constexpr double kDefaultSeconds = 60;

std::string verdict_of(const TargetResult& result) {
  const std::string& expect = result.target->expect();
  if (result.findings.empty()) {
    return expect.empty() ? "no finding" : "NOT FOUND (expected: " + expect + ")";
  }
  std::string text;
  for (const FiledFinding& finding : result.findings) {
    text += (text.empty() ? "" : ", ") + std::string(exec::name_of(finding.recording.kind)) + " (" +
            finding.recording.rule + ")" + (finding.confirmed ? "" : " unconfirmed");
  }
  return text;
}

}  // namespace

int run_hunt(const CommandOptions& options) {
  if (options.matrix) {
    return run_matrix(options);
  }
  const std::vector<target::Definition*> targets = targets_to_hunt(options);
  const double total = options.budget.seconds > 0 ? options.budget.seconds : kDefaultSeconds;
  double left = total;
  std::vector<TargetResult> results;
  for (std::size_t i = 0; i < targets.size() && !exploration::stop_requested(); ++i) {
    const double share = std::max(0.5, left / static_cast<double>(targets.size() - i));
    results.push_back(hunt_target(*targets[i], options, share,
                                  [&](const FiledFinding& finding) { tell(finding, options); }));
    left -= results.back().tally.seconds;
  }

  exploration::Tally sum;
  std::vector<FiledFinding> all;
  bool diverged = false;
  bool write_failed = false;
  u32 seeded = 0;
  u32 seeded_found = 0;
  for (const TargetResult& result : results) {
    sum = plus(sum, result.tally);
    all.insert(all.end(), result.findings.begin(), result.findings.end());
    diverged |= result.diverged;
    write_failed |= result.write_failed;
    const bool is_variant = !result.target->of().empty();
    seeded += is_variant;
    seeded_found += is_variant && result.expected_found;
  }
  warn_of_uncontrolled();
  if (options.json) {
    Json object = to_json(options, "", "hunt", sum, all);
    object["targets"] = Json::array();
    for (const TargetResult& result : results) {
      object["targets"].push_back(to_json(options, result.target->name(), "hunt", result.tally,
                                          result.findings, result.isolated));
    }
    fmt::print("{}\n", object.dump(2));
  } else {
    fmt::print("{:<48} {:>11} {:>8}  {}\n", "target", "executions", "seconds", "result");
    for (const TargetResult& result : results) {
      fmt::print("{:<48} {:>11} {:>8.2f}  {}\n", result.target->name(), result.tally.executions,
                 result.tally.seconds, verdict_of(result));
      fmt::print("{}{}", detector_line(result.tally), undecided_line(result.tally));
    }
    fmt::print("{} executions in {:.1f} s; {} finding{}", sum.executions, sum.seconds, all.size(),
               all.size() == 1 ? "" : "s");
    if (seeded != 0) {
      fmt::print("; {} of {} seeded bugs found by the oracle they were made for", seeded_found,
                 seeded);
    }
    fmt::print("\n");
  }
  return exit_code(!all.empty(), diverged, write_failed);
}

}  // namespace heddle::cli
