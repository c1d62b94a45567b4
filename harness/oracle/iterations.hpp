// In-target world. The iterations of a history, and what happened to each key.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "target/history.hpp"

namespace heddle::oracle {

/// An element that an iteration handed out, somewhere between two moments.
struct Yield {
  const target::HistoryEntry* entry;
  i64 key;
  i64 value;
  bool has_value;  // else only keys are yielded
  u64 from;        // the call of its step, or the element before where all is one call
  u64 to;
};

struct Iteration {
  const target::HistoryEntry* open;
  u64 from;  // the call that opens it, which is the whole iteration where all is one call
  u64 to;
  std::vector<Yield> yields = {};
  std::vector<const target::HistoryEntry*> erasures = {};  // kEraseCurrent
  const target::HistoryEntry* end = nullptr;               // that completed it
  const target::HistoryEntry* refusal = nullptr;           // that ended it
  bool over = false;

  /// When it was last heard of.
  u64 until() const;
  /// The element that an erasure is about; null if there is none.
  const Yield* erased_by(const target::HistoryEntry& erasure) const;
};

std::vector<Iteration> iterations_of(const target::History& history);

/// One operation as far as it concerns one key; it takes effect between two moments, if it does.
struct KeyOperation {
  const target::HistoryEntry* entry;
  u64 from;
  u64 to;
};
using Timeline = std::vector<KeyOperation>;  // by `from`

/// What concerns each key that an operation names. A clear concerns all of them.
std::map<i64, Timeline> timelines_of(const target::History& history,
                                     const std::vector<Iteration>& iterations);
Timeline clears_of(const target::History& history);

}  // namespace heddle::oracle
