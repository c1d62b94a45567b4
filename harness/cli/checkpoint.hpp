// Command-line world. Where a search stopped, as a file to go on from.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/findings.hpp"
#include "fuzz/sealed.hpp"

namespace heddle::cli {

/// What one process of a search has done, and where it stopped.
struct JobState {
  exploration::Census census = {};  // finished: nothing is left
  u64 programs = 0;                 // looked at
  std::vector<FiledFinding> findings = {};
  std::string program = {};     // of operation targets: the one at hand, or to come; an Archive
  std::string executions = {};  // of that program: what is left, by Session::check; an Archive
};

nlohmann::ordered_json to_json(const JobState& job);
JobState job_from_json(const nlohmann::ordered_json& object);

struct Checkpoint {
  std::string path;
  std::string search;  // all that decides which executions there are, as JSON
  std::vector<JobState> jobs = {};
};

/// Where the user wants it; or where it came from; or below the folder of findings, by target,
/// model and shard.
std::string checkpoint_path(const CommandOptions& options, const std::string& target);

/// Errors: those of write_atomically().
fuzz::FileError write_checkpoint(const CommandOptions& options, const std::string& target,
                                 const std::vector<JobState>& jobs);

/// Makes the search of the file the one that `options` ask for. Errors: no file, no checkpoint,
/// damaged, for a target that this program does not have.
fuzz::FileError resume_from(const std::string& path, CommandOptions& options);

/// Why the search that is resumed is not the one that the user asked for besides; "" if it is.
std::string misfit_of_checkpoint(const CommandOptions& options);

}  // namespace heddle::cli
