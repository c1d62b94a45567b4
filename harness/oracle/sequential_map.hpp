// In-target world. What operations do to a key of a sequential map, and what they answer.
#pragma once

#include <string>

#include "target/history.hpp"

namespace heddle::oracle {

struct KeyState {
  bool present = false;
  i64 value = 0;
};

/// Carries out an operation on its key, and returns what it must answer; void: nothing to judge.
/// What kEraseCurrent erases, if it does, is taken to be of this key.
Value apply(const target::HistoryEntry& operation, KeyState& key);

/// True if `given` says nothing against `expected`. A target may answer less than its role does.
bool agrees(const Value& given, const Value& expected);

/// What an operation did to its key, as far as its answer tells: what it may have done.
struct Effect {
  bool inserts = false;
  bool overwrites = false;
  bool removes = false;
  bool certain = false;  // it returned, and whatever its answer leaves open, did one of these
  i64 value = 0;         // that it wrote

  bool writes() const { return inserts || overwrites; }
  /// The set of keys may be another one.
  bool structural() const { return inserts || removes; }
};
Effect effect_of(const target::HistoryEntry& operation);

/// "insert(3, 7) by T1".
std::string describe(const target::HistoryEntry& operation);
/// "7", "nothing", "true", "(3, 7)".
std::string describe(const Value& answer);

}  // namespace heddle::oracle
