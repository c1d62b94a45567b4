// What operations mean, for the oracles that judge histories.
#pragma once

#include <cstdint>

namespace heddle {

/// The meaning of an operation of a map, so that a contract can judge it whatever it is called.
/// In brackets: arguments -> result.
enum class Role : std::uint8_t {
  kOther,  // not judged
  // Of maps.
  kAssign,           // insert or overwrite (key, value) -> bool: inserted
  kInsert,           // insert, but do not overwrite (key, value) -> bool: inserted
  kErase,            // (key) -> bool: there was one
  kFind,             // (key) -> optional value
  kContains,         // (key) -> bool
  kExchange,         // insert or overwrite (key, value) -> optional value before
  kFindOrInsert,     // (key, value) -> (value now in the map, whether it was there before)
  kTake,             // erase (key) -> optional value before
  kCompareExchange,  // overwrite (key, expected, desired) -> bool: it was the expected one
  kCompareErase,     // (key, expected) -> bool: it was the expected one, and is erased
  kSize,             // () -> number of entries
  kClear,            // ()
  // Of iterations over maps, step by step.
  kOpen,          // an iteration begins
  kNext,          // -> optional (key, value), nothing at the end; or a Refusal
  kEraseCurrent,  // erases the entry that the last kNext yielded -> bool: there was one
  kClose,         // the iteration ends, complete or not
  // In one go.
  kIterate,  // yields entries by heddle::yielded() -> bool: to the end (or nothing: always so)
};

/// What an operation answers that declines to go on. An iteration that does so has ended.
enum class Refusal : std::uint8_t {
  kStale,     // the container has changed in a way that the iteration can not follow
  kTimedOut,  // the iteration's time is up
};

/// How far the threads of a container depend on each other.
enum class Progress : std::uint8_t {
  kBlocking,         // a thread that stops may stop all others
  kObstructionFree,  // a thread that runs alone finishes its operation
  kLockFree,         // whoever stops, the others finish theirs
  kWaitFree,         // each finishes its own in a bounded number of steps, whatever others do
};

namespace exec {
struct Finding;
}
namespace target {
struct History;
}

/// Judges a finished history. Implementations are in harness/oracle, one file each.
class Contract {
 public:
  virtual ~Contract() = default;
  /// Shown by `heddle list`.
  virtual const char* name() const = 0;
  /// Fills `finding` and returns true if the history violates the contract.
  virtual bool violated(const target::History& history, exec::Finding& finding) const = 0;
};

namespace contracts {

/// Go's `for range` over a map, where all operations (each `next` is one) are totally ordered by
/// their linearization points. Point operations answer as a sequential map does; an iteration
/// yields each incarnation of a key (from its insertion to its erasure) at most once, only while it
/// lives, with its latest value; and a completed one yields each that lived from begin to end.
/// Complexity: O(operations * log keys). Source: The Go Programming Language Specification,
/// "For statements with range clause"; the per-incarnation form is ours.
const Contract& go_range();

}  // namespace contracts
}  // namespace heddle
