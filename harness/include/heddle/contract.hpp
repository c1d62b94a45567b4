// What operations mean, for the oracles that judge histories.
#pragma once

#include <cstdint>

namespace heddle {

/// The meaning of an operation of a map, so that a contract can judge it whatever it is called.
/// In brackets: arguments -> result.
enum class Role : std::uint8_t {
  kOther,   // not judged
  kAssign,  // insert or overwrite (key, value) -> bool: inserted
  kErase,   // (key) -> bool: there was one
  kFind,    // (key) -> optional value
  kSize,    // () -> number of entries
  kClear,   // ()
  kOpen,    // an iteration begins
  kNext,    // -> optional (key, value); nothing = the end
  kClose,   // the iteration ends, complete or not
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
