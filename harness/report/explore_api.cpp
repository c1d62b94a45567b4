// heddle::explore(): the harness as a function, for tests in any framework.
#include "fuzz/seed.hpp"
#include "heddle/heddle.hpp"
#include "report/story.hpp"

namespace heddle {

ExploreResult explore(const std::function<void()>& body, const ExploreOptions& options) {
  ExploreResult result;
  if (exploration::make_strategy(options.strategy, 0) == nullptr) {
    environment_failure("explore(): unknown strategy; there are random and pct");
  }
  if (graph::consistency_of(options.model.c_str()) == nullptr) {
    environment_failure("explore(): unknown memory model; there are sc, tso and rc11");
  }
  exploration::Settings settings;
  settings.model = options.model;
  settings.preempt_all = options.preempt_all;
  settings.race_continue = options.race_continue;
  settings.detector = options.detector;
  if (!exploration::parse_faults(options.faults, settings.faults)) {
    environment_failure("explore(): unknown fault; see ExploreOptions::faults");
  }
  settings.steps_max = options.steps_max;
  exploration::Session session(body, settings);
  exploration::Budget budget;
  budget.strategy = options.strategy;
  budget.rng_seed = options.rng_seed;
  budget.executions = options.executions;
  budget.seconds = options.seconds;
  exploration::Recording recording;
  exploration::Divergence divergence;
  const exploration::Tally tally = session.run(
      budget,
      [&](const exec::Finding& finding, const exploration::Tally&) {
        const bool is_race = finding.kind == exec::FindingKind::kRace;
        if (result.found && is_race) {
          return true;  // known; the hunt is for what comes of it
        }
        result.found = true;
        recording = session.record(divergence);
        recording.signature = report::signature_of(recording);
        result.report = report::tell(recording, {});
        return is_race && options.race_continue;
      },
      nullptr);
  result.executions = tally.executions;
  if (result.found) {
    result.kind = exec::name_of(recording.kind);
    result.rule = recording.rule;
    result.message = recording.message;
    result.seed = fuzz::to_text(recording, "");
    if (divergence.diverged) {
      result.report += "\n" + divergence.message + "\n";
    }
  }
  return result;
}

}  // namespace heddle
