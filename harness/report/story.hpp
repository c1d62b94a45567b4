// Command-line world. The story of a finding: what happened, where, in which interleaving.
#pragma once

#include <string>

#include "explore/session.hpp"

namespace heddle::report {

/// What a story needs to know besides the engine's trace.
struct StoryOptions {
  bool color = false;
  std::string replay_command;  // shown last; empty: left out
  unsigned width = 120;        // of the terminal, in columns
  u64 diverged_at = ~u64{0};   // visible event at which a replay diverged
};

/// The whole story of the engine's last, traced execution and the finding that it ended with, if
/// any.
std::string tell(const exploration::Recording& recording, const StoryOptions& options);

/// Stable over runs, machines, builds and unrelated edits: kind, rule and the functions involved,
/// hashed to 16 hex digits. Call while the engine holds the traced execution.
std::string signature_of(const exploration::Recording& recording);

/// "file:line" of the place where the finding was completed; "" if unknown.
std::string location_of();

}  // namespace heddle::report
