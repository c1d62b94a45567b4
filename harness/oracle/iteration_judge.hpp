// In-target world. What contracts of iterations have in common: the judgement of one key, and the
// words for it.
#pragma once

#include "exec/finding.hpp"
#include "heddle/contract.hpp"
#include "oracle/linearizations.hpp"

namespace heddle::oracle {

/// What one iteration may have seen of one key.
struct KeyClaim {
  i64 key;
  std::vector<const Yield*> yields;
  std::vector<Sighting> sightings;  // one for each yield, when and of what it must have been
  Sighting missing;                 // where it must have been absent, if nothing was yielded
  bool must_yield = true;
  contracts::Unique unique = contracts::Unique::kKey;
};

/// Judges the iterations of a history.
class IterationJudge {
 public:
  IterationJudge(const char* contract, const target::History& history, exec::Finding& finding);

  const std::vector<Iteration>& iterations() const { return iterations_; }
  const std::map<i64, Timeline>& timelines() const { return timelines_; }
  /// The operations on a key, and the clears.
  const Timeline& timeline(i64 key) const;
  const Timeline& clears() const { return clears_; }
  /// All keys that an operation or an element of the iteration names.
  std::vector<i64> keys(const Iteration& iteration) const;
  /// The elements with a key.
  static std::vector<const Yield*> yields(const Iteration& iteration, i64 key);

  /// True if the iteration breaks the contract, as far as each key for itself tells.
  bool breaks(const Iteration& iteration, const contracts::WeakConsistency& options);
  /// True if no linearization allows the claim, though there are some.
  bool contradicts(const Iteration& iteration, const KeyClaim& claim);

  /// Fills in the finding, about `at`; returns true.
  bool report(const target::HistoryEntry& at, const char* rule, const std::string& text);

 private:
  bool report_skipped(const Iteration& iteration, const KeyClaim& claim);
  bool report_repeated(const KeyClaim& claim);
  bool report_wrong(const Iteration& iteration, const KeyClaim& claim, std::size_t yield);

  const char* contract_;
  const target::History& history_;
  exec::Finding& finding_;
  std::vector<Iteration> iterations_;
  std::map<i64, Timeline> timelines_;
  Timeline clears_;
};

/// A sighting of an element some time in an interval.
Sighting sighting_of(const Yield& yield, u64 from, u64 to);

/// "key 3 with value 7".
std::string describe(const Yield& yield);

}  // namespace heddle::oracle
