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
  kClearEach,        // clear, but each key is erased at a moment of its own ()
  // Of iterations over maps, step by step.
  kOpen,          // an iteration begins
  kNext,          // -> optional (key, value), nothing at the end; or a Refusal
  kEraseCurrent,  // erases the entry that was yielded last, also at the end -> bool: it was there
  kClose,         // the iteration ends, complete or not
  // In one go.
  kIterate,  // yields entries by heddle::yielded() -> bool: to the end (or nothing: always so)
};

/// What an operation answers that declines to go on. An iteration that does so has ended.
enum class Refusal : std::uint8_t {
  kStale,     // the container has changed in a way that the iteration can not follow
  kTimedOut,  // the iteration's time is up
  kNoMemory,  // an allocation failed; the container is as it was
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
  /// True if it goes by calls, returns and answers alone, and the later calls are and the earlier
  /// returns the more it asks. Exhaustive searches under SC then ask it of all times at which the
  /// operations of an execution may have been called and have returned.
  virtual bool goes_by_time() const { return false; }
};

/// Contracts of iterations, and what goes with them. All but go_range() judge by the intervals from
/// call to return, and object only if no order of the operations that respects these intervals and
/// the answers (a linearization) explains what an iteration saw. They stay silent where that takes
/// too long to decide, or the answers of the point operations fit no order themselves. Keys are
/// judged one by one (but for snapshots), a kClear or kClearEach being an erasure of every key, and
/// each iteration by itself.
///
/// Rules, by which findings of kind "iteration" are told apart:
///   skipped       a complete iteration ends without a key that was there all the time
///   repeated      an element is yielded again
///   resurrected   what is yielded had been in the map, but was gone by then
///   stale         the key was there, its value had been replaced
///   torn          the key was there at some time, never with this value
///   phantom       the key was never there
///   inconsistent  elements that were never in the map at one moment (snapshots)
///   unfounded     a refusal although nothing had changed
///   unnoticed     no refusal although something had changed
namespace contracts {

/// Go's `for range` over a map, where all operations (each `next` is one) are totally ordered by
/// their linearization points. Point operations answer as a sequential map does ("wrong-answer");
/// an iteration yields each incarnation of a key (from its insertion to its erasure) at most once,
/// only while it lives, with its latest value; and a completed one yields each that lived from
/// begin to end. kEraseCurrent erases the incarnation that was yielded last, never a later one of
/// its key. A kIterate begins after what had returned before its call, and ends before what was
/// called after its return. Complexity: O(operations * log keys). Source: The Go Programming
/// Language Specification, "For statements with range clause"; the per-incarnation form is ours.
const Contract& go_range();
/// The same, where `irreflexive_key` stands for a key that does not equal itself, as NaN: each
/// insertion begins an incarnation of its own, no operation finds any, and only kClear ends them.
const Contract& go_range(std::int64_t irreflexive_key);

/// How recent what is yielded must be.
enum class Freshness : std::uint8_t {
  kCurrent,    // in the map at some moment of the step that yields it
  kSinceOpen,  // in the map at some moment between the begin of the iteration and then
};

/// What an iteration yields at most once.
enum class Unique : std::uint8_t {
  kKey,          // a key
  kIncarnation,  // an incarnation of a key: from its insertion to its erasure
  kExisting,     // an incarnation that lived when the iteration began; later ones may repeat
  kNone,
};

struct WeakConsistency {
  /// A completed iteration has yielded each key that was there from its begin to its end.
  bool must_yield = true;
  Freshness freshness = Freshness::kSinceOpen;
  Unique unique = Unique::kKey;
  /// A step that begins after a kClear has returned yields nothing from before it.
  bool clear_is_barrier = false;
};

/// Iterations that run beside changes and are no snapshot.
/// Complexity: O(keys * operations an iteration); exponential in the number of operations on one
/// key at a time at worst.
const Contract& weakly_consistent(const WeakConsistency& options = {});

/// Go's sync.Map.Range; iterations of liburcu's and libcds' hash tables, of folly's concurrent map.
inline constexpr WeakConsistency kSyncMapRange{};
/// Java's ConcurrentHashMap: elements that existed when the iterator was made come exactly once.
inline constexpr WeakConsistency kJavaViews{.unique = Unique::kExisting};
/// Each element under its lock: boost::concurrent_flat_map::visit_all, xenium's vyukov_hash_map,
/// Redis' safe iterator.
inline constexpr WeakConsistency kElementLocked{.freshness = Freshness::kCurrent};
/// Walks that a resize disturbs: Linux' rhashtable.
inline constexpr WeakConsistency kDisturbedWalk{.must_yield = false, .unique = Unique::kNone};

/// One full cycle of cursors, from the first call to the last: a key that was there all the time is
/// yielded, and one that is yielded was there at some time. It may come again and again. Source:
/// Redis' documentation of SCAN.
const Contract& redis_scan();

/// What is yielded are the elements of one moment in the call that opens the iteration (of the
/// whole kIterate, where it is one call). Point operations and kClear are taken to be linearizable.
/// Complexity: as weakly_consistent(), times the calls and returns within that call; where clears
/// are under way, times the moments in which they may have happened, up to a limit.
const Contract& snapshot();

struct FailFast {
  /// After a change that had wholly happened between the opening and the call of a step, that step
  /// is refused, whatever it would have yielded.
  bool complete = false;
  /// Overwriting a value is a change, too; else only what changes the set of keys.
  bool overwriting = false;
};

/// Iterations that refuse to go on (Refusal::kStale) when the map has changed by other means than
/// kEraseCurrent of their own. A refusal has a change since the opening that justifies it. An
/// iteration during which nothing changed yields each element once. Otherwise no more is promised
/// than `complete` says. Source: java.util.HashMap.
const Contract& fail_fast(const FailFast& options = {});

/// Iterations over one version of a map: each step is refused as stale because the map has changed
/// since the opening, or as timed out, or yields an element of the version that was opened: the
/// elements are those of a snapshot(), and every change, overwriting too, that had wholly happened
/// between opening and step is noticed.
const Contract& versioned();

/// kSize at quiescence, when no operation that may change the map is under way, is the number of
/// its keys. Finding kind "contract", rule "wrong-size".
const Contract& quiescent_size();

/// There is an order of the operations, one of those that `consistency` allows, in which a
/// sequential object would have answered what was answered. The sequential object is
///  - `model` if there is one; it is asked for all operations but cursors' and actions; else
///  - a map if any operation has a role of a map's; it is asked for those with such roles; what a
///    cursor erased is erased by the key that it yielded last, and a kClearEach is an erasure of
///    each key (one after another, by the keys, where kSequential orders a thread's); else
///  - the target's type itself, on which one thread does all operations but cursors' and actions.
///    It must then answer the same whenever it is made anew and does the same, must not wait for
///    other threads, and must not keep anything outside of itself that a second object would meet
///    (global lists of a reclamation scheme, say): what it does there is not undone.
/// Iterations are not judged, nor is what was refused. A result of type void fits any answer. What
/// the main thread did before the others began comes first. An operation that never returned may
/// have taken effect or not.
/// Under a memory model other than SC one operation comes before another, for kLinearizable, if
/// what it did happens-before the call of the other. Exhaustive searches under SC judge all times
/// at which the operations of an execution may have been called and have returned. A finding has
/// the kind "linearizability" and the rule "not-linearizable", "not-sequentially-consistent" or
/// "not-quiescently-consistent", and names the operation that cannot be placed in the longest order
/// that fits. Complexity: exponential in the operations that overlap (deciding it is NP-complete).
/// A search that gets too long is given up; the execution then counts as undecided, which is no
/// finding. Sources: Herlihy, Wing: Linearizability (TOPLAS 1990). Lamport: How to Make a
/// Multiprocessor Computer That Correctly Executes Multiprocess Programs (1979). Aspnes, Herlihy,
/// Shavit: Counting Networks (JACM 1994). Those of the search are in oracle/order_search.hpp. The
/// contract lives as long as the process; `target` must, too.
const Contract& consistent(Consistency consistency, const TargetImplementation& target,
                           std::unique_ptr<Specification> model = nullptr);

}  // namespace contracts
}  // namespace heddle
