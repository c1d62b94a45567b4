#include "oracle/sequential_map.hpp"

#include <algorithm>

namespace heddle::oracle {
namespace {

using target::HistoryEntry;

enum class Answer : u8 { kUnknown, kNo, kYes };

Answer answer_of(const HistoryEntry& operation) {
  const Value& result = operation.result;
  if (!operation.returned || result.shape == Value::Shape::kVoid) {
    return Answer::kUnknown;
  }
  if (result.shape == Value::Shape::kNothing) {
    return Answer::kNo;
  }
  switch (operation.role) {
    case Role::kExchange:
    case Role::kTake: return Answer::kYes;  // the value may be 0
    case Role::kFindOrInsert: return result.words[1] != 0 ? Answer::kYes : Answer::kNo;
    default: return result.words[0] != 0 ? Answer::kYes : Answer::kNo;
  }
}

std::optional<i64> value_in(const KeyState& key) {
  return key.present ? std::optional(key.value) : std::nullopt;
}

bool insert(const HistoryEntry& operation, KeyState& key) {
  const bool inserted = !key.present;
  if (inserted) {
    key = KeyState{true, operation.arguments[1]};
  }
  return inserted;
}

bool erase(KeyState& key) { return std::exchange(key.present, false); }

bool holds(const HistoryEntry& operation, const KeyState& key) {
  return key.present && key.value == operation.arguments[1];
}

}  // namespace

Value apply(const HistoryEntry& operation, KeyState& key) {
  const KeyState before = key;
  switch (operation.role) {
    case Role::kAssign:
      key = KeyState{true, operation.arguments[1]};
      return value_of(!before.present);
    case Role::kInsert: return value_of(insert(operation, key));
    case Role::kErase: return value_of(erase(key));
    case Role::kFind: return value_of(value_in(key));
    case Role::kContains: return value_of(key.present);
    case Role::kExchange:
      key = KeyState{true, operation.arguments[1]};
      return value_of(value_in(before));
    case Role::kFindOrInsert:
      insert(operation, key);
      return value_of(std::pair(key.value, before.present));
    case Role::kTake: erase(key); return value_of(value_in(before));
    case Role::kCompareExchange:
      key.value = holds(operation, key) ? operation.arguments[2] : key.value;
      return value_of(holds(operation, before));
    case Role::kCompareErase:
      key.present = key.present && !holds(operation, key);
      return value_of(holds(operation, before));
    case Role::kClear:
    case Role::kClearEach: erase(key); return Value{};
    case Role::kEraseCurrent:
      // If it found nothing, there may be a later incarnation all the same.
      return answer_of(operation) == Answer::kNo ? Value{} : value_of(erase(key));
    default: return Value{};
  }
}

bool agrees(const Value& given, const Value& expected) {
  if (given.shape == Value::Shape::kVoid || expected.shape == Value::Shape::kVoid) {
    return true;
  }
  if (given.count == 0 || expected.count == 0) {
    return given.count == expected.count || expected.shape == Value::Shape::kBool;
  }
  const u32 count = std::min(given.count, expected.count);
  return std::equal(given.words, given.words + count, expected.words);
}

Effect effect_of(const HistoryEntry& operation) {
  const Answer answer = answer_of(operation);
  const bool yes_or_unknown = answer != Answer::kNo;
  const bool no_or_unknown = answer != Answer::kYes;
  Effect effect;
  effect.value = operation.arguments[1];
  effect.certain = answer != Answer::kUnknown;
  switch (operation.role) {
    case Role::kAssign:
      effect.inserts = yes_or_unknown;
      effect.overwrites = no_or_unknown;
      effect.certain = operation.returned;
      break;
    case Role::kInsert: effect.inserts = yes_or_unknown; break;
    case Role::kExchange:
      effect.inserts = no_or_unknown;
      effect.overwrites = yes_or_unknown;
      effect.certain = operation.returned;
      break;
    case Role::kFindOrInsert: effect.inserts = no_or_unknown; break;
    case Role::kCompareExchange:
      effect.overwrites = yes_or_unknown;
      effect.value = operation.arguments[2];
      break;
    case Role::kErase:
    case Role::kTake:
    case Role::kCompareErase:
    case Role::kEraseCurrent: effect.removes = yes_or_unknown; break;
    case Role::kClear:
    case Role::kClearEach:
      effect.removes = true;
      effect.certain = operation.returned;
      break;
    default: break;
  }
  return effect;
}

std::string describe(const HistoryEntry& operation) {
  std::string text = std::string(operation.name) + "(";
  for (u32 i = 0; i < operation.argument_count; ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(operation.arguments[i]);
  }
  return text + ") by T" + std::to_string(to_index(operation.thread));
}

std::string describe(const Value& answer) {
  if (answer.count == 0) {
    return "nothing";
  }
  if (answer.shape == Value::Shape::kBool) {
    return answer.truth() ? "true" : "false";
  }
  std::string text = std::to_string(answer.words[0]);
  for (u32 i = 1; i < answer.count; ++i) {
    text += ", " + std::to_string(answer.words[i]);
  }
  return answer.count == 1 ? text : "(" + text + ")";
}

}  // namespace heddle::oracle
