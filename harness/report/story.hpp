// Command-line world. The story of a finding: what happened, where, in which interleaving.
#pragma once

#include <string>

#include "explore/session.hpp"
#include "report/symbols.hpp"

namespace heddle::report {

/// What a story needs to know besides the engine's trace.
struct StoryOptions {
  bool color = false;
  std::string replay_command;  // shown last; empty: left out
  unsigned width = 120;        // of the terminal, in columns
};

/// The whole story of the finding that the engine's last, traced execution ended with.
std::string tell(const exploration::Recording& recording, const StoryOptions& options);

/// Stable over runs, machines and unrelated edits: kind, rule and the functions involved, hashed to
/// 16 hex digits. Call while the engine holds the traced execution.
std::string signature_of(const exploration::Recording& recording);

/// "file:line" of the place where the finding was completed; "" if unknown.
std::string location_of();

/// "insert(3, 1) = true": an operation of the last execution's history.
std::string operation_text(u32 operation, bool with_result);

}  // namespace heddle::report
