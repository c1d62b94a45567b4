#include "oracle/linearizations.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "oracle/sequential_map.hpp"

namespace heddle::oracle {
namespace {

using contracts::Unique;

constexpr u32 kWindow = 64;           // operations that may be waiting for the first one
constexpr u32 kSightingsMax = 32;     // bits of a mask
constexpr u32 kFailuresMax = 20'000;  // states; beyond: undecided

struct State {
  u32 first = 0;  // all operations before have taken effect
  u64 done = 0;   // bit i: so has operation first + i
  u32 seen = 0;   // sightings
  KeyState key = {};
  bool yielded = false;  // this incarnation
  bool old = false;      // this incarnation lived when the iteration began

  auto tie() const { return std::tuple(first, done, seen, key.present, key.value, yielded, old); }
};

class Search {
 public:
  Search(const Timeline& timeline, const std::vector<Sighting>& sightings, Unique unique)
      : timeline_(timeline), sightings_(sightings), unique_(unique) {}

  bool run() { return sightings_.size() > kSightingsMax || extends(State{}) || undecided_; }

 private:
  bool extends(const State& state) {
    if (finished(state)) {
      return true;
    }
    if (failed_.contains(state.tie())) {
      return false;
    }
    if (failed_.size() >= kFailuresMax) {
      undecided_ = true;
    }
    if (undecided_) {
      return false;
    }
    const u64 deadline = deadline_of(state);
    if (some_sighting_extends(state, deadline) || some_operation_extends(state, deadline)) {
      return true;
    }
    failed_.insert(state.tie());
    return false;
  }

  bool finished(const State& state) const {
    if (state.seen != (u64{1} << sightings_.size()) - 1) {
      return false;
    }
    for (u32 i = state.first; i < timeline_.size(); ++i) {
      if (!is_done(state, i) && timeline_[i].entry->returned) {
        return false;
      }
    }
    return true;
  }

  static bool is_done(const State& state, u32 operation) {
    const u32 bit = operation - state.first;
    return bit < kWindow && (state.done >> bit & 1) != 0;
  }

  bool is_seen(const State& state, u32 sighting) const { return (state.seen >> sighting & 1) != 0; }

  /// What began later than this comes later.
  u64 deadline_of(const State& state) const {
    u64 deadline = ~u64{0};
    for (u32 i = state.first; i < timeline_.size() && timeline_[i].from <= deadline; ++i) {
      deadline = is_done(state, i) ? deadline : std::min(deadline, timeline_[i].to);
    }
    for (u32 i = 0; i < sightings_.size(); ++i) {
      deadline = is_seen(state, i) ? deadline : std::min(deadline, sightings_[i].to);
    }
    return deadline;
  }

  bool some_sighting_extends(const State& state, u64 deadline) {
    for (u32 i = 0; i < sightings_.size(); ++i) {
      State next = state;
      next.seen |= u32{1} << i;
      if (!is_seen(state, i) && sightings_[i].from <= deadline && is_true(state, sightings_[i])) {
        next.yielded |= sightings_[i].is_yield();
        next.old = sightings_[i].of == Sighting::Of::kOpening ? state.key.present : state.old;
        if (extends(next)) {
          return true;
        }
      }
    }
    return false;
  }

  bool is_true(const State& state, const Sighting& sighting) const {
    switch (sighting.of) {
      case Sighting::Of::kAbsent: return !state.key.present;
      case Sighting::Of::kOpening: return true;
      case Sighting::Of::kPresent: return state.key.present && may_yield(state, sighting);
      case Sighting::Of::kValue:
        return state.key.present && state.key.value == sighting.value && may_yield(state, sighting);
    }
    return false;
  }

  bool may_yield(const State& state, const Sighting& sighting) const {
    const bool again = state.yielded && (unique_ == Unique::kIncarnation ||
                                         (unique_ == Unique::kExisting && state.old));
    return !again && opened(state) && cleared(state, sighting.cleared_by);
  }

  bool opened(const State& state) const {
    for (u32 i = 0; i < sightings_.size(); ++i) {
      if (sightings_[i].of == Sighting::Of::kOpening && !is_seen(state, i)) {
        return false;
      }
    }
    return true;
  }

  bool cleared(const State& state, u64 by) const {
    for (u32 i = state.first; i < timeline_.size() && timeline_[i].from < by; ++i) {
      if (timeline_[i].entry->role == Role::kClear && timeline_[i].to <= by && !is_done(state, i)) {
        return false;
      }
    }
    return true;
  }

  bool some_operation_extends(const State& state, u64 deadline) {
    for (u32 i = state.first; i < timeline_.size() && timeline_[i].from <= deadline; ++i) {
      if (i - state.first >= kWindow) {
        undecided_ = true;
        return false;
      }
      State next = state;
      if (!is_done(state, i) && happens(next, *timeline_[i].entry)) {
        finish(next, i);
        if (extends(next)) {
          return true;
        }
      }
    }
    return false;
  }

  static bool happens(State& state, const target::HistoryEntry& operation) {
    const bool was_present = state.key.present;
    const Value expected = apply(operation, state.key);
    if (was_present && !state.key.present) {
      state.yielded = false;
      state.old = false;
    }
    if (!state.key.present) {
      state.key.value = 0;  // so that absent is one state
    }
    return !operation.returned || agrees(operation.result, expected);
  }

  static void finish(State& state, u32 operation) {
    state.done |= u64{1} << (operation - state.first);
    while ((state.done & 1) != 0) {
      state.done >>= 1;
      ++state.first;
    }
  }

  const Timeline& timeline_;
  const std::vector<Sighting>& sightings_;
  const Unique unique_;
  std::set<decltype(State{}.tie())> failed_;
  bool undecided_ = false;
};

}  // namespace

bool possible(const Timeline& timeline, const std::vector<Sighting>& sightings, Unique unique) {
  return Search(timeline, sightings, unique).run();
}

}  // namespace heddle::oracle
