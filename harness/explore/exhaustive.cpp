// A session's exhaustive search, and what is taken from its tree at random.

#include <algorithm>
#include <utility>

#include "base/archive.hpp"
#include "explore/deadline.hpp"
#include "explore/depth_first.hpp"
#include "explore/explorer.hpp"
#include "explore/retelling.hpp"
#include "explore/session.hpp"
#include "target/history.hpp"

namespace heddle::exploration {
namespace {

// On the way down, executions of many thousand events can take minutes: better a guess too low.
constexpr double kGuessSecondsMax = 1;
// After so many executions of a depth-first search, and whenever their number has doubled, some are
// run at random: one for so many, or at least so many.
constexpr u64 kFirstSample = 1024;
constexpr u64 kExecutionsASample = 64;
constexpr u64 kSampleMin = 64;
// But they are long if they take more than one for so many of the steps before them.
constexpr u64 kStepsASample = 8;

/// Who looks at which executions: all at those near the first one, of which each belongs to one
/// shard; beyond, each shard at those that begin like one of its own.
class Share {
 public:
  explicit Share(const Shard& shard) : shard_(shard) {}

  /// To be asked once of each beginning, in the order of the search. Who begins from nothing again
  /// splits in the same way again.
  bool has_beginning(u32 depth) {
    if (depth == 0) {
      *this = Share(shard_);
    }
    return depth != kSharedDepth || is_next(beginnings_);
  }
  /// To be asked once of each execution.
  bool has(u32 depth) { return depth >= kSharedDepth || is_next(executions_); }

  void archive(Archive& archive) { archive(beginnings_, executions_); }

 private:
  static constexpr u32 kSharedDepth = 3;

  bool is_next(u64& count) { return count++ % shard_.count == shard_.index; }

  Shard shard_;
  u64 beginnings_ = 0;
  u64 executions_ = 0;
};

}  // namespace

std::unique_ptr<Search> make_search(const std::string& model, const Budget& budget) {
  graph::Consistency& consistency = *graph::consistency_of(model.c_str());
  if (budget.search == "dfs") {
    return std::make_unique<DepthFirst>(consistency, budget.preemptions);
  }
  return std::make_unique<Explorer>(consistency);
}

exec::Outcome Session::explore(Search& search) {
  model_ = &search.memory();
  exhaustive_ = true;
  in_any_order_ = !search.keeps_order();
  const exec::Outcome outcome = execute_next(search, false, 0, must_stop);
  model_ = memory_.get();
  exhaustive_ = false;
  in_any_order_ = false;
  return outcome;
}

double Session::guess_executions(const target::Program& program, Rng& rng) {
  const target::Program present = std::exchange(program_, program);
  settings_.parks = false;
  Explorer explorer(*graph::consistency_of(settings_.model.c_str()));
  const double end = now_seconds() + kGuessSecondsMax;
  const DeadlineScope scope(end);
  double sum = 0;
  for (double weight = 1; weight > 0 && now_seconds() < end && !explorer.diverged();) {
    if (explore(explorer).interrupted) {
      break;
    }
    if (explorer.memory().must_begin_again()) {
      explorer.begin_again();
    } else {
      sum += weight;
      weight *= explorer.descend(rng);
    }
  }
  exec::engine().hand_back();
  program_ = present;
  return sum;
}

// Depth first, a search of a tree that is too large to be searched to its end never leaves one
// corner of it.
bool Session::sample(u64 runs, u64 steps_max) {
  const auto strategy = make_random_walk(runs);
  const u64 executions = std::max(runs / kExecutionsASample, kSampleMin);
  u64 steps = 0;
  for (u64 i = 0; i < executions && steps < steps_max; ++i) {
    const exec::Outcome outcome = execute_next(*strategy, false, i, must_stop);
    steps += outcome.steps;
    observe(outcome);
    if (outcome.interrupted || *outcome.finding) {
      return !outcome.interrupted;
    }
  }
  return false;
}

// To what it was in the process that wrote it. False if the program does not do the same here, or
// was interrupted.
bool Session::restore(Search& search) {
  const u32 count = search.unseen_graphs();
  for (u32 nth = 0; nth < count; ++nth) {
    search.show_graph(nth);
    exec::Outcome outcome = explore(search);
    while (search.memory().must_begin_again()) {
      search.begin_again();
      outcome = explore(search);
    }
    if (search.diverged() || outcome.interrupted) {
      return false;
    }
    search.learn_values(nth);
  }
  return true;
}

// What was found, once more, by decisions that can be recorded.
void Session::retell(Search& search, ThreadId finder) {
  Retelling retelling(search.memory(), target::history(), search.keeps_order(), finder);
  model_ = &retelling.memory();
  observe(execute(retelling, false));
  model_ = memory_.get();
}

Census Session::check(const Budget& budget, const OnCheckFinding& on_finding,
                      const OnCensus& on_progress, std::string* rest) {
  Census census;
  settings_.parks = false;
  const std::unique_ptr<Search> search = make_search(settings_.model, budget);
  Share share(budget.shard);
  const double start = now_seconds();
  const DeadlineScope scope(budget.seconds > 0 ? start + budget.seconds : kNoDeadline);
  if (rest != nullptr && !rest->empty()) {
    Archive archive(*rest);
    share.archive(archive);
    search->archive(archive);
    const bool restored = archive.is_complete() && restore(*search);
    exec::engine().hand_back();
    if (!restored) {
      census.diverged = !must_stop();
      return census;
    }
    rest->clear();
  }
  double next_progress = start + 0.2;
  u64 runs = 0;
  u64 steps = 0;
  u64 next_sample = kFirstSample;
  const bool samples = budget.samples && budget.search == "dpor" && budget.shard.index == 0;
  bool more = true;
  while (more && !stop_requested()) {
    ++runs;
    const exec::Outcome outcome = explore(*search);
    steps += outcome.steps;
    if (outcome.interrupted) {
      search->begin_again();
      break;
    }
    if (search->diverged()) {
      census.diverged = true;
      break;
    }
    if (search->memory().must_begin_again()) {
      search->begin_again();
      continue;
    }
    search->memory().settle_looks();
    const bool mine = share.has(search->depth()) && search->is_new();
    census.undecided += mine && target::judgement_undecided();
    if (mine && *outcome.finding) {
      // In another order of the same graph a use and a free without order are a race, or the use
      // of freed memory.
      retell(*search, outcome.finding->thread);
      census.diverged = observed_.kind == exec::FindingKind::kNone;
      if (census.diverged) {
        break;
      }
      ++census.with_finding;
      census.seconds = now_seconds() - start;
      if (!on_finding(exec::engine().finding(), census)) {
        more = false;
        break;
      }
    } else if (mine) {
      ++(outcome.blocked ? census.blocked : census.complete);
    }
    do {
      more = search->advance();
    } while (more && !share.has_beginning(search->depth()));
    census.finished = !more;
    const u64 count = census.complete + census.blocked + census.with_finding;
    if (count >= budget.executions) {
      break;
    }
    if (runs == next_sample && more && samples) {
      next_sample *= 2;
      Census with_sample = census;
      ++with_sample.with_finding;
      with_sample.seconds = now_seconds() - start;
      settings_.parks = true;
      if (sample(runs, steps / kStepsASample) &&
          !on_finding(exec::engine().finding(), with_sample)) {
        census.with_finding = with_sample.with_finding;
        more = false;
      }
      settings_.parks = false;
    }
    if (runs % 16 == 0) {
      const double now = now_seconds();
      census.seconds = now - start;
      if (on_progress && now >= next_progress) {
        exec::engine().hand_back();
        on_progress(census);
        next_progress = now + 0.2;
      }
      if (budget.seconds > 0 && census.seconds >= budget.seconds) {
        break;
      }
    }
  }
  exec::engine().hand_back();
  census.bounded = search->memory().is_bounded();
  census.untimed = search->memory().has_looks_left_out();
  census.preempted = search->is_bounded();
  census.seconds = now_seconds() - start;
  if (rest != nullptr && more && !census.diverged) {
    Archive archive;
    share.archive(archive);
    search->archive(archive);
    *rest = archive.text();
  }
  return census;
}

}  // namespace heddle::exploration
