// In-target world, under a RuntimeScope. Words for a history that fits no order.
#pragma once

#include <optional>
#include <vector>

#include "exec/finding.hpp"
#include "heddle/contract.hpp"
#include "oracle/order_search.hpp"

namespace heddle::oracle {

/// What was searched.
struct Misfit {
  Consistency consistency;
  bool is_map;
  std::optional<i64> key;  // that all of the items are on
};

/// Fills the finding: the operation that cannot be placed, why, and what it could have answered;
/// in its detail the operations, with their places in the longest order found.
void tell(const Misfit& misfit, const std::vector<Item>& items, const SearchResult& result,
          exec::Finding& finding);

}  // namespace heddle::oracle
