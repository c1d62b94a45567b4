// One exhaustive search in several processes.
#include <algorithm>
#include <csignal>
#include <set>
#include <sys/prctl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/vec.hpp"
#include "cli/checking.hpp"
#include "cli/output.hpp"
#include "explore/deadline.hpp"
#include "explore/isolation.hpp"

namespace heddle::cli {
namespace {

using Json = nlohmann::ordered_json;

/// What a job shares with its parent while it runs.
struct Part {
  exploration::Census census;
  exploration::Census before;
  u64 programs;
  Outlook outlook;
  Largest largest;
  bool diverged;
  bool write_failed;

  void set(const CheckResult& result) {
    census = result.census;
    before = result.before;
    programs = result.programs;
    outlook = result.outlook;
    largest = result.largest;
    diverged = result.diverged;
    write_failed = result.write_failed;
  }
};

CommandOptions options_of(CommandOptions options, u32 job) {
  exploration::Budget& budget = options.budget;
  // What the jobs of a shard have together is what the shard has.
  budget.shard = {budget.shard.index + job * budget.shard.count, budget.shard.count * options.jobs};
  if (budget.executions != ~u64{0}) {
    budget.executions = (budget.executions + options.jobs - 1) / options.jobs;
  }
  return options;
}

std::string work(target::Definition& target, const CommandOptions& options, JobState job,
                 Part& part) {
  ::setpgid(0, 0);  // Ctrl-C is for the parent, who passes it on
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const auto show = [&part](const CheckResult& now) { part.set(now); };
  part.set(check_target(target, options, job, [](const FiledFinding&) {}, show));
  return to_json(job).dump();
}

Outlook outlook_of(const Part& part) {
  return part.census.finished
             ? Outlook{static_cast<double>(executions_of(part.census)), part.programs}
             : part.outlook;
}

/// They run side by side, and all have to finish.
CheckResult sum_of(target::Definition& target, const Part* parts, u32 count) {
  CheckResult sum{&target};
  bool finished = true;
  double seconds = 0;
  double seconds_before = 0;
  for (u32 i = 0; i < count; ++i) {
    sum.census = plus(sum.census, parts[i].census);
    sum.before = plus(sum.before, parts[i].before);
    sum.programs += parts[i].programs;
    const Outlook outlook = outlook_of(parts[i]);
    sum.outlook.executions += outlook.executions;
    sum.outlook.programs += outlook.programs;
    sum.largest.include(parts[i].largest);
    sum.diverged |= parts[i].diverged;
    sum.write_failed |= parts[i].write_failed;
    finished &= parts[i].census.finished;
    seconds = std::max(seconds, parts[i].census.seconds);
    seconds_before = std::max(seconds_before, parts[i].before.seconds);
  }
  sum.census.finished = finished;
  sum.census.seconds = seconds;
  sum.before.seconds = seconds_before;
  return sum;
}

}  // namespace

CheckResult check_in_jobs(target::Definition& target, const CommandOptions& options,
                          std::vector<JobState>& states, const TellFinding& tell,
                          const ShowProgress& show) {
  constexpr u32 kPauseMicroseconds = 20'000;
  u32 pause = 500;
  exploration::prepare_process();
  auto* parts = static_cast<Part*>(os_share(options.jobs * sizeof(Part)));
  std::vector<exploration::Child> jobs;
  for (u32 i = 0; i < options.jobs; ++i) {
    jobs.emplace_back([&, i] { return work(target, options_of(options, i), states[i], parts[i]); });
  }
  bool ending = false;
  const auto runs = [](exploration::Child& job) { return job.is_running(); };
  while (std::any_of(jobs.begin(), jobs.end(), runs)) {
    ::usleep(pause);
    pause = std::min(2 * pause, kPauseMicroseconds);
    const CheckResult now = sum_of(target, parts, options.jobs);
    show(now);
    if (!ending && (exploration::stop_requested() || (now.found() && !options.keep_going))) {
      ending = true;
      std::for_each(jobs.begin(), jobs.end(), [](exploration::Child& job) { job.interrupt(); });
    }
  }
  CheckResult result = sum_of(target, parts, options.jobs);
  std::set<std::string> known;
  for (const JobState& state : states) {
    for (const FiledFinding& finding : state.findings) {
      known.insert(finding.recording.signature);
    }
  }
  std::set<std::string> signatures;
  for (u32 i = 0; i < options.jobs; ++i) {
    const exploration::ChildEnd end = jobs[i].wait();
    if (!end.finished) {
      complain(target.name() + ": its process ended in the middle of the search: " + end.how);
      result.diverged = true;
      result.census.finished = false;
      continue;
    }
    states[i] = job_from_json(Json::parse(end.result));
    for (const FiledFinding& finding : states[i].findings) {
      if (signatures.insert(finding.recording.signature).second) {
        result.findings.push_back(finding);
      }
      if (known.insert(finding.recording.signature).second) {
        tell(finding);
      }
    }
  }
  return result;
}

}  // namespace heddle::cli
