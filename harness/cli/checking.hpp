// Command-line world. The exhaustive search in one target.
#pragma once

#include <functional>

#include "cli/findings.hpp"

namespace heddle::cli {

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
  u64 programs = 0;                 // looked at
  Largest largest = {};             // of these
  std::vector<FiledFinding> findings = {};
  bool diverged = false;
  bool write_failed = false;

  bool found() const { return census.with_finding != 0; }
  bool is_complete() const {
    return census.finished && !census.bounded && !census.preempted && census.undecided == 0 &&
           !diverged;
  }
  u64 executions() const;
};

using TellFinding = std::function<void(const FiledFinding&)>;
using ShowProgress = std::function<void(const CheckResult&)>;

CheckResult check_target(target::Definition& target, const CommandOptions& options,
                         const TellFinding& tell, const ShowProgress& show);
/// The same in several processes, a shard each.
CheckResult check_in_jobs(target::Definition& target, const CommandOptions& options,
                          const TellFinding& tell, const ShowProgress& show);

/// As it is called in what is said of findings.
const char* strategy_of(const CommandOptions& options);
/// `finished` is that of the part, as for programs one after the other.
exploration::Census plus(exploration::Census sum, const exploration::Census& part);
/// As other commands count: executions that were blocked are counted apart.
exploration::Tally tally_of(const exploration::Census& census);

}  // namespace heddle::cli
