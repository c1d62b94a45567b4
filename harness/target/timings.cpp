#include "target/timings.hpp"

#include <algorithm>

namespace heddle::target {
namespace {

constexpr u32 kNotYet = ~u32{0};

class Search {
 public:
  Search(const Needs& needs, const std::function<bool(const Timing&)>& wrong)
      : needs_(needs), wrong_(wrong) {
    timing_.called.assign(needs.size(), kNotYet);
    timing_.returned.assign(needs.size(), kNotYet);
  }

  bool any_from(u32 step) {
    const Timing before = timing_;
    bool done = true;
    for (u32 next = 0; next < needs_.size(); ++next) {
      if (before.returned[next] != kNotYet) {
        continue;
      }
      done = false;
      if (!needs_least(next)) {
        continue;
      }
      call_for(next, step);
      return_all(step);
      if (any_from(step + 1)) {
        return true;
      }
      timing_ = before;
    }
    return done && wrong_(timing_);
  }

 private:
  bool lacks(u32 operation, u32 other) const {
    return needs_[operation][other] && timing_.called[other] == kNotYet;
  }

  bool is_ready(u32 operation) const {
    for (u32 other = 0; other < needs_.size(); ++other) {
      if (lacks(operation, other)) {
        return false;
      }
    }
    return true;
  }

  /// No other operation lacks fewer calls, all of them lacked by this one; of those that lack the
  /// same ones it is the first.
  bool needs_least(u32 operation) const {
    for (u32 other = 0; other < needs_.size(); ++other) {
      bool fewer = other < operation;
      bool within = other != operation && timing_.returned[other] == kNotYet;
      for (u32 call = 0; call < needs_.size() && within; ++call) {
        within = !lacks(other, call) || lacks(operation, call);
        fewer |= lacks(operation, call) && !lacks(other, call);
      }
      if (within && fewer) {
        return false;
      }
    }
    return true;
  }

  void call_for(u32 operation, u32 step) {
    for (u32 other = 0; other < needs_.size(); ++other) {
      if (lacks(operation, other)) {
        timing_.called[other] = step;
      }
    }
  }

  void return_all(u32 step) {
    for (u32 operation = 0; operation < needs_.size(); ++operation) {
      if (timing_.returned[operation] == kNotYet && is_ready(operation)) {
        timing_.returned[operation] = step;
      }
    }
  }

  const Needs& needs_;
  const std::function<bool(const Timing&)>& wrong_;
  Timing timing_;
};

Needs needs_of(const History& history) {
  Needs needs;
  OwnedVec<bool> past;
  for (const HistoryEntry& entry : history.entries) {
    history.model->find_past(entry.last_event, past);
    std::vector<bool>& calls = needs.emplace_back();
    for (const HistoryEntry& other : history.entries) {
      calls.push_back(past[other.call_event]);
    }
  }
  return needs;
}

void set_times(History& history, const std::vector<HistoryEntry>& entries, const Timing& timing) {
  std::vector<u32> places(entries.size());
  u32 place = 0;
  u64 clock = 0;
  for (u32 step = 0; clock < 2 * entries.size(); ++step) {
    for (u32 i = 0; i < entries.size(); ++i) {
      if (timing.called[i] == step) {
        places[i] = place++;
        history.entries[places[i]] = entries[i];
        history.entries[places[i]].called = ++clock;
      }
    }
    for (u32 i = 0; i < entries.size(); ++i) {
      if (timing.returned[i] == step) {
        history.entries[places[i]].returned_at = ++clock;
      }
    }
  }
}

}  // namespace

bool any_timing(const Needs& needs, const std::function<bool(const Timing&)>& wrong) {
  return Search(needs, wrong).any_from(0);
}

bool any_timing(History& history, const std::function<bool()>& wrong) {
  const std::vector<HistoryEntry> entries(history.entries.begin(), history.entries.end());
  const bool found = any_timing(needs_of(history), [&](const Timing& timing) {
    set_times(history, entries, timing);
    return wrong();
  });
  if (!found) {
    std::copy(entries.begin(), entries.end(), history.entries.begin());
  }
  return found;
}

}  // namespace heddle::target
