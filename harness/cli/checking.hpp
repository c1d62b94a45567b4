// Command-line world. The exhaustive search in one target.
#pragma once

#include <algorithm>
#include <functional>

#include "cli/checkpoint.hpp"
#include "cli/estimate.hpp"

namespace heddle::cli {

inline u64 executions_of(const exploration::Census& census) {
  return census.complete + census.blocked + census.with_finding;
}

/// The most that one program took.
struct Largest {
  u64 executions = 0;
  double seconds = 0;

  void include(const Largest& other);
};

/// What came of it, or has come of it so far.
struct CheckResult {
  target::Definition* target;
  exploration::Census census = {};  // of all programs; finished if there are no others
  exploration::Census before = {};  // of that, what searches saw that this one goes on from
  u64 programs = 0;                 // looked at
  Outlook outlook = {};             // while it runs, or if it stopped early
  Largest largest = {};             // of the programs
  std::vector<FiledFinding> findings = {};
  bool diverged = false;
  bool write_failed = false;
  std::string checkpoint = {};  // path of its file; empty if there is nothing to go on with

  bool found() const { return census.with_finding != 0; }
  bool is_complete() const {
    return census.finished && !census.bounded && !census.untimed && !census.preempted &&
           census.undecided == 0 && !diverged;
  }
  u64 executions() const { return executions_of(census); }
  u64 executions_before() const { return executions_of(before); }
  double seconds() const { return census.seconds - before.seconds; }
  /// About; at least one execution.
  double executions_left() const {
    return std::max(outlook.executions - static_cast<double>(executions()), 1.0);
  }
  /// At the speed so far. 0: unknown.
  double seconds_left() const {
    const u64 now = executions() - executions_before();
    return outlook.executions == 0 || now == 0
               ? 0
               : seconds() / static_cast<double>(now) * executions_left();
  }
};

using TellFinding = std::function<void(const FiledFinding&)>;
using ShowProgress = std::function<void(const CheckResult&)>;

/// Begins where `job` is, and leaves it where it stops.
CheckResult check_target(target::Definition& target, const CommandOptions& options, JobState& job,
                         const TellFinding& tell, const ShowProgress& show);
/// The same in several processes, a shard each.
CheckResult check_in_jobs(target::Definition& target, const CommandOptions& options,
                          std::vector<JobState>& jobs, const TellFinding& tell,
                          const ShowProgress& show);

/// It stopped early, not at what it was looking for.
bool can_go_on(const CheckResult& result, const CommandOptions& options);

/// As it is called in what is said of findings.
const char* strategy_of(const CommandOptions& options);
/// `finished` is that of the part, as for programs one after the other.
exploration::Census plus(exploration::Census sum, const exploration::Census& part);
/// As other commands count: executions that were blocked are counted apart.
exploration::Tally tally_of(const exploration::Census& census);

}  // namespace heddle::cli
