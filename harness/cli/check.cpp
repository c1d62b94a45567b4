// What may be said after an exhaustive search.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/checking.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace heddle::cli {
namespace {

using exploration::Budget;
using exploration::Census;
using Json = nlohmann::ordered_json;

void show(Progress& progress, const CheckResult& now) {
  const double executions = static_cast<double>(now.executions());
  const std::string program =
      now.target->is_test() ? "" : fmt::format(", program {}", now.programs);
  progress.show(fmt::format(
      "{}{}: {} executions, {} blocked, {}/s, {:.0f} s", now.target->name(), program,
      short_count(executions), short_count(static_cast<double>(now.census.blocked)),
      short_count(executions / std::max(now.census.seconds, 1e-9)), now.census.seconds));
}

CheckResult check(target::Definition& target, const CommandOptions& options) {
  Progress progress(!options.quiet && !options.json);
  const auto search = options.jobs == 1 ? check_target : check_in_jobs;
  return search(
      target, options,
      [&](const FiledFinding& finding) {
        progress.clear();
        tell(finding, options);
      },
      [&](const CheckResult& now) { show(progress, now); });
}

const char* verdict_of(const CheckResult& result) {
  if (result.found()) {
    return "finding";
  }
  if (result.is_complete()) {
    return "verified";
  }
  const bool went_wrong = result.diverged || exploration::stop_requested();
  return went_wrong || result.census.undecided != 0 ? "inconclusive" : "bounded";
}

/// Within what there is no other execution; "" if there is no other at all.
std::string bound_of(const CheckResult& result, const CommandOptions& options) {
  const std::string verdict = verdict_of(result);
  if (verdict != "bounded") {
    return "";
  }
  const Budget& budget = options.budget;
  if (result.census.finished) {
    const std::string loops = result.census.bounded ? "loops cut short" : "";
    const std::string preemptions =
        result.census.preempted
            ? fmt::format("{} preemption{}", budget.preemptions, budget.preemptions == 1 ? "" : "s")
            : "";
    return preemptions + (loops.empty() || preemptions.empty() ? "" : ", ") + loops;
  }
  const bool timed = budget.seconds > 0 && result.census.seconds >= budget.seconds;
  return timed ? fmt::format("{} s", budget.seconds)
               : fmt::format("{} executions", budget.executions);
}

std::string text_of(const exploration::Shard& shard) {
  return fmt::format("{}/{}", shard.index + 1, shard.count);
}

std::string words_for(const CheckResult& result, const CommandOptions& options) {
  const std::string verdict = verdict_of(result);
  if (verdict == "finding") {
    const std::size_t count = result.findings.size();
    return fmt::format("{} finding{}", count, count == 1 ? "" : "s");
  }
  if (verdict == "bounded") {
    return "no finding within " + bound_of(result, options);
  }
  return verdict == "verified"           ? verdict
         : result.diverged               ? "inconclusive (not repeatable)"
         : exploration::stop_requested() ? "inconclusive (interrupted)"
                                         : "inconclusive (some histories are undecided)";
}

std::string programs_of(const CheckResult& result, const CommandOptions& options) {
  return result.target->is_test()
             ? ""
             : fmt::format(
                   ", {}{} program{} of up to {} operations a thread on {} values an argument, "
                   "with up to {} executions and {:.2f} s each",
                   result.census.finished && options.budget.shard.count == 1 ? "all " : "",
                   result.programs, result.programs == 1 ? "" : "s", options.smallness.operations,
                   options.smallness.values, result.largest.executions, result.largest.seconds);
}

void print(const CheckResult& result, const CommandOptions& options) {
  const Census& census = result.census;
  const exploration::Tally tally = tally_of(census);
  const exploration::Shard& shard = options.budget.shard;
  fmt::print(
      "{}: {}{}: {} executions, {} blocked, model {}{}, {}complete{}; {:.2f} s, {}/s\n",
      result.target->name(), shard.count == 1 ? "" : "shard " + text_of(shard) + " ",
      words_for(result, options), tally.executions, census.blocked, options.settings.model,
      options.budget.search == "dfs" ? ", depth first" : "", result.is_complete() ? "" : "not ",
      programs_of(result, options), census.seconds,
      short_count(static_cast<double>(result.executions()) / std::max(census.seconds, 1e-9)));
  fmt::print("{}", undecided_line(tally));
}

Json json_of(const CheckResult& result, const CommandOptions& options) {
  Json object = to_json(options, result.target->name(), strategy_of(options),
                        tally_of(result.census), result.findings);
  object["blocked"] = result.census.blocked;
  object["complete"] = result.is_complete();
  object["verdict"] = verdict_of(result);
  object["shard"] = text_of(options.budget.shard);
  object["bound"] = bound_of(result, options);
  object["diverged"] = result.diverged;
  if (!result.target->is_test()) {
    object["programs"] = result.programs;
    object["operations"] = options.smallness.operations;
    object["values"] = options.smallness.values;
    object["largest_program"] = {{"executions", result.largest.executions},
                                 {"seconds", result.largest.seconds}};
  }
  return object;
}

}  // namespace

int run_check(const CommandOptions& options) {
  std::vector<CheckResult> results;
  for (std::size_t i = 0; i < options.targets.size() && !exploration::stop_requested(); ++i) {
    results.push_back(check(*target::find_target(options.targets[i]), options));
    if (!options.json) {
      print(results.back(), options);
    }
  }
  warn_of_uncontrolled();
  Json list = Json::array();
  bool found = false;
  bool diverged = false;
  bool write_failed = false;
  bool complete = results.size() == options.targets.size();
  for (const CheckResult& result : results) {
    list.push_back(json_of(result, options));
    found |= result.found();
    diverged |= result.diverged;
    write_failed |= result.write_failed;
    complete &= result.is_complete();
  }
  if (options.json) {
    fmt::print("{}\n", (list.size() == 1 ? list[0] : list).dump(2));
  }
  const int code = exit_code(found, diverged, write_failed);
  return code == kClean && options.require_complete && !complete ? kInconclusive : code;
}

}  // namespace heddle::cli
