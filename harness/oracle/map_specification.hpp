// In-target world, under a RuntimeScope. What a map's operations answer one after another, by their
// roles: as states for OrderSearch.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/rng.hpp"
#include "target/history.hpp"

namespace heddle::oracle {

/// True for operations that look at or change entries by key, or all of them: no iterations.
bool is_map_operation(Role role);
/// True for those on all keys at once.
bool is_on_all_keys(Role role);
/// True for those that leave their key present, whatever was there.
bool leaves_present(Role role);
/// True for those that may leave a key absent that was present.
bool may_remove(Role role);

/// What is under one key. A clear() is an erase to it, and it knows no size().
struct KeyState {
  std::optional<i64> value;

  Value apply(const target::HistoryEntry& entry);
  u64 hash() const { return value.has_value() ? mix64(static_cast<u64>(*value)) : 0; }
  friend bool operator==(const KeyState&, const KeyState&) = default;
};

/// The whole map.
class MapState {
 public:
  Value apply(const target::HistoryEntry& entry);
  u64 hash() const;
  friend bool operator==(const MapState&, const MapState&) = default;

 private:
  std::vector<std::pair<i64, KeyState>> present_;  // by key
};

}  // namespace heddle::oracle
