// In-target world, under a RuntimeScope. Judges whether a history fits some order of its
// operations; see contracts::consistent().
#pragma once

#include <vector>

#include "exec/finding.hpp"
#include "heddle/specification.hpp"
#include "oracle/order_search.hpp"

namespace heddle::oracle {

// Of one search; see OrderSearch::run(). What takes longer in practice takes for ever.
constexpr u64 kEffortMax = 500'000;
// The same where each attempt may do all operations again.
constexpr u64 kRunAloneEffortMax = 20'000;

/// The operations of a history that a map answers, erasures by cursors as those of their keys. What
/// was refused is none, nor is an erasure by a cursor that found nothing: its key may be there
/// again in another entry.
std::vector<Item> map_operations(const target::History& history);

/// Against a map. Key by key, as far as the criterion is a matter of single keys: linearizability
/// and quiescent consistency are, but for size() and clear(); what does not fit for one key does
/// not fit in any case.
/// Complexity: see OrderSearch, with the operations on one key; else with all.
/// Source: Horn, Kroening: Faster Linearizability Checking via P-Compositionality (FORTE 2015).
Verdict judge_map(const target::History& history, Consistency consistency, exec::Finding& finding);

/// Against a specification of the user's; all operations in one search.
Verdict judge(std::vector<Item> items, const target::History& history, Consistency consistency,
              const Specification& specification, u64 effort_max, exec::Finding& finding);

}  // namespace heddle::oracle
