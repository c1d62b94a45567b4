#include "report/uncontrolled.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include "exec/uncontrolled.hpp"
#include "report/symbols.hpp"

namespace heddle::report {
namespace {

using exec::Escape;
using exec::Uncontrolled;

std::string library_of(const Escape& escape) {
  Dl_info info = {};
  if (escape.image == 0 || ::dladdr(reinterpret_cast<void*>(escape.image), &info) == 0) {
    return "the program";
  }
  const std::string path = info.dli_fname;
  return path.substr(path.rfind('/') + 1);
}

std::string sentence(const Escape& escape) {
  const std::string library = library_of(escape);
  const std::string what = escape.what.data;
  switch (escape.kind) {
    case Uncontrolled::kThreadOfLibrary:
      return fmt::format(
          "{} starts a thread ({}) and is not instrumented: the thread is scheduled, "
          "but what the library does with memory is not seen",
          library, what);
    case Uncontrolled::kLockOfLibrary:
      return fmt::format(
          "{} takes locks ({}) and is not instrumented: they are scheduled, but what "
          "the library does with memory is not seen; races with it may be false",
          library, what);
    case Uncontrolled::kEntropy:
      return fmt::format("{} is read: real entropy, other in each run", what);
    case Uncontrolled::kOsThread:
      return fmt::format(
          "a thread of the operating system ('{}') was started, which nobody "
          "schedules: replays may differ",
          what);
  }
  return "";
}

}  // namespace

std::vector<std::string> uncontrolled() {
  std::vector<std::string> warnings;
  for (u32 i = 0; i < exec::escape_count(); ++i) {
    const Escape& escape = exec::escape(i);
    std::string text = sentence(escape);
    unsigned number = 0;
    for (u32 frame = 0; frame < escape.depth; ++frame) {
      for (const Frame& place : frames_at(escape.frames[frame])) {
        if (is_users(place)) {
          text += fmt::format("\n    #{} {}  {}", number++, place.function, place.place());
        }
      }
    }
    warnings.push_back(text);
  }
  return warnings;
}

std::vector<std::string> uncontrolled_in_execution() {
  std::vector<std::string> lines;
  for (u32 i = 0; i < exec::escape_count(); ++i) {
    if (exec::escape(i).in_execution) {
      lines.push_back(sentence(exec::escape(i)));
    }
  }
  return lines;
}

bool is_determinism_lost() {
  for (u32 i = 0; i < exec::escape_count(); ++i) {
    const Uncontrolled kind = exec::escape(i).kind;
    if (kind == Uncontrolled::kOsThread || kind == Uncontrolled::kEntropy) {
      return true;
    }
  }
  return false;
}

}  // namespace heddle::report
