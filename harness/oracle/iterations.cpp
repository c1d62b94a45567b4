#include "oracle/iterations.hpp"

#include <algorithm>

namespace heddle::oracle {
namespace {

using target::History;
using target::HistoryEntry;

constexpr std::size_t kNone = ~std::size_t{0};

class Extraction {
 public:
  std::vector<Iteration> run(const History& history) {
    for (const HistoryEntry& entry : history.entries) {
      take(entry);
    }
    return std::move(iterations_);
  }

 private:
  using Place = std::pair<u32, u32>;  // thread, cursor

  void take(const HistoryEntry& entry) {
    switch (entry.role) {
      case Role::kOpen: open(entry, {to_index(entry.thread), entry.cursor}); break;
      case Role::kIterate:
        open(entry, {to_index(entry.thread), target::kNoCursor});
        finish_call(entry);
        break;
      case Role::kNext:
        if (entry.returned) {
          next(entry);
        }
        break;
      case Role::kEraseCurrent:
        if (Iteration* iteration = at(entry)) {
          iteration->erasures.push_back(&entry);
        }
        break;
      case Role::kClose: latest_[{to_index(entry.thread), entry.cursor}] = kNone; break;
      default: break;
    }
  }

  void open(const HistoryEntry& entry, Place place) {
    latest_[place] = iterations_.size();
    iterations_.push_back(Iteration{&entry, entry.called, entry.returned_at});
  }

  void finish_call(const HistoryEntry& entry) {
    Iteration& iteration = iterations_.back();
    if (entry.result.refused()) {
      iteration.refusal = &entry;
    } else if (entry.returned &&
               (entry.result.shape == Value::Shape::kVoid || entry.result.truth())) {
      iteration.end = &entry;
    }
  }

  void next(const HistoryEntry& entry) {
    Iteration* iteration = at(entry);
    if (iteration == nullptr || iteration->over) {
      return;
    }
    if (entry.result.has_ints()) {
      iteration->yields.push_back(Yield{&entry, entry.result.words[0], entry.result.words[1],
                                        entry.result.count > 1, since(*iteration, entry),
                                        entry.returned_at});
      return;
    }
    iteration->over = true;
    (entry.result.refused() ? iteration->refusal : iteration->end) = &entry;
  }

  static u64 since(const Iteration& iteration, const HistoryEntry& entry) {
    if (iteration.open->role == Role::kOpen) {
      return entry.called;
    }
    return iteration.yields.empty() ? iteration.from : iteration.yields.back().entry->called;
  }

  /// The iteration that an operation belongs to, if there is one.
  Iteration* at(const HistoryEntry& entry) {
    const auto found = latest_.find({to_index(entry.thread), entry.cursor});
    return found == latest_.end() || found->second == kNone ? nullptr : &iterations_[found->second];
  }

  std::vector<Iteration> iterations_;
  std::map<Place, std::size_t> latest_;
};

bool concerns_one_key(Role role) {
  switch (role) {
    case Role::kAssign:
    case Role::kInsert:
    case Role::kErase:
    case Role::kFind:
    case Role::kContains:
    case Role::kExchange:
    case Role::kFindOrInsert:
    case Role::kTake:
    case Role::kCompareExchange:
    case Role::kCompareErase: return true;
    default: return false;
  }
}

KeyOperation on_key(const HistoryEntry& entry) {
  return KeyOperation{&entry, entry.called, entry.returned_at};
}

}  // namespace

u64 Iteration::until() const {
  const HistoryEntry* last = end != nullptr ? end : refusal;
  if (last != nullptr) {
    return last->returned_at;
  }
  return yields.empty() ? open->returned_at : yields.back().to;
}

const Yield* Iteration::erased_by(const HistoryEntry& erasure) const {
  const Yield* current = nullptr;
  for (const Yield& yield : yields) {
    current = yield.entry->called < erasure.called ? &yield : current;
  }
  return current;
}

std::vector<Iteration> iterations_of(const History& history) { return Extraction().run(history); }

std::map<i64, Timeline> timelines_of(const History& history,
                                     const std::vector<Iteration>& iterations) {
  std::map<i64, Timeline> timelines;
  for (const HistoryEntry& entry : history.entries) {
    if (concerns_one_key(entry.role)) {
      timelines[entry.arguments[0]].push_back(on_key(entry));
    }
  }
  for (const Iteration& iteration : iterations) {
    for (const HistoryEntry* erasure : iteration.erasures) {
      if (const Yield* yield = iteration.erased_by(*erasure)) {
        timelines[yield->key].push_back(on_key(*erasure));
      }
    }
  }
  const Timeline clears = clears_of(history);
  for (auto& [key, timeline] : timelines) {
    timeline.insert(timeline.end(), clears.begin(), clears.end());
    std::sort(timeline.begin(), timeline.end(),
              [](const KeyOperation& a, const KeyOperation& b) { return a.from < b.from; });
  }
  return timelines;
}

Timeline clears_of(const History& history) {
  Timeline clears;
  for (const HistoryEntry& entry : history.entries) {
    if (entry.role == Role::kClear || entry.role == Role::kClearEach) {
      clears.push_back(on_key(entry));
    }
  }
  return clears;
}

}  // namespace heddle::oracle
