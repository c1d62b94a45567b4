// For targets that are small enough for every execution of every program: `heddle check`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "heddle/heddle.hpp"

namespace maps {

inline void make_programs_small(heddle::Target& t) {
  t.threads(2, 2);
  t.setup_operations(0);
  t.operations_per_thread(3);
}

/// For start states: the first thread finds the iteration under way.
inline void iterate(heddle::Start& start, int steps) {
  start.run("open");
  for (int i = 0; i < steps; ++i) {
    start.run("next");
  }
}

/// A batch that is never full: what is retired is freed with the map. To look whether somebody may
/// still see it is a compare-exchange with everybody, and each order of those is an execution.
inline constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max() / 2;

/// A map's random source with two answers, so that both can be tried. After a few times they take
/// turns, for each doubles the executions.
template <std::uint32_t Last = std::numeric_limits<std::uint32_t>::max()>
class few_random {
 public:
  std::uint32_t operator()() {
    ++times_;
    const bool first = times_ <= kChosen ? heddle::choose(2) == 0 : times_ % 2 == 0;
    return first ? 0 : Last;
  }

 private:
  static constexpr unsigned kChosen = 6;
  unsigned times_ = 0;
};

}  // namespace maps
