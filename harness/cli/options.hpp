// Command-line world. What the user asked for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "explore/session.hpp"

namespace heddle::cli {

/// Exit codes of the command; documented in README.md.
enum ExitCode : int {
  kClean = 0,
  kFinding = 1,
  kUsage = 2,
  kInconclusive = 3,  // where --require-complete was asked
  kNondeterminism = 4,
  kEnvironment = 5,
  kInternalBug = 6,
};

struct Checkpoint;

struct CommandOptions {
  std::string command;
  std::vector<std::string> targets;  // or, for replay, seed files
  exploration::Settings settings;
  exploration::Budget budget;
  bool budget_given = false;    // executions or time were set by the user
  bool model_is_given = false;  // by the user
  std::string findings_folder = "findings";
  std::vector<std::string> fuzzer_flags;
  std::vector<std::string> words;             // of the command line, as far as `--`
  target::Executable executable;              // to be driven; its path is empty if there is none
  std::string program;                        // replay: another file than the seeds'
  bool isolate = false;                       // programs: a process for each execution
  u64 repeat = 1;                             // replay: how often
  bool update = false;                        // replay: seeds that are judged otherwise now
  u32 findings_max = 1;                       // run, hunt: distinct findings of a target to collect
  target::Smallness smallness;                // check: of the programs of an operation target
  u32 jobs = 1;                               // check: processes
  bool keep_going = false;                    // check: to other findings
  std::string checkpoint;                     // check: where to write one; empty: where it belongs
  std::shared_ptr<const Checkpoint> resumed;  // check: what to go on from; null: the beginning
  bool require_complete = false;              // check: nothing but "verified" is a success
  bool matrix = false;  // hunt: is each seeded bug found by the oracle it was made for?
  bool json = false;
  bool quiet = false;
};

/// Parses the command line. On a wrong one prints one line to stderr and returns kUsage; for help
/// and version prints them and returns kClean; otherwise returns -1: go on.
int parse_arguments(int argc, char** argv, CommandOptions& options);

/// The whole command; its exit code.
int run_command(int argc, char** argv);
int run_list(const CommandOptions& options);
int run_run(const CommandOptions& options);
int run_check(const CommandOptions& options);
int run_fuzz(const CommandOptions& options);
int run_replay(const CommandOptions& options);
int run_hunt(const CommandOptions& options);
int run_matrix(const CommandOptions& options);

}  // namespace heddle::cli
