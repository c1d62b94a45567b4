// What operations mean, for the oracles that judge histories.
#pragma once

#include <cstdint>
#include <memory>

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

/// In which orders the operations of a history may be thought to have run, one after another.
enum class Consistency : std::uint8_t {
  kLinearizable,  // one that had returned before another was called comes before it
  kSequential,    // each thread's are in the order of its program; no more
  kQuiescent,  // those on both sides of a moment without any operation are in that order; no more
};

class Specification;  // specification.hpp
class TargetImplementation;

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

/// There is an order of the operations, one of those that `consistency` allows, in which a
/// sequential object would have answered what was answered. The sequential object is
///  - `model` if there is one; it is asked for all operations but cursors' and actions; else
///  - a map if any operation has a role of a map's; it is asked for those with such roles, and what
///    a cursor erased is erased by the key that it yielded last; else
///  - the target's type itself, on which one thread does all operations but cursors' and actions.
///    It must then answer the same whenever it is made anew and does the same, must not wait for
///    other threads, and must not keep anything outside of itself that a second object would meet
///    (global lists of a reclamation scheme, say): what it does there is not undone.
/// Iterations are not judged, nor is what was refused. A result of type void fits any answer. What
/// the main thread did before the others began comes first. An operation that never returned may
/// have taken effect or not.
/// A finding has the kind "linearizability" and the rule "not-linearizable",
/// "not-sequentially-consistent" or "not-quiescently-consistent", and names the operation that
/// cannot be placed in the longest order that fits.
/// Complexity: exponential in the operations that overlap (deciding it is NP-complete). A search
/// that gets too long is given up; the execution then counts as undecided, which is no finding.
/// Sources: Herlihy, Wing: Linearizability (TOPLAS 1990). Lamport: How to Make a Multiprocessor
/// Computer That Correctly Executes Multiprocess Programs (1979). Aspnes, Herlihy, Shavit: Counting
/// Networks (JACM 1994). Those of the search are in oracle/order_search.hpp.
/// The contract lives as long as the process; `target` must, too.
const Contract& consistent(Consistency consistency, const TargetImplementation& target,
                           std::unique_ptr<Specification> model = nullptr);

}  // namespace contracts
}  // namespace heddle
