// The main job: every target under every strategy.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace heddle::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kStrategies[] = {"random", "pct"};
constexpr double kDefaultSeconds = 60;
constexpr u32 kFindingsPerTarget = 5;
// The recall of a target's own detector is measured over at least so many executions.
constexpr u64 kDetectorExecutions = 10'000;

struct TargetResult {
  target::Definition* target;
  exploration::Tally tally;
  std::vector<FiledFinding> findings;
  bool expected_found = false;  // a variant's bug, by the oracle it was made for
  bool diverged = false;
  bool write_failed = false;
  bool isolated = false;
};

exploration::Tally plus(exploration::Tally sum, const exploration::Tally& part) {
  sum.executions += part.executions;
  sum.steps += part.steps;
  sum.with_finding += part.with_finding;
  sum.raced += part.raced;
  sum.detected += part.detected;
  sum.raced_and_detected += part.raced_and_detected;
  sum.undecided += part.undecided;
  sum.seconds += part.seconds;
  return sum;
}

/// Strategies take turns, each turn twice as long as the last one, so that a bug that one of them
/// finds at once does not wait for the other's whole share.
TargetResult hunt_target(target::Definition& target, const CommandOptions& options,
                         double seconds) {
  TargetResult result{&target, {}, {}};
  exploration::Session session(target, settings_for(target, options));
  choose_isolation(session, options);
  Findings findings(session, options, program_path());
  Progress progress(!options.quiet && !options.json);
  const bool is_variant = !target.expect().empty();
  const bool measures_detector = target.declared().continue_on_race;
  double turn = 0.25;
  u64 round = 0;
  bool done = false;
  while (!done && !exploration::stop_requested() && result.tally.seconds < seconds) {
    for (const char* strategy : kStrategies) {
      exploration::Budget budget;
      budget.strategy = strategy;
      budget.rng_seed = options.budget.rng_seed + round * 0x9e3779b9;
      budget.seconds = std::min(turn, seconds - result.tally.seconds);
      if (budget.seconds <= 0 || done || exploration::stop_requested()) {
        break;
      }
      const exploration::Tally part = session.run(
          budget,
          [&](const exec::Finding&, const exploration::Tally& now) {
            if (findings.all().size() == kFindingsPerTarget) {
              return result.tally.executions < kDetectorExecutions;
            }
            if (FiledFinding* finding = findings.take()) {
              finding->made_by(strategy, plus(result.tally, now));
              progress.clear();
              if (!options.json) {
                fmt::print("{}\n", options.quiet
                                       ? finding->recording.message + "\n  " + finding->seed + "\n"
                                       : finding->story);
                std::fflush(stdout);
              }
              result.expected_found |= exec::name_of(finding->recording.kind) == target.expect();
            }
            const bool enough = findings.all().size() == kFindingsPerTarget ||
                                (is_variant && result.expected_found);
            done = (enough && !measures_detector) || findings.diverged() || findings.write_failed();
            return !done;
          },
          [&](const exploration::Tally& now) {
            progress.show(target.name() + " (" + strategy + ")", now, budget);
          });
      result.tally = plus(result.tally, part);
      done |= result.expected_found && result.tally.executions >= kDetectorExecutions;
      result.findings = findings.all();
    }
    turn *= 2;
    ++round;
  }
  result.isolated = session.isolated();
  result.diverged = findings.diverged();
  result.write_failed = findings.write_failed();
  return result;
}

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
  std::vector<target::Definition*> targets;
  for (target::Definition* target : target::all_targets()) {
    const bool named = std::find(options.targets.begin(), options.targets.end(), target->name()) !=
                       options.targets.end();
    if (options.targets.empty() || named) {
      targets.push_back(target);
    }
  }
  // Variants first: their share is mostly left over, and goes to the clean targets.
  std::sort(targets.begin(), targets.end(), [](target::Definition* a, target::Definition* b) {
    return a->expect().empty() != b->expect().empty() ? b->expect().empty() : a->name() < b->name();
  });
  const double total = options.budget.seconds > 0 ? options.budget.seconds : kDefaultSeconds;
  double left = total;
  std::vector<TargetResult> results;
  for (std::size_t i = 0; i < targets.size() && !exploration::stop_requested(); ++i) {
    const double share = std::max(0.5, left / static_cast<double>(targets.size() - i));
    results.push_back(hunt_target(*targets[i], options, share));
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
