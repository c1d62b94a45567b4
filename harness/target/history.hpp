// In-target world. What the operations of an execution were, and what came of them.
#pragma once

#include "base/vec.hpp"
#include "heddle/operations.hpp"

namespace heddle::target {

struct HistoryEntry {
  ThreadId thread;
  u16 operation;  // index into the target's operations; kUntyped for heddle_op_begin()
  u8 argument_count;
  u8 cursor;  // that it opens, uses or closes
  bool returned;
  Role role;
  i64 arguments[Operation::kArgumentsMax];
  Value result;
  u64 commit;        // orders linearization points; 0 if the operation never got to one
  const char* name;  // of the operation
};

constexpr u16 kUntyped = 0xffff;

struct History {
  Vec<HistoryEntry> entries;
  u64 commits = 0;
  uptr subject = 0;  // the object under test, where there is one

  void clear() {
    entries.clear();
    commits = 0;
    subject = 0;
  }
};

/// The history of the present execution, or of the last one.
History& history();

}  // namespace heddle::target
