// Command-line world. What AddressSanitizer wrote, in the words of a story.
#pragma once

#include <string>

#include "exec/finding.hpp"

namespace heddle::report {

/// What the finding's own part of the story does not say: without stacks, addresses and bytes of
/// shadow memory, and with the logical thread in place of the one OS thread.
std::string sanitizer_text(const exec::Finding& finding);

}  // namespace heddle::report
