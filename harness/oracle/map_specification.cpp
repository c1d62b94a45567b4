#include "oracle/map_specification.hpp"

#include <algorithm>

namespace heddle::oracle {

bool is_map_operation(Role role) {
  switch (role) {
    case Role::kOther:
    case Role::kOpen:
    case Role::kNext:
    case Role::kClose:
    case Role::kIterate: return false;
    default: return true;
  }
}

bool is_on_all_keys(Role role) {
  return role == Role::kSize || role == Role::kClear || role == Role::kClearEach;
}

bool leaves_present(Role role) {
  return role == Role::kAssign || role == Role::kInsert || role == Role::kExchange ||
         role == Role::kFindOrInsert;
}

bool may_remove(Role role) {
  return role == Role::kErase || role == Role::kTake || role == Role::kCompareErase ||
         role == Role::kClear || role == Role::kEraseCurrent;
}

Value KeyState::apply(const target::HistoryEntry& entry) {
  const i64 argument = entry.arguments[1];
  const std::optional<i64> before = value;
  switch (entry.role) {
    case Role::kAssign: value = argument; return value_of(!before.has_value());
    case Role::kInsert: value = before.value_or(argument); return value_of(!before.has_value());
    case Role::kExchange: value = argument; return value_of(before);
    case Role::kFindOrInsert:
      value = before.value_or(argument);
      return value_of(std::pair(*value, before.has_value()));
    case Role::kFind: return value_of(before);
    case Role::kContains: return value_of(before.has_value());
    case Role::kErase:
    case Role::kEraseCurrent: value.reset(); return value_of(before.has_value());
    case Role::kTake: value.reset(); return value_of(before);
    case Role::kCompareExchange:
      value = before == argument ? entry.arguments[2] : before;
      return value_of(before == argument);
    case Role::kCompareErase:
      value = before == argument ? std::nullopt : before;
      return value_of(before == argument);
    case Role::kClear: value.reset(); return Value{};
    default: return Value{};
  }
}

Value MapState::apply(const target::HistoryEntry& entry) {
  if (entry.role == Role::kSize) {
    return value_of(present_.size());
  }
  if (entry.role == Role::kClear) {
    present_.clear();
    return Value{};
  }
  const i64 key = entry.arguments[0];
  const auto at =
      std::lower_bound(present_.begin(), present_.end(), key,
                       [](const auto& pair, i64 wanted) { return pair.first < wanted; });
  const bool was_there = at != present_.end() && at->first == key;
  KeyState state = was_there ? at->second : KeyState{};
  const Value answer = state.apply(entry);
  if (was_there && state.value.has_value()) {
    at->second = state;
  } else if (was_there) {
    present_.erase(at);
  } else if (state.value.has_value()) {
    present_.insert(at, {key, state});
  }
  return answer;
}

u64 MapState::hash() const {
  u64 hash = 0;
  for (const auto& [key, state] : present_) {
    hash = mix64(hash ^ mix64(static_cast<u64>(key)) ^ state.hash());
  }
  return hash;
}

}  // namespace heddle::oracle
