// In-target world, outside of executions. Text files that say what they are, in the first line, and
// whether they were changed, in the last one.
#pragma once

#include <string>

#include "base/types.hpp"

namespace heddle::fuzz {

/// What was wrong, in one line; empty if all is well.
struct FileError {
  std::string message;
  explicit operator bool() const { return !message.empty(); }
};

u32 crc32(const std::string& text);
std::string hex(u64 value, int digits);

/// `body`, which ends with a line's end, as a file of this kind ("seed").
std::string seal(const std::string& body, const std::string& kind);
/// Back. Errors: another kind or version, cut off, changed.
FileError unseal(const std::string& text, const std::string& kind, std::string& body);

FileError read_file(const std::string& path, const std::string& kind, std::string& text);

/// Writes `text` to `path` so that at no time a reader sees part of it, making folders as needed.
/// Errors: no folder, no permission, no space; nothing is left behind then.
FileError write_atomically(const std::string& path, const std::string& text);

}  // namespace heddle::fuzz
