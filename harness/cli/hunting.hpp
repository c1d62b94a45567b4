// Command-line world. The search in one target, by all strategies in turn.
#pragma once

#include <functional>

#include "cli/findings.hpp"

namespace heddle::cli {

/// What came of it.
struct TargetResult {
  target::Definition* target;
  exploration::Tally tally;
  std::vector<FiledFinding> findings;
  bool expected_found = false;  // a variant's bug, by the oracle it was made for
  bool diverged = false;
  bool write_failed = false;
  bool isolated = false;
};

/// Strategies take turns, each turn twice as long as the last one, so that a bug that one of them
/// finds at once does not wait for the other's whole share. Ends early at the expected finding of a
/// target that is wrong on purpose.
using Tell = std::function<void(const FiledFinding&)>;
TargetResult hunt_target(target::Definition& target, const CommandOptions& options, double seconds,
                         const Tell& tell);

exploration::Tally plus(exploration::Tally sum, const exploration::Tally& part);

/// All targets, or those named; those that are wrong on purpose first, because they leave most of
/// their share to the others.
std::vector<target::Definition*> targets_to_hunt(const CommandOptions& options);

}  // namespace heddle::cli
