// In-target world, under a RuntimeScope. What must come before what, for each criterion.
#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

#include "heddle/contract.hpp"
#include "oracle/order_search.hpp"

namespace heddle::oracle {

/// Sets `begin` and `end` of the items, which are in the order of their calls. What the main thread
/// did before the others began comes first in any case.
void set_precedence(std::vector<Item>& items, const target::History& history,
                    Consistency consistency);

/// Sets `after` of the items where an order is known that is no matter of intervals: that of each
/// thread if only that counts, or happens-before.
void set_partial_order(std::vector<Item>& items, const target::History& history,
                       Consistency consistency);

/// Those of the items that `keep` says yes to.
template <class Keep>
std::vector<Item> selected(const std::vector<Item>& items, const target::History& history,
                           Consistency consistency, Keep keep) {
  std::vector<Item> kept;
  std::copy_if(items.begin(), items.end(), std::back_inserter(kept),
               [&](const Item& item) { return keep(item.entry); });
  set_partial_order(kept, history, consistency);
  return kept;
}

}  // namespace heddle::oracle
