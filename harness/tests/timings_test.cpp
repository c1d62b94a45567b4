// Goal: of the orders in which operations may be called and return, those that order most are
// tried, and no other than can be. Held against all interleavings of random executions.
#include "target/timings.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/rng.hpp"

namespace heddle::testing {
namespace {

/// A bit for each pair of operations of which the first returns before the second is called.
using Precedence = u64;
using Precedences = std::set<Precedence>;

/// Operations in threads, as the events that they are; what comes before what besides.
struct Execution {
  u32 operations = 0;
  std::vector<u32> first;  // event of each operation; they are numbered in a possible order
  std::vector<u32> last;
  std::vector<std::vector<bool>> before;  // transitive, and of each event and itself
};

Execution random_execution(u64 seed) {
  constexpr u32 kThreads = 3;
  constexpr u32 kEvents = 8;  // of as many operations at most, whose pairs have 64 bits
  Rng rng(seed);
  Execution execution;
  std::vector<std::vector<bool>>& before = execution.before;
  u32 running[kThreads];
  u32 latest[kThreads];
  std::fill_n(latest, kThreads, kEvents);
  const u32 edges = rng.below(4);
  for (u32 event = 0; event < kEvents; ++event) {
    const u32 thread = rng.below(kThreads);
    if (latest[thread] == kEvents || rng.below(2) == 0) {
      running[thread] = execution.operations++;
      execution.first.push_back(event);
      execution.last.push_back(event);
    }
    execution.last[running[thread]] = event;
    before.emplace_back(kEvents, false);
    for (u32 earlier = 0; earlier < event; ++earlier) {
      if (earlier == latest[thread] || rng.below(8) < edges) {
        for (u32 other = 0; other <= earlier; ++other) {
          before[event][other] = before[event][other] || before[earlier][other];
        }
      }
    }
    before[event][event] = true;
    latest[thread] = event;
  }
  return execution;
}

template <class Before>
Precedence precedence_of(u32 operations, Before before) {
  Precedence precedence = 0;
  for (u32 a = 0; a < operations; ++a) {
    for (u32 b = 0; b < operations; ++b) {
      precedence |= before(a, b) ? Precedence{1} << (a * operations + b) : 0;
    }
  }
  return precedence;
}

/// Of all interleavings of the events.
class Brute {
 public:
  explicit Brute(const Execution& execution)
      : execution_(execution), places_(execution.before.size(), kOut) {
    extend(0);
  }

  const Precedences& all() const { return all_; }

 private:
  static constexpr u32 kOut = ~u32{0};

  bool is_next(u32 event) const {
    bool next = places_[event] == kOut;
    for (u32 other = 0; other < places_.size(); ++other) {
      next &= other == event || !execution_.before[event][other] || places_[other] != kOut;
    }
    return next;
  }

  void extend(u32 place) {
    for (u32 event = 0; event < places_.size(); ++event) {
      if (is_next(event)) {
        places_[event] = place;
        extend(place + 1);
        places_[event] = kOut;
      }
    }
    if (place == places_.size()) {
      all_.insert(precedence_of(execution_.operations, [&](u32 a, u32 b) {
        return places_[execution_.last[a]] < places_[execution_.first[b]];
      }));
    }
  }

  const Execution& execution_;
  std::vector<u32> places_;
  Precedences all_;
};

Precedences timings_of(const Execution& execution) {
  target::Needs needs(execution.operations);
  for (u32 i = 0; i < execution.operations; ++i) {
    for (u32 j = 0; j < execution.operations; ++j) {
      needs[i].push_back(execution.before[execution.last[i]][execution.first[j]]);
    }
  }
  Precedences tried;
  target::any_timing(needs, [&](const target::Timing& timing) {
    tried.insert(precedence_of(
        execution.operations, [&](u32 a, u32 b) { return timing.returned[a] < timing.called[b]; }));
    return false;
  });
  return tried;
}

bool is_greatest(Precedence precedence, const Precedences& all) {
  return std::ranges::none_of(all, [precedence](Precedence other) {
    return other != precedence && (other & precedence) == precedence;
  });
}

TEST(Timings, ThoseThatOrderMostAreTried) {
  u64 tried = 0;
  u64 possible = 0;
  for (u64 seed = 0; seed < 400; ++seed) {
    const Execution execution = random_execution(seed);
    const Precedences all = Brute(execution).all();
    const Precedences timings = timings_of(execution);
    for (const Precedence precedence : timings) {
      EXPECT_TRUE(all.contains(precedence)) << seed;
    }
    for (const Precedence precedence : all) {
      EXPECT_TRUE(timings.contains(precedence) || !is_greatest(precedence, all)) << seed;
    }
    tried += timings.size();
    possible += all.size();
  }
  EXPECT_LT(tried, possible);
}

TEST(Timings, TheFirstThatIsWrongEndsTheSearch) {
  const target::Needs independent = {{true, false}, {false, true}};
  u32 asked = 0;
  EXPECT_TRUE(target::any_timing(independent, [&](const target::Timing&) { return ++asked == 1; }));
  EXPECT_EQ(asked, 1u);
  EXPECT_FALSE(
      target::any_timing(independent, [&](const target::Timing&) { return ++asked == 1; }));
  EXPECT_EQ(asked, 3u);
}

}  // namespace
}  // namespace heddle::testing
