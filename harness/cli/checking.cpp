#include "cli/checking.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/archive.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "explore/deadline.hpp"
#include "report/uncontrolled.hpp"

namespace heddle::cli {
namespace {

using exploration::Census;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kProgressPeriod{200};

/// When the search has to end; what lies between its programs takes time, too.
double end_of(const exploration::Budget& budget) {
  return budget.seconds > 0 ? exploration::now_seconds() + budget.seconds
                            : exploration::kNoDeadline;
}

bool is_spent(const exploration::Budget& budget, double end, const CheckResult& spent) {
  return spent.executions() - spent.executions_before() >= budget.executions ||
         exploration::now_seconds() >= end;
}

/// For the next program. Operation targets are split by program, so that each is looked at once.
exploration::Budget rest_of(exploration::Budget budget, double end, const CheckResult& spent) {
  constexpr double kLeast = 1e-9;  // 0 would be no limit
  budget.executions -= spent.executions() - spent.executions_before();
  if (budget.seconds > 0) {
    budget.seconds = std::max(end - exploration::now_seconds(), kLeast);
  }
  budget.shard = spent.target->is_test() ? budget.shard : exploration::Shard{};
  budget.samples = true;
  return budget;
}

/// The small programs of a target, one after the other.
class Programs {
 public:
  explicit Programs(const std::string& text) {
    if (!text.empty()) {
      Archive archive(text);
      list(archive);
    }
  }

  std::string text() {
    Archive archive;
    list(archive);
    return archive.text();
  }

  bool advance() {
    ++turn_;
    return source_.advance();
  }
  bool is_of(const exploration::Shard& shard) const { return turn_ % shard.count == shard.index; }
  target::EverySource& source() { return source_; }

 private:
  void list(Archive& archive) {
    archive(turn_);
    source_.archive(archive);
  }

  target::EverySource source_;
  u64 turn_ = 0;
};

}  // namespace

const char* strategy_of(const CommandOptions& options) {
  return options.budget.search == "dfs" ? "dfs" : "check";
}

void Largest::include(const Largest& other) {
  executions = std::max(executions, other.executions);
  seconds = std::max(seconds, other.seconds);
}

Census plus(Census sum, const Census& part) {
  sum.complete += part.complete;
  sum.blocked += part.blocked;
  sum.with_finding += part.with_finding;
  sum.undecided += part.undecided;
  sum.finished = part.finished;
  sum.bounded |= part.bounded;
  sum.untimed |= part.untimed;
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

bool can_go_on(const CheckResult& result, const CommandOptions& options) {
  return !result.census.finished && !result.diverged && (!result.found() || options.keep_going);
}

CheckResult check_target(target::Definition& target, const CommandOptions& options, JobState& job,
                         const TellFinding& tell, const ShowProgress& show) {
  const double end = end_of(options.budget);
  CheckResult result{&target, job.census, job.census, job.programs};
  exploration::Session session(target, settings_for(target, options));
  Findings findings(session, options, program_path());
  findings.know(job.findings);
  const auto with = [&result](const Census& now) {
    CheckResult sum = result;
    sum.census = plus(result.census, now);
    return sum;
  };
  const auto on_finding = [&](const exec::Finding&, const Census& now) {
    if (FiledFinding* finding = findings.take()) {
      finding->made_by(strategy_of(options), tally_of(with(now).census));
      tell(*finding);
    }
    return options.keep_going && !findings.diverged() && !findings.write_failed();
  };
  Estimate estimate(target, session, options.smallness, options.budget);
  auto next_progress = Clock::now() + kProgressPeriod;
  const auto on_progress = [&](const Census& now) {
    if (Clock::now() >= next_progress) {
      estimate.refine();
      CheckResult so_far = with(now);
      so_far.outlook = estimate.outlook();
      show(so_far);
      next_progress = Clock::now() + kProgressPeriod;
    }
  };
  Programs programs(job.program);
  for (bool more = !job.census.finished; more;) {
    target::Program program = target.make_program(programs.source(), options.smallness);
    result.census.finished = true;
    if (target.is_test() || programs.is_of(options.budget.shard)) {
      session.set_program(std::move(program));
      result.programs += job.executions.empty();  // else it was counted when it was begun
      const Census census = session.check(rest_of(options.budget, end, result), on_finding,
                                          on_progress, &job.executions);
      result.census = plus(result.census, census);
      result.largest.include({executions_of(census), census.seconds});
      on_progress({});
    }
    more = result.census.finished && programs.advance();
    if (more && (is_spent(options.budget, end, result) || exploration::stop_requested())) {
      result.census.finished = false;
      more = false;
    }
  }
  result.findings = findings.all();
  result.diverged = findings.diverged() || result.census.diverged || report::is_determinism_lost();
  result.write_failed = findings.write_failed();
  if (can_go_on(result, options)) {
    estimate.refine();
    result.outlook = estimate.outlook();
  }
  if (result.census.diverged) {
    complain(target.name() +
             ": an execution did not repeat: something that it depends on is not controlled");
  }
  job = JobState{result.census, result.programs, result.findings, programs.text(), job.executions};
  return result;
}

}  // namespace heddle::cli
