// In-target world, under a RuntimeScope. What must come before what, for each criterion.
#pragma once

#include <vector>

#include "heddle/contract.hpp"
#include "oracle/order_search.hpp"

namespace heddle::oracle {

/// Sets `begin` and `end` of the items, which are in the order of their calls. What the main thread
/// did before the others began comes first in any case.
void set_precedence(std::vector<Item>& items, const target::History& history,
                    Consistency consistency);

/// Those of the items that `keep` says yes to, with the order of each thread if that counts.
template <class Keep>
std::vector<Item> selected(const std::vector<Item>& items, Consistency consistency, Keep keep) {
  std::vector<Item> kept;
  std::vector<u32> last_of_thread(kThreadCountMax, kNoItem);
  for (const Item& item : items) {
    if (!keep(item.entry)) {
      continue;
    }
    kept.push_back(item);
    if (consistency == Consistency::kSequential) {
      u32& last = last_of_thread[to_index(item.entry.thread)];
      kept.back().after = last;
      last = static_cast<u32>(kept.size() - 1);
    }
  }
  return kept;
}

}  // namespace heddle::oracle
