#include "oracle/precedence.hpp"

namespace heddle::oracle {
namespace {

/// Intervals of equal numbers overlap: what is between two quiescent points may change places.
class QuiescentPeriods {
 public:
  explicit QuiescentPeriods(const target::History& history) {
    u64 busy_until = 0;
    for (const target::HistoryEntry& entry : history.entries) {
      if (entry.called > busy_until) {
        begins_.push_back(entry.called);
      }
      busy_until = std::max(busy_until, entry.returned ? entry.returned_at : kForever);
    }
  }

  u64 of(const Item& item) const {
    const auto after = std::upper_bound(begins_.begin(), begins_.end(), item.entry.called);
    return static_cast<u64>(after - begins_.begin());
  }

 private:
  std::vector<u64> begins_;
};

// Not all that is known of intervals follows from happens-before, which is a partial order.
bool is_partial(const target::History& history, Consistency consistency) {
  return consistency == Consistency::kLinearizable && history.model != nullptr &&
         !history.model->interleaves();
}

void follow_threads(std::vector<Item>& items) {
  std::vector<u32> last_of_thread(kThreadCountMax, kNoItem);
  for (u32 i = 0; i < items.size(); ++i) {
    u32& last = last_of_thread[to_index(items[i].entry.thread)];
    if (last != kNoItem) {
      items[i].after.push_back(last);
    }
    last = i;
  }
}

void follow_events(std::vector<Item>& items, const exec::MemoryModel& model) {
  OwnedVec<bool> past;
  for (Item& item : items) {
    model.find_past(item.entry.call_event, past);
    for (u32 i = 0; i < items.size(); ++i) {
      const target::HistoryEntry& other = items[i].entry;
      if (&items[i] != &item && other.returned && past[other.last_event]) {
        item.after.push_back(i);
      }
    }
  }
}

}  // namespace

void set_partial_order(std::vector<Item>& items, const target::History& history,
                       Consistency consistency) {
  if (consistency == Consistency::kSequential) {
    follow_threads(items);
  } else if (is_partial(history, consistency)) {
    follow_events(items, *history.model);
  }
}

void set_precedence(std::vector<Item>& items, const target::History& history,
                    Consistency consistency) {
  const QuiescentPeriods periods(history);
  for (Item& item : items) {
    switch (consistency) {
      case Consistency::kLinearizable:
        item.begin = item.entry.called;
        item.end = item.entry.returned && !is_partial(history, consistency) ? item.entry.returned_at
                                                                            : kForever;
        break;
      case Consistency::kSequential:
        item.begin = to_index(item.entry.thread) == 0 ? 0 : 1;
        item.end = item.begin;
        break;
      case Consistency::kQuiescent:
        item.begin = periods.of(item);
        item.end = item.entry.returned ? item.begin : kForever;
        break;
    }
  }
}

}  // namespace heddle::oracle
