// The contract of Go's `for range`; see contract.hpp.
#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "exec/finding.hpp"
#include "oracle/sequential_map.hpp"

namespace heddle::contracts {
namespace {

using oracle::KeyState;
using target::History;
using target::HistoryEntry;

struct Incarnation {
  u32 id;  // in order of birth
  i64 value;
};

struct Key {
  std::vector<Incarnation> living;  // more than one only of the irreflexive key
  bool ever_lived = false;
};

struct Iteration {
  bool open = false;
  u32 first_unborn = 0;      // incarnations with this id or more were born after it began
  std::vector<u32> yielded;  // ids
  i64 key = 0;               // yielded last

  bool has_yielded(u32 id) const {
    return std::find(yielded.begin(), yielded.end(), id) != yielded.end();
  }
};

/// Something that happens at one moment.
struct Event {
  enum class What : u8 { kOperation, kBegin, kEnd };

  u64 position;
  What what;
  const HistoryEntry* entry;
};

/// A kIterate begins and ends at moments that no operation names: as early and as late as possible.
void add_iterate(const History& history, const HistoryEntry& iterate, std::vector<Event>& events) {
  u64 begin = 0;
  u64 end = ~u64{0};
  for (const HistoryEntry& other : history.entries) {
    if (other.returned && other.returned_at < iterate.called) {
      begin = std::max(begin, 2 * other.commit + 1);
    }
    if (other.returned && other.called > iterate.returned_at) {
      end = std::min(end, 2 * other.commit - 1);
    }
  }
  events.push_back(Event{begin, Event::What::kBegin, &iterate});
  events.push_back(Event{end, Event::What::kEnd, &iterate});
}

std::vector<Event> in_order(const History& history) {
  std::vector<Event> events;
  for (const HistoryEntry& entry : history.entries) {
    if (entry.returned && entry.role == Role::kIterate) {
      add_iterate(history, entry, events);
    } else if (entry.returned && entry.role != Role::kOther) {
      events.push_back(Event{2 * entry.commit, Event::What::kOperation, &entry});
    }
  }
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return std::pair(a.position, a.what) < std::pair(b.position, b.what);
  });
  return events;
}

/// Replays a totally ordered history on a sequential map.
class Referee {
 public:
  Referee(const History& history, std::optional<i64> irreflexive, exec::Finding& finding)
      : history_(history), irreflexive_(irreflexive), finding_(finding) {}

  bool violated() {
    const std::vector<Event> events = in_order(history_);
    return std::any_of(events.begin(), events.end(),
                       [this](const Event& event) { return wrong(event); });
  }

 private:
  bool wrong(const Event& event) {
    switch (event.what) {
      case Event::What::kBegin: begin(*event.entry, target::kNoCursor); return false;
      case Event::What::kEnd: return end_of_call(*event.entry);
      case Event::What::kOperation: return wrong(*event.entry);
    }
    return false;
  }

  bool wrong(const HistoryEntry& entry) {
    switch (entry.role) {
      case Role::kSize: return answer(entry, value_of(size()));
      case Role::kClear:
      case Role::kClearEach: clear(); return false;
      case Role::kOpen: begin(entry, entry.cursor); return false;
      case Role::kNext: return next(entry);
      case Role::kEraseCurrent: return erase_current(entry);
      case Role::kClose: iteration(entry).open = false; return false;
      default: return point_operation(entry);
    }
  }

  bool is_irreflexive(i64 key) const { return irreflexive_ == key; }

  bool point_operation(const HistoryEntry& entry) {
    Key& key = map_[entry.arguments[0]];
    // The irreflexive key is never found.
    const bool was_present = !key.living.empty() && !is_irreflexive(entry.arguments[0]);
    KeyState state = was_present ? KeyState{true, key.living.front().value} : KeyState{};
    const Value expected = oracle::apply(entry, state);
    if (was_present && !state.present) {
      key.living.clear();
    } else if (was_present) {
      key.living.front().value = state.value;
    } else if (state.present) {
      key.living.push_back(Incarnation{next_id_++, state.value});
    }
    key.ever_lived |= state.present;
    return answer(entry, expected);
  }

  bool answer(const HistoryEntry& entry, const Value& expected) {
    if (oracle::agrees(entry.result, expected)) {
      return false;
    }
    return fail(entry, "wrong-answer",
                oracle::describe(entry) + " answered " + oracle::describe(entry.result) +
                    ", a sequential map would answer " + oracle::describe(expected));
  }

  u64 size() const {
    u64 size = 0;
    for (const auto& [number, key] : map_) {
      size += key.living.size();
    }
    return size;
  }

  void clear() {
    for (auto& [number, key] : map_) {
      key.living.clear();
    }
  }

  void begin(const HistoryEntry& entry, u8 cursor) {
    latest_[{to_index(entry.thread), cursor}] = &entry;
    iterations_[&entry] = Iteration{true, next_id_, {}};
  }

  bool end_of_call(const HistoryEntry& entry) {
    Iteration& iteration = iterations_[&entry];
    iteration.open = false;
    const bool complete = entry.result.shape == Value::Shape::kVoid || entry.result.truth();
    return complete && !entry.result.refused() && skipped(entry, iteration);
  }

  bool next(const HistoryEntry& entry) {
    Iteration& iteration = this->iteration(entry);
    if (!iteration.open) {
      return false;
    }
    if (entry.result.has_ints()) {
      return yields(entry, iteration);
    }
    iteration.open = false;
    return !entry.result.refused() && skipped(entry, iteration);
  }

  bool yields(const HistoryEntry& entry, Iteration& iteration) {
    const Key& key = map_[entry.result.words[0]];
    for (const Incarnation& incarnation : key.living) {
      if (incarnation.value == entry.result.words[1] && !iteration.has_yielded(incarnation.id)) {
        iteration.yielded.push_back(incarnation.id);
        iteration.key = entry.result.words[0];
        return false;
      }
    }
    return fail_yield(entry, key);
  }

  bool fail_yield(const HistoryEntry& entry, const Key& key) {
    const i64 value = entry.result.words[1];
    const std::string text = "iteration yields key " + std::to_string(entry.result.words[0]);
    const std::string with_value = text + " with value " + std::to_string(value);
    if (!key.ever_lived) {
      return fail(entry, "phantom", text + ", which was never in the map");
    }
    if (!was_written(entry)) {
      return fail(entry, "torn",
                  with_value + ", which nothing had written with this key till then");
    }
    if (key.living.empty()) {
      return fail(entry, "resurrected", text + ", which is not in the map any more");
    }
    for (const Incarnation& incarnation : key.living) {
      if (incarnation.value == value) {
        return fail(entry, "repeated", text + " twice");
      }
    }
    return fail(entry, "stale",
                with_value + ", the latest is " + std::to_string(key.living.back().value));
  }

  /// True if what is yielded was once written.
  bool was_written(const HistoryEntry& yield) const {
    return std::any_of(
        history_.entries.begin(), history_.entries.end(), [&](const HistoryEntry& entry) {
          const oracle::Effect effect = oracle::effect_of(entry);
          return effect.writes() && effect.value == yield.result.words[1] &&
                 entry.arguments[0] == yield.result.words[0] && entry.commit < yield.commit;
        });
  }

  bool erase_current(const HistoryEntry& entry) {
    const Iteration& iteration = this->iteration(entry);
    Key& key = map_[iteration.key];
    const bool lives = !iteration.yielded.empty() && !is_irreflexive(iteration.key) &&
                       !key.living.empty() && key.living.front().id == iteration.yielded.back();
    if (lives) {
      key.living.clear();
    }
    return answer(entry, value_of(lives));
  }

  bool skipped(const HistoryEntry& entry, const Iteration& iteration) {
    for (const auto& [number, key] : map_) {
      for (const Incarnation& incarnation : key.living) {
        if (incarnation.id < iteration.first_unborn && !iteration.has_yielded(incarnation.id)) {
          return fail(entry, "skipped",
                      "iteration ends without key " + std::to_string(number) +
                          ", which was in the map all the time");
        }
      }
    }
    return false;
  }

  bool fail(const HistoryEntry& entry, const char* rule, const std::string& text) {
    finding_.kind = exec::FindingKind::kIteration;
    finding_.rule = rule;
    finding_.thread = entry.thread;
    finding_.pc = 0;
    finding_.operation = static_cast<u32>(&entry - history_.entries.begin());
    finding_.message.clear();
    finding_.message.add("Go range contract, %s: %s (T%u)", rule, text.c_str(),
                         to_index(entry.thread));
    return true;
  }

  /// The one that an operation belongs to.
  Iteration& iteration(const HistoryEntry& entry) {
    return iterations_[latest_[{to_index(entry.thread), entry.cursor}]];
  }

  const History& history_;
  const std::optional<i64> irreflexive_;
  exec::Finding& finding_;
  std::map<i64, Key> map_;
  // By what began them: a thread's kIterate may begin before the one before it has ended.
  std::map<const HistoryEntry*, Iteration> iterations_;
  std::map<std::pair<u32, u32>, const HistoryEntry*> latest_;  // of each thread and cursor
  u32 next_id_ = 0;
};

class GoRange final : public Contract {
 public:
  explicit GoRange(std::optional<i64> irreflexive) : irreflexive_(irreflexive) {}

  const char* name() const override { return "Go range, operations totally ordered"; }
  bool violated(const History& history, exec::Finding& finding) const override {
    return Referee(history, irreflexive_, finding).violated();
  }

 private:
  std::optional<i64> irreflexive_;
};

}  // namespace

const Contract& go_range() {
  static const GoRange contract(std::nullopt);
  return contract;
}

const Contract& go_range(std::int64_t irreflexive_key) {
  static std::deque<GoRange> made;
  return made.emplace_back(irreflexive_key);
}

}  // namespace heddle::contracts
