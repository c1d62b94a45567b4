// Command-line world. A finding, from the moment it is made until it is safe on disk.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/options.hpp"

namespace heddle::cli {

struct FiledFinding {
  exploration::Recording recording;
  std::string seed;      // path of its file; empty if it could not be written
  std::string location;  // "file:line"
  std::string story;
  std::vector<std::string> uncontrolled;  // what its execution met of that
  bool confirmed = false;                 // the seed file, read back, replays to the same events
  double seconds = 0;                     // since the search began
  u64 executions = 0;
  std::string strategy;

  void made_by(const std::string& its_strategy, const exploration::Tally& so_far) {
    strategy = its_strategy;
    executions = so_far.executions;
    seconds = so_far.seconds;
  }
};

/// For another process: all but the events, which the seed has.
std::string to_text(const FiledFinding& filed);
FiledFinding from_text(const std::string& text);

/// Collects the distinct findings of a target.
class Findings {
 public:
  Findings(exploration::Session& session, const CommandOptions& options, std::string program)
      : session_(session), options_(options), program_(std::move(program)) {}

  /// Records, tells, writes and confirms the finding of the session's last execution, unless one
  /// like it was seen before. Returns the new one, or null.
  FiledFinding* take();
  /// What was found before, by an earlier search.
  void know(const std::vector<FiledFinding>& findings);

  const std::vector<FiledFinding>& all() const { return all_; }
  bool diverged() const { return diverged_; }
  bool write_failed() const { return write_failed_; }

 private:
  std::string file(FiledFinding& filed);
  std::string file_apart(FiledFinding& filed);
  void file_death(FiledFinding& filed);
  void write(FiledFinding& filed, const std::string& story);
  std::string replay_command(const FiledFinding& filed) const;
  exploration::Divergence replay(const exploration::Recording& recording);

  exploration::Session& session_;
  const CommandOptions& options_;
  std::string program_;
  std::set<std::string> quick_;  // findings too alike to look at twice
  std::set<std::string> signatures_;
  std::vector<FiledFinding> all_;
  bool diverged_ = false;
  bool write_failed_ = false;
};

}  // namespace heddle::cli
