// Command-line world. How much there is to a search, about.
#pragma once

#include <chrono>

#include "explore/session.hpp"

namespace heddle::cli {

struct Outlook {
  double executions = 0;  // complete, blocked or with a finding: about so many in all; 0: unknown,
                          // as with dfs
  u64 programs = 0;       // exactly; 0: unknown, or a test
};

/// Of one shard. Gets better the more often it is refined.
class Estimate {
 public:
  Estimate(target::Definition& target, exploration::Session& session,
           const target::Smallness& smallness, const exploration::Budget& budget);

  /// Makes guesses, unless they have had their share of the time since the beginning; one at least.
  /// May be asked between two executions of the session.
  void refine();
  Outlook outlook() const;

 private:
  using Clock = std::chrono::steady_clock;

  bool may_guess() const;
  void count_programs();

  target::Definition& target_;
  exploration::Session& session_;
  target::Smallness smallness_;
  exploration::Shard shard_;
  bool can_guess_;  // not at the number of schedules
  Rng rng_;
  Clock::time_point start_ = Clock::now();
  Clock::duration spent_{};
  double sum_ = 0;
  u64 guesses_ = 0;
  bool counted_ = false;
  u64 programs_ = 0;
};

}  // namespace heddle::cli
