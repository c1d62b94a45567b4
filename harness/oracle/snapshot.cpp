// Iterations over the map of one moment; see contract.hpp.
#include "oracle/snapshot.hpp"

#include <algorithm>
#include <set>

#include "oracle/sequential_map.hpp"

namespace heddle::oracle {
namespace {

using target::HistoryEntry;

constexpr u32 kAttemptsMax = 1'000;  // moments, of the snapshot and of clears; beyond: undecided

/// Keys are independent of each other at a given moment, if it is given for clears as well, which
/// happen to all keys at once. What matters of a moment is which calls and returns lie before it.
/// The one right after a call allows whatever a later one before the next call does, because
/// returns in between only forbid; so these are tried. Calls and returns are at multiples of four,
/// a snapshot or a clear two ticks after a call, a clear at the moment of the snapshot just before
/// or after it.
class SnapshotSearch {
 public:
  SnapshotSearch(IterationJudge& judge, const Iteration& iteration)
      : judge_(judge), iteration_(iteration), keys_(judge.keys(iteration)) {
    for (const i64 key : keys_) {
      for (const KeyOperation& operation : judge_.timeline(key)) {
        note(operation);
      }
    }
    calls_.insert(iteration.from);
  }

  bool found() {
    for (const u64 call : calls_between(iteration_.from, iteration_.to)) {
      if (fits_with_clears(middle_after(call), 0)) {
        return true;
      }
    }
    return false;
  }

  bool report() {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (!coexist(keys_[j], keys_[i])) {
          return report(keys_[j], keys_[i]);
        }
      }
    }
    return judge_.report(
        last_entry(), "inconsistent",
        "at no moment of the call that opened the iteration was the map as it says");
  }

 private:
  static u64 scaled(u64 time) { return time == target::kNotReturned ? time : time * 4; }
  static u64 middle_after(u64 call) { return call * 4 + 2; }

  void note(const KeyOperation& operation) {
    calls_.insert(operation.from);
    const auto same = [&](const KeyOperation& clear) { return clear.entry == operation.entry; };
    if (operation.entry->role == Role::kClear &&
        std::none_of(clears_.begin(), clears_.end(), same)) {
      clears_.push_back(operation);
    }
  }

  std::vector<u64> calls_between(u64 from, u64 to) const {
    return std::vector<u64>(calls_.lower_bound(from), calls_.lower_bound(to));
  }

  /// Tries the moments of the clears from number `clear` on.
  bool fits_with_clears(u64 moment, std::size_t clear) {
    if (clear == clears_.size()) {
      return ++attempts_ > kAttemptsMax || fits(moment);
    }
    for (const u64 call : calls_between(clears_[clear].entry->called, clears_[clear].to)) {
      const u64 middle = middle_after(call);
      cleared_at_[clears_[clear].entry] = middle == moment ? middle - 1 : middle;
      if (fits_with_clears(moment, clear + 1)) {
        return true;
      }
      cleared_at_[clears_[clear].entry] = middle + 1;
      if (middle == moment && fits_with_clears(moment, clear + 1)) {
        return true;
      }
    }
    return false;
  }

  bool fits(u64 moment) {
    return std::all_of(keys_.begin(), keys_.end(),
                       [&](i64 key) { return fits(key, with_clears(key), moment); });
  }

  bool fits(i64 key, const Timeline& timeline, u64 moment) const {
    const std::vector<const Yield*> yields = IterationJudge::yields(iteration_, key);
    if (yields.empty()) {
      return iteration_.end == nullptr ||
             possible(timeline, {Sighting{Sighting::Of::kAbsent, moment, moment}});
    }
    return possible(timeline, {sighting_of(*yields.front(), moment, moment)});
  }

  Timeline with_clears(i64 key) const {
    Timeline timeline;
    for (const KeyOperation& operation : judge_.timeline(key)) {
      const auto clear = cleared_at_.find(operation.entry);
      timeline.push_back(
          clear == cleared_at_.end()
              ? KeyOperation{operation.entry, scaled(operation.from), scaled(operation.to)}
              : KeyOperation{operation.entry, clear->second, clear->second});
    }
    std::sort(timeline.begin(), timeline.end(),
              [](const KeyOperation& a, const KeyOperation& b) { return a.from < b.from; });
    return timeline;
  }

  /// True if at some moment both keys can have been as the iteration says.
  bool coexist(i64 a, i64 b) {
    cleared_at_.clear();
    const Timeline of_a = with_clears(a);
    const Timeline of_b = with_clears(b);
    const std::vector<u64> calls = calls_between(iteration_.from, iteration_.to);
    return std::any_of(calls.begin(), calls.end(), [&](u64 call) {
      return fits(a, of_a, middle_after(call)) && fits(b, of_b, middle_after(call));
    });
  }

  bool report(i64 a, i64 b) {
    return judge_.report(last_entry(), "inconsistent",
                         "iteration has " + claim(a) + " and " + claim(b) +
                             ", but at no moment of the call that opened it was the map so: " +
                             changes(a) + "; " + changes(b));
  }

  std::string claim(i64 key) const {
    const std::vector<const Yield*> yields = IterationJudge::yields(iteration_, key);
    return yields.empty() ? "no key " + std::to_string(key) : describe(*yields.front());
  }

  /// What may have changed the key in the meantime.
  std::string changes(i64 key) const {
    std::string text;
    for (const KeyOperation& operation : judge_.timeline(key)) {
      const Effect effect = effect_of(*operation.entry);
      if (operation.to >= iteration_.from && operation.from <= iteration_.to &&
          (effect.writes() || effect.removes)) {
        text += (text.empty() ? "" : ", ") + describe(*operation.entry);
      }
    }
    return text.empty() ? "nothing changed key " + std::to_string(key) : text;
  }

  const HistoryEntry& last_entry() const {
    if (iteration_.end != nullptr) {
      return *iteration_.end;
    }
    return iteration_.yields.empty() ? *iteration_.open : *iteration_.yields.back().entry;
  }

  IterationJudge& judge_;
  const Iteration& iteration_;
  std::vector<i64> keys_;
  std::set<u64> calls_;
  std::vector<KeyOperation> clears_;
  std::map<const HistoryEntry*, u64> cleared_at_;
  u32 attempts_ = 0;
};

bool breaks_for_a_key(IterationJudge& judge, const Iteration& iteration) {
  for (const i64 key : judge.keys(iteration)) {
    KeyClaim claim{key, IterationJudge::yields(iteration, key), {}, {}};
    for (const Yield* yield : claim.yields) {
      claim.sightings.push_back(sighting_of(*yield, iteration.from, iteration.to));
    }
    claim.missing = Sighting{Sighting::Of::kAbsent, iteration.from, iteration.to};
    if (judge.contradicts(iteration, claim)) {
      return true;
    }
  }
  return false;
}

bool has_linearization(const IterationJudge& judge) {
  return std::all_of(judge.timelines().begin(), judge.timelines().end(),
                     [](const auto& of_key) { return possible(of_key.second, {}); });
}

}  // namespace

bool is_no_snapshot(IterationJudge& judge, const Iteration& iteration) {
  if (breaks_for_a_key(judge, iteration)) {
    return true;
  }
  SnapshotSearch search(judge, iteration);
  return !search.found() && has_linearization(judge) && search.report();
}

}  // namespace heddle::oracle

namespace heddle::contracts {
namespace {

class Snapshot final : public Contract {
 public:
  const char* name() const override { return "iterations over snapshots"; }
  bool violated(const target::History& history, exec::Finding& finding) const override {
    oracle::IterationJudge judge("snapshot iteration", history, finding);
    for (const oracle::Iteration& iteration : judge.iterations()) {
      if (oracle::is_no_snapshot(judge, iteration)) {
        return true;
      }
    }
    return false;
  }
};

}  // namespace

const Contract& snapshot() {
  static const Snapshot contract;
  return contract;
}

}  // namespace heddle::contracts
