// In-target world. What an oracle reports.
#pragma once

#include "base/text.hpp"
#include "base/types.hpp"

namespace heddle::exec {

/// The oracle that made the finding.
enum class FindingKind : u8 {
  kNone,
  kRace,
  kHeap,
  kDeadlock,
  kLivelock,
  kCrash,            // signal, abort, uncaught exception, failed assert, stack overflow
  kCheck,            // HEDDLE_CHECK
  kIteration,        // an iterator contract
  kLinearizability,  // results that fit no order of the operations
  kProgress,         // a promise to finish whatever others do
  kContract,         // another promise of the target's
  kMisuse,           // of a synchronisation primitive
  kUnsupported,
};

/// "race", "heap", ...: the word used in output, seeds and `expect`.
const char* name_of(FindingKind kind);
/// The inverse; kNone for an unknown word.
FindingKind finding_kind_of(const char* name);

struct Finding {
  FindingKind kind = FindingKind::kNone;
  const char* rule = "";  // finer than the kind, e.g. "use-after-free"; static storage
  Text<600> message;      // one line, without addresses
  ThreadId thread = ThreadId::kNone;
  uptr pc = 0;                // where `thread` was
  uptr address = 0;           // what it is about, if it is about memory
  u32 block = 0;              // heap block concerned
  u32 operation = ~u32{0};    // of the history: the one whose result is wrong, if one is
  u32 event = ~u32{0};        // in the trace: where the oracle objected
  u32 other_event = ~u32{0};  // in the trace: the earlier event it conflicts with
  Text<32768> detail;         // further lines, may be empty
  // What ThreadSanitizer says of a race that Heddle has found: "agrees", "silent"; empty if not
  // asked.
  const char* second_opinion = "";

  explicit operator bool() const { return kind != FindingKind::kNone; }
};

}  // namespace heddle::exec
