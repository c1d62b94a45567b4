// In-target world, under a RuntimeScope. The search for an order in which operations could have run
// one after another.
//
// Wing and Gong's search, which places one operation after the other and takes back, with a memory
// of the pairs (operations placed, state) that it has been at, as Lowe's. What may come next is a
// matter of the items alone, so that one search serves all criteria: see precedence.hpp.
// Complexity: O(n * 2^width) states for n operations of which `width` overlap at a time, times the
// states that one set of operations can lead to; deciding linearizability is NP-complete.
// Source: Wing, Gong: Testing and Verifying Concurrent Objects (JPDC 1993). Lowe: Testing for
// Linearizability (CCPE 2017).
#pragma once

#include <algorithm>
#include <vector>

#include "oracle/visited_states.hpp"
#include "target/history.hpp"

namespace heddle::oracle {

constexpr u32 kNoItem = ~u32{0};
constexpr u64 kForever = ~u64{0};

/// An operation to be placed. It may be placed when everything that ended before it began has been,
/// and the items `after`. One that never returned may have taken effect or not, with any answer.
struct Item {
  target::HistoryEntry entry;
  u32 index;  // in the history
  u64 begin;
  u64 end;
  std::vector<u32> after = {};
};

enum class Verdict : u8 { kFits, kMisfits, kUndecided };

struct SearchResult {
  Verdict verdict;
  std::vector<u32> longest;    // if it misfits: the longest order found, as items
  u32 misfit = kNoItem;        // the operation, first to return, that could not come next there
  std::vector<Value> answers;  // what the misfit could have answered, in all orders tried
};

/// Void fits everything: a function without result, or a specification that does not say.
inline bool fits(const Value& answer, const Value& expected) {
  using Shape = Value::Shape;
  if (answer.shape == Shape::kVoid || expected.shape == Shape::kVoid) {
    return true;
  }
  return (answer.shape == Shape::kNothing) == (expected.shape == Shape::kNothing) &&
         answer.count == expected.count &&
         std::equal(answer.words, answer.words + answer.count, expected.words);
}

/// `State` is copyable and comparable, and has `Value apply(const HistoryEntry&)` and `u64 hash()`.
template <class State>
class OrderSearch {
 public:
  /// `items` sorted by `begin`, and to outlive the search.
  OrderSearch(const std::vector<Item>& items, const State& start)
      : items_(items), start_(start), visited_(count()) {
    for (u32 i = 0; i <= count(); ++i) {
      next_.push_back(i + 1);
      previous_.push_back(i == 0 ? count() : i - 1);
    }
    next_[count()] = 0;  // the head of the list of what is not placed, and its end
    previous_[0] = count();
    answers_.resize(count());
    must_place_ = static_cast<u32>(std::count_if(
        items.begin(), items.end(), [](const Item& item) { return item.entry.returned; }));
  }

  /// True if the order of the linearization points will do, which spares most searches.
  bool fits_as_committed() const {
    std::vector<u32> order;
    for (u32 i = 0; i < count(); ++i) {
      if (items_[i].entry.commit != 0) {
        order.push_back(i);
      } else if (items_[i].entry.returned) {
        return false;
      }
    }
    std::sort(order.begin(), order.end(),
              [this](u32 a, u32 b) { return items_[a].entry.commit < items_[b].entry.commit; });
    std::vector<bool> placed(count(), false);
    State state = start_;
    u64 latest_begin = 0;
    for (const u32 i : order) {
      const Item& item = items_[i];
      latest_begin = std::max(latest_begin, item.begin);
      if (item.end < latest_begin || !is_free(item, placed) ||
          !answers_well(item, state.apply(item.entry))) {
        return false;
      }
      placed[i] = true;
    }
    return true;
  }

  /// Undecided after `effort_max` attempts to place an operation and comparisons of states.
  SearchResult run(u64 effort_max) {
    State state = start_;
    u32 at = next_[count()];
    u64 horizon = kForever;  // the earliest end of what is not placed and lies before `at`
    for (u64 tries = 0; must_place_ != 0;) {
      if (at == count() || items_[at].begin > horizon) {
        if (placed_.empty()) {
          return misfitting();
        }
        note_longest();
        at = take_back(state, horizon);
      } else if (is_free(at)) {
        if (++tries + visited_.compared() > effort_max) {
          return SearchResult{Verdict::kUndecided, {}, kNoItem, {}};
        }
        if (place(at, state, horizon)) {
          at = next_[count()];
          horizon = kForever;
          continue;
        }
      }
      horizon = std::min(horizon, items_[at].end);
      at = next_[at];
    }
    return SearchResult{Verdict::kFits, {}, kNoItem, {}};
  }

 private:
  struct Placed {
    u32 item;
    u64 horizon;
    State before;
  };

  u32 count() const { return static_cast<u32>(items_.size()); }

  bool is_free(u32 item) const {
    return std::ranges::all_of(items_[item].after, [this](u32 at) { return visited_.holds(at); });
  }

  static bool is_free(const Item& item, const std::vector<bool>& placed) {
    return std::ranges::all_of(item.after, [&](u32 at) { return placed[at]; });
  }

  static bool answers_well(const Item& item, const Value& expected) {
    return !item.entry.returned || fits(item.entry.result, expected);
  }

  bool place(u32 at, State& state, u64 horizon) {
    State after = state;
    const Value expected = after.apply(items_[at].entry);
    if (!answers_well(items_[at], expected)) {
      std::vector<Value>& seen = answers_[at];
      if (std::find(seen.begin(), seen.end(), expected) == seen.end()) {
        seen.push_back(expected);
      }
      return false;
    }
    visited_.flip(at);
    if (!visited_.enter(after)) {
      visited_.flip(at);
      return false;
    }
    placed_.push_back(Placed{at, horizon, std::move(state)});
    state = std::move(after);
    next_[previous_[at]] = next_[at];
    previous_[next_[at]] = previous_[at];
    must_place_ -= items_[at].entry.returned ? 1 : 0;
    return true;
  }

  u32 take_back(State& state, u64& horizon) {
    Placed& last = placed_.back();
    const u32 item = last.item;
    next_[previous_[item]] = item;
    previous_[next_[item]] = item;
    visited_.flip(item);
    must_place_ += items_[item].entry.returned ? 1 : 0;
    state = std::move(last.before);
    horizon = last.horizon;
    placed_.pop_back();
    return item;
  }

  void note_longest() {
    if (placed_.size() > longest_.size()) {
      longest_.clear();
      for (const Placed& placed : placed_) {
        longest_.push_back(placed.item);
      }
    }
  }

  SearchResult misfitting() {
    std::vector<bool> placed(count(), false);
    for (const u32 item : longest_) {
      placed[item] = true;
    }
    u64 horizon = kForever;
    u32 misfit = kNoItem;
    for (u32 i = 0; i < count() && items_[i].begin <= horizon; ++i) {
      const Item& item = items_[i];
      if (placed[i]) {
        continue;
      }
      horizon = std::min(horizon, item.end);
      if (is_free(item, placed) && item.entry.returned &&
          (misfit == kNoItem || item.entry.returned_at < items_[misfit].entry.returned_at)) {
        misfit = i;
      }
    }
    return SearchResult{Verdict::kMisfits, longest_, misfit, answers_[misfit]};
  }

  const std::vector<Item>& items_;
  const State start_;
  VisitedStates<State> visited_;  // and the items that are placed now
  std::vector<u32> next_;
  std::vector<u32> previous_;
  std::vector<Placed> placed_;
  std::vector<u32> longest_;
  std::vector<std::vector<Value>> answers_;
  u32 must_place_ = 0;
};

}  // namespace heddle::oracle
