// Iterations that refuse to go on after a change; see contract.hpp.
#include "oracle/fail_fast.hpp"

#include <algorithm>
#include <deque>

#include "oracle/sequential_map.hpp"

namespace heddle::oracle {
namespace {

using contracts::FailFast;
using target::HistoryEntry;

/// The operations that may be a change to an iteration.
class Changes {
 public:
  Changes(const IterationJudge& judge, const Iteration& iteration, const FailFast& options)
      : judge_(judge), iteration_(iteration), options_(options) {}

  /// True if one may have happened between two moments.
  bool any_between(u64 from, u64 to) const {
    return find([&](const KeyOperation& operation) {
             const Effect effect = effect_of(*operation.entry);
             return operation.to > from && operation.from < to &&
                    (effect.structural() || (options_.overwriting && effect.writes()));
           }) != nullptr;
  }

  /// One that has surely happened between two moments; null if there is none.
  const HistoryEntry* within(u64 from, u64 to) const {
    return find([&](const KeyOperation& operation) {
      return operation.from > from && operation.to < to && surely_changes(operation);
    });
  }

 private:
  template <class Wanted>
  const HistoryEntry* find(Wanted wanted) const {
    for (const auto& [key, timeline] : judge_.timelines()) {
      if (const HistoryEntry* found = find_in(timeline, wanted)) {
        return found;
      }
    }
    return find_in(judge_.clears(), wanted);  // no operation may have named a key
  }

  template <class Wanted>
  const HistoryEntry* find_in(const Timeline& timeline, Wanted wanted) const {
    for (const KeyOperation& operation : timeline) {
      if (!is_own(operation.entry) && wanted(operation)) {
        return operation.entry;
      }
    }
    return nullptr;
  }

  bool is_own(const HistoryEntry* operation) const {
    const auto& own = iteration_.erasures;
    return std::find(own.begin(), own.end(), operation) != own.end();
  }

  bool surely_changes(const KeyOperation& operation) const {
    const Effect effect = effect_of(*operation.entry);
    const Role role = operation.entry->role;
    if (role == Role::kClear || role == Role::kClearEach) {
      return effect.certain && clears_something(operation);
    }
    return effect.certain && ((effect.structural() && !effect.overwrites) ||
                              (options_.overwriting && effect.writes()));
  }

  bool clears_something(const KeyOperation& clear) const {
    const Sighting empty{Sighting::Of::kAbsent, clear.from - 1, clear.from - 1};
    return std::any_of(judge_.timelines().begin(), judge_.timelines().end(),
                       [&](const auto& of_key) { return !possible(of_key.second, {empty}); });
  }

  const IterationJudge& judge_;
  const Iteration& iteration_;
  const FailFast& options_;
};

bool is_unfounded(IterationJudge& judge, const Iteration& iteration, const Changes& changes) {
  const HistoryEntry* refusal = iteration.refusal;
  if (refusal == nullptr || static_cast<Refusal>(refusal->result.words[0]) != Refusal::kStale ||
      changes.any_between(iteration.from, refusal->returned_at)) {
    return false;
  }
  return judge.report(*refusal, "unfounded",
                      "iteration refuses to go on as if the map had changed, but nothing that"
                      " changes it was under way since the call that opened it");
}

bool is_unnoticed(IterationJudge& judge, const Iteration& iteration, const Changes& changes,
                  const HistoryEntry& step, const std::string& what) {
  const HistoryEntry* change = changes.within(iteration.to, step.called);
  return change != nullptr &&
         judge.report(step, "unnoticed",
                      "iteration " + what + ", although " + describe(*change) +
                          " had begun after it was opened and returned before that step began");
}

}  // namespace

bool refuses_wrongly(IterationJudge& judge, const Iteration& iteration, const FailFast& options) {
  const Changes changes(judge, iteration, options);
  if (is_unfounded(judge, iteration, changes)) {
    return true;
  }
  if (!options.complete) {
    return false;
  }
  for (const Yield& yield : iteration.yields) {
    if (is_unnoticed(judge, iteration, changes, *yield.entry, "yields " + describe(yield))) {
      return true;
    }
  }
  return iteration.end != nullptr && is_unnoticed(judge, iteration, changes, *iteration.end,
                                                  "says that it has come to its end");
}

namespace {

bool is_quiet(const IterationJudge& judge, const Iteration& iteration) {
  return !Changes(judge, iteration, {.overwriting = true})
              .any_between(iteration.from, iteration.until());
}

}  // namespace
}  // namespace heddle::oracle

namespace heddle::contracts {
namespace {

using oracle::Iteration;
using oracle::IterationJudge;

class FailsFast final : public Contract {
 public:
  explicit FailsFast(const FailFast& options) : options_(options) {}

  const char* name() const override { return "fail-fast iterations"; }
  bool violated(const target::History& history, exec::Finding& finding) const override {
    IterationJudge judge("fail-fast iteration", history, finding);
    for (const Iteration& iteration : judge.iterations()) {
      if (oracle::refuses_wrongly(judge, iteration, options_) ||
          (oracle::is_quiet(judge, iteration) &&
           judge.breaks(iteration, {.freshness = Freshness::kCurrent}))) {
        return true;
      }
    }
    return false;
  }

 private:
  FailFast options_;
};

}  // namespace

const Contract& fail_fast(const FailFast& options) {
  static std::deque<FailsFast> made;
  return made.emplace_back(options);
}

}  // namespace heddle::contracts
