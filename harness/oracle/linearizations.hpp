// In-target world. Whether the operations on one key can have taken effect in an order that
// explains what an iteration saw of it.
#pragma once

#include "heddle/contract.hpp"
#include "oracle/iterations.hpp"

namespace heddle::oracle {

/// Something about a key that must have been so at one moment between two.
struct Sighting {
  enum class Of : u8 {
    kValue,    // an iteration yielded this value
    kPresent,  // an iteration yielded the key
    kAbsent,
    kOpening,  // an iteration began, and yielded nothing before
  };

  Of of;
  u64 from;
  u64 to;
  i64 value = 0;
  u64 cleared_by = 0;  // clears that had returned by then have taken effect before

  bool is_yield() const { return of == Of::kValue || of == Of::kPresent; }
};

/// True if some linearization of the operations, of one key, lets all sightings be true, those of
/// one incarnation not more often than `unique` says; true as well where that takes too long to
/// decide. Which operation happens at one moment is for the answers to say: pending ones may never.
/// Complexity: O(operations) where the first try succeeds; else exponential in the number of
/// operations at a time. Source: Wing, Gong: Testing and Verifying Concurrent Objects (JPDC 1993),
/// with the memory of failed states of Lowe: Testing for linearizability (CCPE 2017).
bool possible(const Timeline& timeline, const std::vector<Sighting>& sightings,
              contracts::Unique unique = contracts::Unique::kNone);

}  // namespace heddle::oracle
