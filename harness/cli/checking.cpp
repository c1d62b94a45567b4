#include "cli/checking.hpp"

#include <algorithm>
#include <utility>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "report/uncontrolled.hpp"

namespace heddle::cli {
namespace {

using exploration::Census;

bool is_spent(const exploration::Budget& budget, const CheckResult& spent) {
  return spent.executions() >= budget.executions ||
         (budget.seconds > 0 && spent.census.seconds >= budget.seconds);
}

/// For the next program. Operation targets are split by program, so that each is looked at once.
exploration::Budget rest_of(exploration::Budget budget, const CheckResult& spent) {
  budget.executions -= spent.executions();
  budget.seconds -= budget.seconds > 0 ? spent.census.seconds : 0;
  budget.shard = spent.target->is_test() ? budget.shard : exploration::Shard{};
  return budget;
}

u64 executions_of(const Census& census) {
  return census.complete + census.blocked + census.with_finding;
}

}  // namespace

const char* strategy_of(const CommandOptions& options) {
  return options.budget.search == "dfs" ? "dfs" : "check";
}

void Largest::include(const Largest& other) {
  executions = std::max(executions, other.executions);
  seconds = std::max(seconds, other.seconds);
}

u64 CheckResult::executions() const { return executions_of(census); }

Census plus(Census sum, const Census& part) {
  sum.complete += part.complete;
  sum.blocked += part.blocked;
  sum.with_finding += part.with_finding;
  sum.undecided += part.undecided;
  sum.finished = part.finished;
  sum.bounded |= part.bounded;
  sum.preempted |= part.preempted;
  sum.diverged |= part.diverged;
  sum.seconds += part.seconds;
  return sum;
}

exploration::Tally tally_of(const Census& census) {
  exploration::Tally tally;
  tally.executions = census.complete + census.with_finding;
  tally.with_finding = census.with_finding;
  tally.undecided = census.undecided;
  tally.seconds = census.seconds;
  return tally;
}

CheckResult check_target(target::Definition& target, const CommandOptions& options,
                         const TellFinding& tell, const ShowProgress& show) {
  CheckResult result{&target};
  exploration::Session session(target, settings_for(target, options));
  Findings findings(session, options, program_path());
  const auto with = [&result](const Census& now) {
    return CheckResult{result.target, plus(result.census, now), result.programs, result.largest};
  };
  const auto on_finding = [&](const exec::Finding&, const Census& now) {
    if (FiledFinding* finding = findings.take()) {
      finding->made_by(strategy_of(options), tally_of(with(now).census));
      tell(*finding);
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
                                          [&](const Census& now) { show(with(now)); });
      result.census = plus(result.census, census);
      result.largest.include({executions_of(census), census.seconds});
    }
    more = result.census.finished && source.advance();
    if (more && (is_spent(options.budget, result) || exploration::stop_requested())) {
      result.census.finished = false;
      more = false;
    }
  }
  result.findings = findings.all();
  result.diverged = findings.diverged() || result.census.diverged || report::is_determinism_lost();
  result.write_failed = findings.write_failed();
  if (result.census.diverged) {
    complain(target.name() +
             ": an execution did not repeat: something that it depends on is not controlled");
  }
  return result;
}

}  // namespace heddle::cli
