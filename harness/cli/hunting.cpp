#include "cli/hunting.hpp"

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "explore/deadline.hpp"

namespace heddle::cli {
namespace {

constexpr const char* kStrategies[] = {"random", "pct"};
constexpr u32 kFindingsPerTarget = 5;
// The recall of a target's own detector is measured over at least so many executions.
constexpr u64 kDetectorExecutions = 10'000;

}  // namespace

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

TargetResult hunt_target(target::Definition& target, const CommandOptions& options, double seconds,
                         const Tell& tell) {
  TargetResult result{&target, {}, {}};
  exploration::Session session(target, settings_for(target, options));
  choose_isolation(session, options);
  Findings findings(session, options, program_path());
  Progress progress(!options.quiet && !options.json);
  const bool is_variant = !target.expect().empty();
  const bool measures_detector = target.declared().continue_on_race && options.settings.detector;
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
            const bool expected =
                is_variant && exec::name_of(session.observed().kind) == target.expect();
            if (findings.all().size() >= kFindingsPerTarget && !expected) {
              return is_variant || result.tally.executions < kDetectorExecutions;
            }
            if (FiledFinding* finding = findings.take()) {
              finding->made_by(strategy, plus(result.tally, now));
              progress.clear();
              tell(*finding);
              result.expected_found |= exec::name_of(finding->recording.kind) == target.expect();
            }
            const bool enough =
                is_variant ? result.expected_found : findings.all().size() == kFindingsPerTarget;
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

std::vector<target::Definition*> targets_to_hunt(const CommandOptions& options) {
  std::vector<target::Definition*> targets;
  for (target::Definition* target : target::all_targets()) {
    const bool named = std::find(options.targets.begin(), options.targets.end(), target->name()) !=
                       options.targets.end();
    if (options.targets.empty() || named) {
      targets.push_back(target);
    }
  }
  std::sort(targets.begin(), targets.end(), [](target::Definition* a, target::Definition* b) {
    return a->expect().empty() != b->expect().empty() ? b->expect().empty() : a->name() < b->name();
  });
  return targets;
}

}  // namespace heddle::cli
