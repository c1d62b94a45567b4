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

}  // namespace

void set_precedence(std::vector<Item>& items, const target::History& history,
                    Consistency consistency) {
  const QuiescentPeriods periods(history);
  for (Item& item : items) {
    switch (consistency) {
      case Consistency::kLinearizable:
        item.begin = item.entry.called;
        item.end = item.entry.returned ? item.entry.returned_at : kForever;
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
