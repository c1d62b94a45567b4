#include "explore/recording.hpp"

#include <algorithm>
#include <sstream>

#include "exec/faults.hpp"

namespace heddle::exploration {
namespace {

std::string words_for(const EventMark& mark) {
  return "T" + std::to_string(to_index(mark.thread)) + " " + exec::name_of(mark.kind);
}

std::string words_for(const Recording& recording) {
  return recording.kind == exec::FindingKind::kNone
             ? "no finding"
             : std::string("finding ") + exec::name_of(recording.kind) + " (" + recording.rule +
                   ")";
}

}  // namespace

bool parse_faults(const std::string& text, exec::Faults& faults) {
  faults = 0;
  if (text == "none") {
    return true;
  }
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const exec::Faults before = faults;
    for (const exec::DecisionKind kind : exec::kAllFaults) {
      faults |= word == exec::name_of(kind) || word == "all" ? exec::fault(kind) : 0;
    }
    if (faults == before) {
      return false;
    }
  }
  return faults != 0;
}

std::string text_of(exec::Faults faults) {
  std::string text;
  for (const exec::DecisionKind kind : exec::kAllFaults) {
    if ((faults & exec::fault(kind)) != 0) {
      text += (text.empty() ? "" : ",") + std::string(exec::name_of(kind));
    }
  }
  return text.empty() ? "none" : text;
}

Divergence compare(const Recording& expected, const Recording& seen) {
  const std::size_t common = std::min(expected.marks.size(), seen.marks.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (!(expected.marks[i] == seen.marks[i])) {
      std::string message = "diverged at event " + std::to_string(i) + ": expected " +
                            words_for(expected.marks[i]) + ", got " + words_for(seen.marks[i]);
      if (expected.marks[i].thread == seen.marks[i].thread &&
          expected.marks[i].kind == seen.marks[i].kind) {
        message += " with another location or value";
      }
      return Divergence{true, message, i};
    }
  }
  if (expected.events != seen.events) {
    const bool shorter = seen.events < expected.events;
    const std::string next =
        shorter ? (common < expected.marks.size() ? words_for(expected.marks[common]) : "more")
                : "the end";
    const std::string got =
        shorter ? "the end" : (common < seen.marks.size() ? words_for(seen.marks[common]) : "more");
    const u64 at = std::min(expected.events, seen.events);
    return Divergence{
        true, "diverged at event " + std::to_string(at) + ": expected " + next + ", got " + got,
        at};
  }
  if (expected.digest != seen.digest) {
    return Divergence{true,
                      "diverged after event " + std::to_string(common) + ": the digest differs"};
  }
  if (expected.kind != seen.kind || expected.rule != seen.rule) {
    return Divergence{
        true, "diverged at the end: expected " + words_for(expected) + ", got " + words_for(seen)};
  }
  return Divergence{};
}

}  // namespace heddle::exploration
