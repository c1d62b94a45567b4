// What may be said after an exhaustive search.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/checking.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "explore/deadline.hpp"

namespace heddle::cli {
namespace {

using exploration::Budget;
using exploration::Census;
using Json = nlohmann::ordered_json;

// Guesses at large numbers are too low more often than not: see Session::guess_executions().
std::string about(double executions) {
  constexpr double kLarge = 1e7;
  constexpr double kCountable = 1e18;
  return (executions < kLarge ? "about " : "more than ") +
         short_count(std::min(executions, kCountable));
}

std::string bar_of(double share) {
  constexpr std::size_t kWidth = 10;
  const auto done = static_cast<std::size_t>(share * kWidth);
  return "[" + std::string(done, '#') + std::string(kWidth - done, '.') + "]";
}

void show(Progress& progress, const CheckResult& now) {
  const double executions = static_cast<double>(now.executions());
  std::string program;
  if (!now.target->is_test()) {
    program = fmt::format(", program {}", now.programs);
    program += now.outlook.programs == 0 ? "" : fmt::format(" of {}", now.outlook.programs);
  }
  std::string left;
  if (now.outlook.executions > 0) {
    const double all = executions + now.executions_left();
    left = fmt::format(" {} of {}, {} left", bar_of(executions / all), about(all),
                       short_duration(now.seconds_left()));
  }
  progress.show(fmt::format(
      "{}{}: {} executions, {}/s, {:.0f} s{}", now.target->name(), program, short_count(executions),
      short_count(executions / std::max(now.census.seconds, 1e-9)), now.census.seconds, left));
}

CheckResult search(target::Definition& target, const CommandOptions& options,
                   std::vector<JobState>& jobs) {
  Progress progress(!options.quiet && !options.json);
  const auto on_finding = [&](const FiledFinding& finding) {
    progress.clear();
    tell(finding, options);
  };
  const auto on_progress = [&](const CheckResult& now) { show(progress, now); };
  // A program can end its process, and with it the search, by ways that nobody sees.
  const bool here = jobs.size() == 1 && target::program() == nullptr;
  return here ? check_target(target, options, jobs[0], on_finding, on_progress)
              : check_in_jobs(target, options, jobs, on_finding, on_progress);
}

CheckResult check(target::Definition& target, const CommandOptions& options) {
  std::vector<JobState> jobs(options.jobs);
  if (options.resumed != nullptr) {
    jobs = options.resumed->jobs;
  }
  CheckResult result = search(target, options, jobs);
  if (can_go_on(result, options)) {
    if (const fuzz::FileError error = write_checkpoint(options, target.name(), jobs)) {
      complain(error.message);
      result.write_failed = true;
    } else {
      result.checkpoint = checkpoint_path(options, target.name());
    }
  }
  return result;
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
    std::vector<std::string> bounds;
    if (result.census.preempted) {
      bounds.push_back(
          fmt::format("{} preemption{}", budget.preemptions, budget.preemptions == 1 ? "" : "s"));
    }
    if (result.census.bounded) {
      bounds.emplace_back("loops cut short");
    }
    if (result.census.untimed) {
      bounds.emplace_back("looks at the clock that find no time has passed");
    }
    return fmt::format("{}", fmt::join(bounds, ", "));
  }
  const bool counted = result.executions() - result.executions_before() >= budget.executions;
  return counted ? fmt::format("{} executions", budget.executions + result.executions_before())
                 : fmt::format("{} s", budget.seconds + result.before.seconds);
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

std::string resume_command(const CheckResult& result) {
  return fmt::format("{} check --resume='{}'", program_path(), result.checkpoint);
}

std::string origin_of(const CheckResult& result) {
  return result.executions_before() == 0
             ? ""
             : fmt::format(", {} executions of it before", result.executions_before());
}

void print(const CheckResult& result, const CommandOptions& options) {
  const Census& census = result.census;
  const exploration::Tally tally = tally_of(census);
  const exploration::Shard& shard = options.budget.shard;
  fmt::print("{}: {}{}: {} executions, {} blocked, model {}{}, {}complete{}; {:.2f} s, {}/s{}\n",
             result.target->name(), shard.count == 1 ? "" : "shard " + text_of(shard) + " ",
             words_for(result, options), tally.executions, census.blocked, options.settings.model,
             options.budget.search == "dfs" ? ", depth first" : "",
             result.is_complete() ? "" : "not ", programs_of(result, options), census.seconds,
             short_count(static_cast<double>(result.executions()) / std::max(census.seconds, 1e-9)),
             origin_of(result));
  fmt::print("{}", undecided_line(tally));
  if (result.is_complete() && census.complete == 0 && census.blocked != 0) {
    fmt::print(
        "  none came to its end: in each a thread stops at heddle_assume() or waits in a loop\n");
  }
  if (!result.checkpoint.empty()) {
    const std::string left =
        result.outlook.executions == 0
            ? ""
            : fmt::format("{} executions left, {}; ", about(result.executions_left()),
                          short_duration(result.seconds_left()));
    fmt::print("  {}go on: {}\n", left, resume_command(result));
  }
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
  object["executions_before"] = result.executions_before();
  object["checkpoint"] = result.checkpoint;
  if (can_go_on(result, options) && result.outlook.executions != 0) {
    object["executions_left"] = result.executions_left();
    object["seconds_left"] = result.seconds_left();
  }
  if (!result.target->is_test()) {
    object["programs"] = result.programs;
    object["operations"] = options.smallness.operations;
    object["values"] = options.smallness.values;
    object["largest_program"] = {{"executions", result.largest.executions},
                                 {"seconds", result.largest.seconds}};
    if (can_go_on(result, options)) {
      object["programs_in_all"] = result.outlook.programs;
    }
  }
  return object;
}

}  // namespace

int run_check(const CommandOptions& options) {
  if (!options.checkpoint.empty() && options.targets.size() > 1) {
    complain("--checkpoint is one file, for one target");
    return kUsage;
  }
  if (options.resumed != nullptr) {
    if (const std::string misfit = misfit_of_checkpoint(options); !misfit.empty()) {
      complain(misfit);
      return kUsage;
    }
  }
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
