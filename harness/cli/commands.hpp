// Command-line world. What the subcommands share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/findings.hpp"
#include "cli/options.hpp"

namespace heddle::cli {

/// The object of `--json`, as documented in README.md.
nlohmann::ordered_json to_json(const CommandOptions& options, const std::string& target,
                               const std::string& strategy, const exploration::Tally& tally,
                               const std::vector<FiledFinding>& findings, bool isolated = false);
nlohmann::ordered_json to_json(const FiledFinding& finding);

/// Prints the finding, as long as the user wants it, unless the output is JSON.
void tell(const FiledFinding& finding, const CommandOptions& options);

/// The exit code that sums up a search; an interrupt counts first.
int exit_code(bool found, bool diverged, bool write_failed);

/// This program, as the user would type it from where they are.
std::string program_path();

/// Recall and precision of the target's misuse detector against the race oracle; "" if it has none.
std::string detector_line(const exploration::Tally& tally);

/// How many executions no contract could judge within its means; "" if none.
std::string undecided_line(const exploration::Tally& tally);

/// For a program: isolates its executions if the user says so, or if they cannot be rolled back.
void choose_isolation(exploration::Session& session, const CommandOptions& options);
/// Tells on stderr what got past the scheduler.
void warn_of_uncontrolled();

/// The user's settings, and what the target asks for itself.
exploration::Settings settings_for(target::Definition& target, const CommandOptions& options);

}  // namespace heddle::cli
