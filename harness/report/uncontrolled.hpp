// Command-line world. Warnings about what got past the scheduler.
#pragma once

#include <string>
#include <vector>

namespace heddle::report {

/// One warning each, over several lines: what, by which library, from where in the program.
std::vector<std::string> uncontrolled();

/// What of it the last execution met: one line each.
std::vector<std::string> uncontrolled_in_execution();

/// True if something among it makes replays unreliable.
bool is_determinism_lost();

}  // namespace heddle::report
