#include "oracle/consistency.hpp"

#include <map>
#include <optional>
#include <set>

#include "oracle/map_specification.hpp"
#include "oracle/misfit.hpp"
#include "oracle/precedence.hpp"

namespace heddle::oracle {
namespace {

template <class State>
SearchResult search(const std::vector<Item>& items, const State& start, u64 effort_max) {
  OrderSearch<State> search(items, start);
  if (search.fits_as_committed()) {
    return SearchResult{Verdict::kFits, {}, kNoItem, {}};
  }
  return search.run(effort_max);
}

/// One search of one selection, told if nothing fits.
template <class State>
Verdict judged(const std::vector<Item>& items, const State& start, u64 effort_max, Misfit misfit,
               exec::Finding& finding) {
  const SearchResult result = search(items, start, effort_max);
  if (result.verdict == Verdict::kMisfits) {
    tell(misfit, items, result, finding);
  }
  return result.verdict;
}

std::set<i64> keys_of(const std::vector<Item>& items) {
  std::set<i64> keys;
  for (const Item& item : items) {
    if (!is_on_all_keys(item.entry.role)) {
      keys.insert(item.entry.arguments[0]);
    }
  }
  return keys;
}

/// An erasure of each key in the place of what erases them one by one.
std::vector<Item> erased_each(const std::vector<Item>& items) {
  const std::set<i64> keys = keys_of(items);
  std::vector<Item> result;
  for (const Item& item : items) {
    if (item.entry.role != Role::kClearEach) {
      result.push_back(item);
      continue;
    }
    for (const i64 key : keys) {
      result.push_back(item);
      target::HistoryEntry& erasure = result.back().entry;
      erasure.role = Role::kErase;
      erasure.arguments[0] = key;
      erasure.argument_count = 1;
    }
  }
  return result;
}

Verdict judge_key(const std::vector<Item>& items, const target::History& history, i64 key,
                  Consistency consistency, exec::Finding& finding) {
  const std::vector<Item> on_key =
      selected(items, history, consistency, [key](const target::HistoryEntry& entry) {
        return entry.role == Role::kClear ||
               (entry.role != Role::kSize && entry.arguments[0] == key);
      });
  return judged(on_key, KeyState{}, kEffortMax, Misfit{consistency, true, key}, finding);
}

/// An AnyState is a Specification::State that can be copied.
class AnyState {
 public:
  explicit AnyState(std::unique_ptr<Specification::State> state) : state_(std::move(state)) {}
  AnyState(const AnyState& other) : state_(other.state_->copy()) {}
  AnyState(AnyState&&) = default;
  AnyState& operator=(AnyState&&) = default;
  ~AnyState() = default;

  Value apply(const target::HistoryEntry& entry) {
    return state_->apply(entry.name, entry.arguments);
  }
  u64 hash() const { return state_->hash(); }
  friend bool operator==(const AnyState& a, const AnyState& b) {
    return a.state_->equals(*b.state_);
  }

 private:
  std::unique_ptr<Specification::State> state_;
};

}  // namespace

std::vector<Item> map_operations(const target::History& history) {
  std::vector<Item> items;
  std::map<std::pair<ThreadId, u8>, std::optional<i64>> yielded;  // last, by cursor
  for (u32 i = 0; i < history.entries.size(); ++i) {
    target::HistoryEntry entry = history.entries[i];
    std::optional<i64>& current = yielded[{entry.thread, entry.cursor}];
    if (entry.role == Role::kOpen) {
      current.reset();
    }
    if (entry.role == Role::kNext && entry.result.has_ints()) {
      current = entry.result.words[0];
    }
    if (entry.role == Role::kEraseCurrent) {
      const bool in_vain = entry.result.shape == Value::Shape::kBool && !entry.result.truth();
      if (!current.has_value() || in_vain) {
        continue;
      }
      entry.arguments[0] = *current;
      entry.argument_count = 1;
    }
    if (is_map_operation(entry.role) && !entry.result.refused()) {
      items.push_back(Item{entry, i, 0, 0});
    }
  }
  return erased_each(items);
}

Verdict judge_map(const target::History& history, Consistency consistency, exec::Finding& finding) {
  std::vector<Item> items = map_operations(history);
  set_precedence(items, history, consistency);
  const std::vector<Item> all =
      selected(items, history, consistency, [](const target::HistoryEntry&) { return true; });
  if (OrderSearch<MapState>(all, MapState{}).fits_as_committed()) {
    return Verdict::kFits;
  }
  bool undecided = false;
  for (const i64 key : keys_of(items)) {
    const Verdict verdict = judge_key(items, history, key, consistency, finding);
    if (verdict == Verdict::kMisfits) {
      return verdict;
    }
    undecided |= verdict == Verdict::kUndecided;
  }
  const bool whole = consistency == Consistency::kSequential ||
                     std::any_of(items.begin(), items.end(),
                                 [](const Item& item) { return is_on_all_keys(item.entry.role); });
  if (!whole) {
    return undecided ? Verdict::kUndecided : Verdict::kFits;
  }
  return judged(all, MapState{}, kEffortMax, Misfit{consistency, true, std::nullopt}, finding);
}

Verdict judge(std::vector<Item> items, const target::History& history, Consistency consistency,
              const Specification& specification, u64 effort_max, exec::Finding& finding) {
  set_precedence(items, history, consistency);
  const std::vector<Item> all =
      selected(items, history, consistency, [](const target::HistoryEntry&) { return true; });
  return judged(all, AnyState(specification.start()), effort_max,
                Misfit{consistency, false, std::nullopt}, finding);
}

}  // namespace heddle::oracle
