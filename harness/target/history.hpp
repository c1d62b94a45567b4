// In-target world. What the operations of an execution were, and what came of them.
#pragma once

#include <string>

#include "base/vec.hpp"
#include "exec/clock.hpp"
#include "exec/memory_model.hpp"
#include "heddle/operations.hpp"

namespace heddle::target {

struct HistoryEntry {
  ThreadId thread;
  u16 operation;  // index into the target's operations; kUntyped for heddle_op_begin()
  u8 argument_count;
  u8 cursor;  // that it opens, uses or closes; kNoCursor: see there
  bool returned;
  Role role;
  i64 arguments[Operation::kArgumentsMax];
  Value result;
  u64 called;        // when, on a clock that counts calls and returns from 1
  u64 returned_at;   // on the same clock; kNotReturned if it has not
  u64 commit;        // orders linearization points; 0 if the operation never got to one
  const char* name;  // of the operation
  u32 epoch;         // of its thread as it returned
  u32 call_event;    // of the memory model, if there is one
  u32 last_event;    // likewise: of its thread as it returned
};

constexpr u16 kUntyped = 0xffff;
/// Of an entry that heddle::yielded() made, with role kNext: its iteration is the kIterate entry
/// of the same thread that was called last.
constexpr u8 kNoCursor = 0xff;
constexpr u64 kNotReturned = ~u64{0};

struct History {
  Vec<HistoryEntry> entries;  // in the order of calls
  u64 commits = 0;
  u64 clock = 0;        // calls and returns so far
  u32 in_progress = 0;  // operations that were called and have not returned
  uptr subject = 0;     // the object under test, where there is one
  /// What knows which events come before others, where they do not take place in time; else null.
  const exec::MemoryModel* model = nullptr;

  void clear() {
    entries.clear();
    commits = 0;
    clock = 0;
    in_progress = 0;
    subject = 0;
    model = nullptr;
  }

  /// Its index.
  u32 call(HistoryEntry entry) {
    entry.called = ++clock;
    entry.returned_at = kNotReturned;
    entries.push_back(entry);
    ++in_progress;
    return entries.size() - 1;
  }

  /// An operation that names no linearization point takes effect here.
  void come_back(u32 at, const Value& result, u32 epoch) {
    HistoryEntry& entry = entries[at];
    entry.result = result;
    entry.returned = true;
    entry.epoch = epoch;
    entry.returned_at = ++clock;
    if (entry.commit == 0) {
      entry.commit = ++commits;
    }
    --in_progress;
  }

  /// Where events do not take place in time, an operation has surely returned before a moment of
  /// another thread only if that happens-before this. Those that `seen`, the present moment's
  /// clock, does not have might as well return later, and are said to.
  void delay_unseen_returns(const exec::VectorClock& seen) {
    if (model == nullptr) {
      return;
    }
    const u64 later = ++clock;
    for (HistoryEntry& entry : entries) {
      if (entry.returned && seen.get(entry.thread) < entry.epoch) {
        entry.returned_at = later;
      }
    }
  }
};

/// The history of the present execution, or of the last one.
History& history();

/// "7", "nothing", "true", "3:7"; empty for the result of a function that returns none.
std::string text_of(const Value& value);
/// "find(3)", or with its result "find(3) = 7".
std::string text_of(const HistoryEntry& entry, bool with_result);

}  // namespace heddle::target
