#include "target/history.hpp"

namespace heddle::target {

namespace {

const char* text_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::kStale: return "stale";
    case Refusal::kTimedOut: return "timed out";
    case Refusal::kNoMemory: return "out of memory";
  }
  return "?";
}

}  // namespace

std::string text_of(const Value& value) {
  switch (value.shape) {
    case Value::Shape::kVoid: return "";
    case Value::Shape::kNothing: return "nothing";
    case Value::Shape::kBool: return value.truth() ? "true" : "false";
    case Value::Shape::kRefused: return text_of(static_cast<Refusal>(value.words[0]));
    case Value::Shape::kInts: break;
  }
  std::string text = std::to_string(value.words[0]);
  for (unsigned i = 1; i < value.count; ++i) {
    text += ":" + std::to_string(value.words[i]);
  }
  return text;
}

std::string text_of(const HistoryEntry& entry, bool with_result) {
  std::string text = entry.name;
  text += "(";
  for (u32 i = 0; i < entry.argument_count; ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(entry.arguments[i]);
  }
  text += ")";
  if (with_result && entry.returned && !text_of(entry.result).empty()) {
    text += " = " + text_of(entry.result);
  }
  return text;
}

}  // namespace heddle::target
