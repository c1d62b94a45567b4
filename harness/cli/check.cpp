// Exhaustive search, and what may be said after it.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace heddle::cli {
namespace {

using exploration::Census;
using Json = nlohmann::ordered_json;

struct CheckResult {
  target::Definition* target;
  Census census = {};  // of all programs; finished if there are no others
  u64 programs = 0;    // looked at
  std::vector<FiledFinding> findings = {};
  bool diverged = false;
  bool write_failed = false;

  bool found() const { return census.with_finding != 0; }
  bool is_complete() const { return census.finished && !census.bounded && census.undecided == 0; }
};

Census plus(Census sum, const Census& part) {
  sum.complete += part.complete;
  sum.blocked += part.blocked;
  sum.with_finding += part.with_finding;
  sum.undecided += part.undecided;
  sum.finished = part.finished;
  sum.bounded |= part.bounded;
  sum.diverged |= part.diverged;
  sum.seconds += part.seconds;
  return sum;
}

u64 all_executions(const Census& census) {
  return census.complete + census.blocked + census.with_finding;
}

/// As other commands count them: those that were blocked are counted apart.
exploration::Tally tally_of(const Census& census) {
  exploration::Tally tally;
  tally.executions = census.complete + census.with_finding;
  tally.with_finding = census.with_finding;
  tally.undecided = census.undecided;
  tally.seconds = census.seconds;
  return tally;
}

bool is_spent(const exploration::Budget& budget, const Census& spent) {
  return all_executions(spent) >= budget.executions ||
         (budget.seconds > 0 && spent.seconds >= budget.seconds);
}

/// For the next program. Operation targets are split by program, so that each is looked at once.
exploration::Budget rest_of(exploration::Budget budget, const CheckResult& spent) {
  budget.executions -= all_executions(spent.census);
  budget.seconds -= budget.seconds > 0 ? spent.census.seconds : 0;
  budget.shard = spent.target->is_test() ? budget.shard : exploration::Shard{};
  return budget;
}

void show(Progress& progress, const CheckResult& result, const Census& now) {
  const Census sum = plus(result.census, now);
  const double executions = static_cast<double>(all_executions(sum));
  const std::string program =
      result.target->is_test() ? "" : fmt::format(", program {}", result.programs);
  progress.show(fmt::format("{}{}: {} executions, {} blocked, {}/s, {:.0f} s",
                            result.target->name(), program, short_count(executions),
                            short_count(static_cast<double>(sum.blocked)),
                            short_count(executions / std::max(sum.seconds, 1e-9)), sum.seconds));
}

CheckResult check_target(target::Definition& target, const CommandOptions& options) {
  CheckResult result{&target};
  exploration::Session session(target, settings_for(target, options));
  Findings findings(session, options, program_path());
  Progress progress(!options.quiet && !options.json);
  const auto on_finding = [&](const exec::Finding&, const Census& now) {
    if (FiledFinding* finding = findings.take()) {
      finding->made_by("check", tally_of(plus(result.census, now)));
      progress.clear();
      tell(*finding, options);
    }
    return options.keep_going && !findings.diverged() && !findings.write_failed();
  };
  const exploration::Shard shard = options.budget.shard;
  target::EverySource source;
  u64 turn = 0;
  for (bool more = true; more;) {
    target::Program program = target.make_program(source, options.smallness);
    result.census.finished = true;
    if (target.is_test() || turn++ % shard.count == shard.index) {
      session.set_program(std::move(program));
      ++result.programs;
      const Census census = session.check(rest_of(options.budget, result), on_finding,
                                          [&](const Census& now) { show(progress, result, now); });
      result.census = plus(result.census, census);
    }
    more = result.census.finished && source.advance();
    if (more && (is_spent(options.budget, result.census) || exploration::stop_requested())) {
      result.census.finished = false;
      more = false;
    }
  }
  result.findings = findings.all();
  result.diverged = findings.diverged() || result.census.diverged;
  result.write_failed = findings.write_failed();
  if (result.census.diverged) {
    complain(target.name() +
             ": an execution did not repeat: something that it depends on is not controlled");
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
  const bool timed = options.budget.seconds > 0 && result.census.seconds >= options.budget.seconds;
  return result.census.finished ? "loops cut short"
         : timed                ? fmt::format("{} s", options.budget.seconds)
                                : fmt::format("{} executions", options.budget.executions);
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
         : result.diverged               ? "inconclusive (an execution did not repeat)"
         : exploration::stop_requested() ? "inconclusive (interrupted)"
                                         : "inconclusive (some histories are undecided)";
}

std::string programs_of(const CheckResult& result, const CommandOptions& options) {
  return result.target->is_test()
             ? ""
             : fmt::format(
                   ", {}{} program{} of up to {} operations a thread on {} values an argument",
                   result.census.finished && options.budget.shard.count == 1 ? "all " : "",
                   result.programs, result.programs == 1 ? "" : "s", options.smallness.operations,
                   options.smallness.values);
}

void print(const CheckResult& result, const CommandOptions& options) {
  const Census& census = result.census;
  const exploration::Tally tally = tally_of(census);
  const exploration::Shard& shard = options.budget.shard;
  fmt::print(
      "{}: {}{}: {} executions, {} blocked, model {}, {}complete{}; {:.2f} s, {}/s\n",
      result.target->name(), shard.count == 1 ? "" : "shard " + text_of(shard) + " ",
      words_for(result, options), tally.executions, census.blocked, options.settings.model,
      result.is_complete() ? "" : "not ", programs_of(result, options), census.seconds,
      short_count(static_cast<double>(all_executions(census)) / std::max(census.seconds, 1e-9)));
  fmt::print("{}", undecided_line(tally));
}

Json json_of(const CheckResult& result, const CommandOptions& options) {
  Json object =
      to_json(options, result.target->name(), "check", tally_of(result.census), result.findings);
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
  }
  return object;
}

}  // namespace

int run_check(const CommandOptions& options) {
  std::vector<CheckResult> results;
  for (std::size_t i = 0; i < options.targets.size() && !exploration::stop_requested(); ++i) {
    results.push_back(check_target(*target::find_target(options.targets[i]), options));
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
