#include "oracle/iteration_judge.hpp"

#include <algorithm>

#include "oracle/sequential_map.hpp"

namespace heddle::oracle {
namespace {

using contracts::Freshness;
using contracts::Unique;
using contracts::WeakConsistency;
using target::History;
using target::HistoryEntry;

std::string text_of(i64 number) { return std::to_string(number); }

/// "before the iteration began", or the step that yields.
std::string before(const Iteration& iteration, const Sighting& sighting) {
  return sighting.from <= iteration.from ? "before the iteration began" : "before that step began";
}

/// The last operation that surely had such an effect before a moment.
template <class Wanted>
const KeyOperation* last_before(const Timeline& timeline, u64 moment, Wanted wanted) {
  const KeyOperation* last = nullptr;
  for (const KeyOperation& operation : timeline) {
    const Effect effect = effect_of(*operation.entry);
    if (effect.certain && operation.to < moment && wanted(effect) &&
        (last == nullptr || last->to < operation.to)) {
      last = &operation;
    }
  }
  return last;
}

/// True if an operation that may have had such an effect was under way between two moments.
template <class Wanted>
bool any_between(const Timeline& timeline, u64 from, u64 to, Wanted wanted) {
  return std::any_of(timeline.begin(), timeline.end(), [&](const KeyOperation& operation) {
    return operation.to >= from && operation.from <= to && wanted(effect_of(*operation.entry));
  });
}

bool removes(const Effect& effect) { return effect.removes; }
bool writes(const Effect& effect) { return effect.writes(); }

std::string why_absent(const Iteration& iteration, const Timeline& timeline,
                       const Sighting& sighting) {
  const u64 moment = std::max(sighting.from, sighting.cleared_by);
  const KeyOperation* removal = last_before(timeline, moment, removes);
  if (removal == nullptr || any_between(timeline, removal->from, sighting.to, writes)) {
    return "; in no order of the operations was the key in the map then";
  }
  return ", but " + describe(*removal->entry) + " had returned " +
         (removal->to < sighting.from ? before(iteration, sighting) : "before that step began") +
         ", and nothing wrote the key again";
}

std::string why_replaced(const Iteration& iteration, const Timeline& timeline,
                         const Sighting& sighting) {
  const auto writes_it = [&](const Effect& effect) {
    return effect.writes() && effect.value == sighting.value;
  };
  const KeyOperation* write = last_before(timeline, sighting.from, [&](const Effect& effect) {
    return effect.writes() && effect.value != sighting.value;
  });
  if (write == nullptr || any_between(timeline, write->from, sighting.to, writes_it)) {
    return "; in no order of the operations had it that value then";
  }
  return ", but " + describe(*write->entry) + " had returned " + before(iteration, sighting);
}

bool was_written(const Timeline& timeline, const Sighting& sighting, u64 by) {
  return any_between(timeline, 0, by, [&](const Effect& effect) {
    return effect.writes() &&
           (sighting.of == Sighting::Of::kPresent || effect.value == sighting.value);
  });
}

/// Where a value comes from that was never written with the key; empty if from nowhere.
std::string origin(const std::map<i64, Timeline>& timelines, i64 value) {
  for (const auto& [key, timeline] : timelines) {
    for (const KeyOperation& operation : timeline) {
      const Effect effect = effect_of(*operation.entry);
      if (effect.writes() && effect.value == value) {
        return "; it is of key " + text_of(key) + ", " + describe(*operation.entry);
      }
    }
  }
  return "";
}

std::string why_present(const Timeline& timeline, const Sighting& missing) {
  const KeyOperation* write = last_before(timeline, missing.from, writes);
  if (write == nullptr || any_between(timeline, write->from, missing.to, removes)) {
    return ": in every order of the operations it was in the map all the time";
  }
  return ": " + describe(*write->entry) + " had returned before the iteration began, and nothing" +
         " erased the key";
}

}  // namespace

IterationJudge::IterationJudge(const char* contract, const History& history, exec::Finding& finding)
    : contract_(contract),
      history_(history),
      finding_(finding),
      iterations_(iterations_of(history)),
      timelines_(timelines_of(history, iterations_)),
      clears_(clears_of(history)) {}

const Timeline& IterationJudge::timeline(i64 key) const {
  const auto found = timelines_.find(key);
  return found == timelines_.end() ? clears_ : found->second;
}

std::vector<i64> IterationJudge::keys(const Iteration& iteration) const {
  std::vector<i64> keys;
  for (const auto& [key, timeline] : timelines_) {
    keys.push_back(key);
  }
  for (const Yield& yield : iteration.yields) {
    if (std::find(keys.begin(), keys.end(), yield.key) == keys.end()) {
      keys.push_back(yield.key);
    }
  }
  return keys;
}

std::vector<const Yield*> IterationJudge::yields(const Iteration& iteration, i64 key) {
  std::vector<const Yield*> found;
  for (const Yield& yield : iteration.yields) {
    if (yield.key == key) {
      found.push_back(&yield);
    }
  }
  return found;
}

bool IterationJudge::breaks(const Iteration& iteration, const WeakConsistency& options) {
  for (const i64 key : keys(iteration)) {
    KeyClaim claim{key, yields(iteration, key), {}, {}, options.must_yield, options.unique};
    for (const Yield* yield : claim.yields) {
      const u64 from = options.freshness == Freshness::kCurrent ? yield->from : iteration.from;
      claim.sightings.push_back(sighting_of(*yield, from, yield->to));
      claim.sightings.back().cleared_by = options.clear_is_barrier ? yield->from : 0;
    }
    claim.missing = Sighting{Sighting::Of::kAbsent, iteration.from, iteration.until()};
    if (contradicts(iteration, claim)) {
      return true;
    }
  }
  return false;
}

bool IterationJudge::contradicts(const Iteration& iteration, const KeyClaim& claim) {
  const Timeline& timeline = this->timeline(claim.key);
  if (claim.yields.empty()) {
    return iteration.end != nullptr && claim.must_yield && !possible(timeline, {claim.missing}) &&
           possible(timeline, {}) && report_skipped(iteration, claim);
  }
  const bool too_many = claim.unique == Unique::kKey && claim.yields.size() > 1;
  std::vector<Sighting> sightings = claim.sightings;
  if (claim.unique == Unique::kExisting) {
    sightings.push_back(Sighting{Sighting::Of::kOpening, iteration.from, iteration.to});
  }
  if ((!too_many && possible(timeline, sightings, claim.unique)) || !possible(timeline, {})) {
    return false;
  }
  for (std::size_t i = 0; i < claim.yields.size(); ++i) {
    if (!possible(timeline, {claim.sightings[i]})) {
      return report_wrong(iteration, claim, i);
    }
  }
  if (too_many || possible(timeline, claim.sightings)) {
    return report_repeated(claim);
  }
  return report(*claim.yields.back()->entry, "stale",
                "iteration yields " + describe(*claim.yields.back()) +
                    ", which no order of the operations allows together with what it yielded of"
                    " this key before");
}

bool IterationJudge::report_skipped(const Iteration& iteration, const KeyClaim& claim) {
  return report(*iteration.end, "skipped",
                "iteration ends without key " + text_of(claim.key) +
                    why_present(timeline(claim.key), claim.missing));
}

bool IterationJudge::report_repeated(const KeyClaim& claim) {
  const Yield& first = *claim.yields.front();
  const Yield& again = *claim.yields.back();
  return report(
      *again.entry, "repeated",
      "iteration yields key " + text_of(claim.key) + " " +
          (claim.yields.size() == 2 ? "twice" : "again and again") +
          (claim.unique == Unique::kKey ? "" : ", and it had not been erased in between") +
          (first.has_value
               ? " (value " + text_of(first.value) + ", then " + text_of(again.value) + ")"
               : ""));
}

bool IterationJudge::report_wrong(const Iteration& iteration, const KeyClaim& claim,
                                  std::size_t yield) {
  const Timeline& timeline = this->timeline(claim.key);
  const HistoryEntry& entry = *claim.yields[yield]->entry;
  const Sighting& sighting = claim.sightings[yield];
  const std::string text = "iteration yields " + describe(*claim.yields[yield]);
  if (!was_written(timeline, sighting, sighting.to) &&
      was_written(timeline, sighting, entry.returned_at)) {
    return report(entry, "inconsistent", text + ", which came only after the call that opened it");
  }
  if (!any_between(timeline, 0, sighting.to, writes)) {
    return report(entry, "phantom", text + ", but nothing had inserted the key till then");
  }
  if (!was_written(timeline, sighting, sighting.to)) {
    return report(entry, "torn",
                  text + ", which nothing had written with this key till then" +
                      origin(timelines_, sighting.value));
  }
  Sighting of_key = sighting;
  of_key.of = Sighting::Of::kPresent;
  if (possible(timeline, {of_key})) {
    return report(entry, "stale", text + why_replaced(iteration, timeline, sighting));
  }
  return report(entry, "resurrected", text + why_absent(iteration, timeline, sighting));
}

bool IterationJudge::report(const HistoryEntry& at, const char* rule, const std::string& text) {
  finding_.kind = exec::FindingKind::kIteration;
  finding_.rule = rule;
  finding_.thread = at.thread;
  finding_.pc = 0;
  finding_.operation = static_cast<u32>(&at - history_.entries.begin());
  finding_.message.clear();
  finding_.message.add("%s, %s: %s (T%u)", contract_, rule, text.c_str(), to_index(at.thread));
  return true;
}

Sighting sighting_of(const Yield& yield, u64 from, u64 to) {
  return Sighting{yield.has_value ? Sighting::Of::kValue : Sighting::Of::kPresent, from, to,
                  yield.value};
}

std::string describe(const Yield& yield) {
  return "key " + text_of(yield.key) +
         (yield.has_value ? " with value " + text_of(yield.value) : "");
}

}  // namespace heddle::oracle
