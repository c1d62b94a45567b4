// The contract of Go's `for range`; see contract.hpp.
#include <algorithm>
#include <map>
#include <vector>

#include "base/text.hpp"
#include "exec/finding.hpp"
#include "target/history.hpp"

namespace heddle::contracts {
namespace {

using target::History;
using target::HistoryEntry;

struct Incarnation {
  u32 id;  // in order of birth
  i64 value;
};

struct Iteration {
  bool open = false;
  u32 first_unborn = 0;      // incarnations with this id or more were born after it began
  std::vector<u32> yielded;  // ids
};

/// Replays a totally ordered history on a sequential map.
class Referee {
 public:
  Referee(const History& history, exec::Finding& finding) : history_(history), finding_(finding) {}

  bool violated() {
    std::vector<const HistoryEntry*> ordered;
    for (const HistoryEntry& entry : history_.entries) {
      if (entry.returned && entry.role != Role::kOther) {
        ordered.push_back(&entry);
      }
    }
    std::sort(ordered.begin(), ordered.end(),
              [](const HistoryEntry* a, const HistoryEntry* b) { return a->commit < b->commit; });
    return std::any_of(ordered.begin(), ordered.end(),
                       [this](const HistoryEntry* entry) { return wrong(*entry); });
  }

 private:
  bool wrong(const HistoryEntry& entry) {
    switch (entry.role) {
      case Role::kAssign: return assign(entry);
      case Role::kErase: return answer(entry, "erase", map_.erase(entry.arguments[0]) != 0 ? 1 : 0);
      case Role::kSize: return answer(entry, "size", static_cast<i64>(map_.size()));
      case Role::kFind: return find(entry);
      case Role::kClear: map_.clear(); return false;
      case Role::kOpen: iteration(entry) = Iteration{true, next_id_, {}}; return false;
      case Role::kNext: return next(entry);
      case Role::kClose: iteration(entry).open = false; return false;
      default: return false;  // no map that Go has
    }
    return false;
  }

  bool assign(const HistoryEntry& entry) {
    const auto [at, inserted] = map_.try_emplace(entry.arguments[0], Incarnation{next_id_, 0});
    next_id_ += inserted ? 1 : 0;
    at->second.value = entry.arguments[1];
    return answer(entry, "insert", inserted ? 1 : 0);
  }

  bool answer(const HistoryEntry& entry, const char* what, i64 expected) {
    if (entry.result.count == 0 || entry.result.words[0] == expected) {
      return false;
    }
    return fail(entry, "wrong-answer", "%s answered %lld, a sequential map would answer %lld", what,
                static_cast<long long>(entry.result.words[0]), static_cast<long long>(expected));
  }

  bool find(const HistoryEntry& entry) {
    const auto at = map_.find(entry.arguments[0]);
    const bool found = entry.result.has_ints();
    const auto key = static_cast<long long>(entry.arguments[0]);
    if (found && at == map_.end()) {
      return fail(entry, "wrong-answer",
                  "find(%lld) found a value for a key that is not in the map", key);
    }
    if (!found && at != map_.end()) {
      return fail(entry, "wrong-answer", "find(%lld) found nothing although the key is in the map",
                  key);
    }
    if (found && entry.result.words[0] != at->second.value) {
      return fail(entry, "wrong-answer", "find(%lld) found %lld, the latest value is %lld", key,
                  static_cast<long long>(entry.result.words[0]),
                  static_cast<long long>(at->second.value));
    }
    return false;
  }

  bool next(const HistoryEntry& entry) {
    Iteration& iteration = this->iteration(entry);
    if (!iteration.open) {
      return false;
    }
    if (!entry.result.has_ints()) {
      iteration.open = false;
      return skipped(entry, iteration);
    }
    const auto key = static_cast<long long>(entry.result.words[0]);
    const auto value = static_cast<long long>(entry.result.words[1]);
    const auto at = map_.find(entry.result.words[0]);
    if (at == map_.end()) {
      return fail(entry, "phantom", "iteration yields key %lld, which is not in the map", key);
    }
    if (at->second.value != entry.result.words[1]) {
      return fail(entry, "stale", "iteration yields key %lld with value %lld, the latest is %lld",
                  key, value, static_cast<long long>(at->second.value));
    }
    auto& seen = iteration.yielded;
    if (std::find(seen.begin(), seen.end(), at->second.id) != seen.end()) {
      return fail(entry, "repeated", "iteration yields key %lld twice", key);
    }
    seen.push_back(at->second.id);
    return false;
  }

  bool skipped(const HistoryEntry& entry, const Iteration& iteration) {
    for (const auto& [key, incarnation] : map_) {
      const bool seen = std::find(iteration.yielded.begin(), iteration.yielded.end(),
                                  incarnation.id) != iteration.yielded.end();
      if (incarnation.id < iteration.first_unborn && !seen) {
        return fail(entry, "skipped",
                    "iteration ends without key %lld, which was in the map all the time",
                    static_cast<long long>(key));
      }
    }
    return false;
  }

  template <class... Arguments>
  bool fail(const HistoryEntry& entry, const char* rule, const char* format,
            Arguments... arguments) {
    finding_.kind = exec::FindingKind::kIteration;
    finding_.rule = rule;
    finding_.thread = entry.thread;
    finding_.pc = 0;
    finding_.operation = static_cast<u32>(&entry - history_.entries.begin());
    finding_.message.clear();
    finding_.message.add("Go range contract, %s: ", rule);
    finding_.message.add(format, arguments...);
    finding_.message.add(" (T%u)", to_index(entry.thread));
    return true;
  }

  Iteration& iteration(const HistoryEntry& entry) {
    return iterations_[{to_index(entry.thread), entry.cursor}];
  }

  const History& history_;
  exec::Finding& finding_;
  std::map<i64, Incarnation> map_;
  std::map<std::pair<u32, u32>, Iteration> iterations_;
  u32 next_id_ = 0;
};

class GoRange final : public Contract {
 public:
  const char* name() const override { return "Go range, operations totally ordered"; }
  bool violated(const History& history, exec::Finding& finding) const override {
    return Referee(history, finding).violated();
  }
};

}  // namespace

const Contract& go_range() {
  static const GoRange contract;
  return contract;
}

}  // namespace heddle::contracts
