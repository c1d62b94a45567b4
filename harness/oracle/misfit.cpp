#include "oracle/misfit.hpp"

#include <string>

#include "oracle/map_specification.hpp"

namespace heddle::oracle {
namespace {

using target::HistoryEntry;

constexpr std::size_t kAnswersShownMax = 4;

const char* rule_of(Consistency consistency) {
  switch (consistency) {
    case Consistency::kLinearizable: return "not-linearizable";
    case Consistency::kSequential: return "not-sequentially-consistent";
    case Consistency::kQuiescent: return "not-quiescently-consistent";
  }
  return "";
}

const char* orders_of(Consistency consistency) {
  switch (consistency) {
    case Consistency::kLinearizable: return "no order of the operations";
    case Consistency::kSequential: return "no order of the operations that keeps each thread's";
    case Consistency::kQuiescent: return "no order of the operations between quiescent points";
  }
  return "";
}

std::string by_whom(const HistoryEntry& entry) {
  return target::text_of(entry, false) + " by T" + std::to_string(to_index(entry.thread));
}

/// What an answer says of the key before the operation; nothing if it says nothing.
std::optional<bool> says_present(const HistoryEntry& entry) {
  if (entry.result.shape == Value::Shape::kVoid) {
    return std::nullopt;
  }
  switch (entry.role) {
    case Role::kFind:
    case Role::kTake:
    case Role::kExchange: return entry.result.has_ints();
    case Role::kContains:
    case Role::kErase:
    case Role::kEraseCurrent: return entry.result.truth();
    case Role::kAssign:
    case Role::kInsert: return !entry.result.truth();
    case Role::kFindOrInsert: return entry.result.words[1] != 0;
    case Role::kCompareExchange:
    case Role::kCompareErase: return entry.result.truth() ? std::optional(true) : std::nullopt;
    default: return std::nullopt;
  }
}

/// The value that was under the key, if the answer says it.
std::optional<i64> says_value(const HistoryEntry& entry) {
  switch (entry.role) {
    case Role::kFind:
    case Role::kTake:
    case Role::kExchange:
    case Role::kFindOrInsert: break;
    default: return std::nullopt;
  }
  return says_present(entry) == true ? std::optional(entry.result.words[0]) : std::nullopt;
}

/// Why an operation of a key cannot be placed, where that can be said in a word.
class Reason {
 public:
  Reason(const std::vector<Item>& items, const HistoryEntry& misfit, i64 key)
      : items_(items), misfit_(misfit), key_(std::to_string(key)) {}

  std::string text() const {
    const std::optional<bool> present = says_present(misfit_);
    if (const auto value = says_value(misfit_); value.has_value() && !any_wrote(*value)) {
      return "nothing had written " + std::to_string(*value) + " to key " + key_;
    }
    if (present == true &&
        latest([](const HistoryEntry& entry) { return leaves_present(entry.role); }, false) ==
            nullptr) {
      return "nothing had inserted key " + key_;
    }
    if (present == false && latest([](const HistoryEntry& entry) { return may_remove(entry.role); },
                                   false) == nullptr) {
      const HistoryEntry* insertion =
          latest([](const HistoryEntry& entry) { return leaves_present(entry.role); }, true);
      if (insertion != nullptr) {
        return by_whom(*insertion) + " had returned before it began, and nothing had erased key " +
               key_;
      }
    }
    return "";
  }

 private:
  template <class Predicate>
  const HistoryEntry* latest(Predicate predicate, bool before) const {
    const HistoryEntry* found = nullptr;
    for (const Item& item : items_) {
      const HistoryEntry& entry = item.entry;
      const bool in_time = before ? entry.returned && entry.returned_at < misfit_.called
                                  : entry.called < misfit_.returned_at;
      if (&entry != &misfit_ && in_time && predicate(entry) &&
          (found == nullptr || entry.returned_at > found->returned_at)) {
        found = &entry;
      }
    }
    return found;
  }

  bool any_wrote(i64 value) const {
    return latest(
               [value](const HistoryEntry& entry) {
                 const i64 written = entry.arguments[entry.role == Role::kCompareExchange ? 2 : 1];
                 const bool writes =
                     leaves_present(entry.role) || entry.role == Role::kCompareExchange;
                 return writes && written == value;
               },
               false) != nullptr;
  }

  const std::vector<Item>& items_;
  const HistoryEntry& misfit_;
  std::string key_;
};

std::string possible(const std::vector<Value>& answers) {
  std::string text = "it could have answered ";
  const std::size_t shown = std::min(answers.size(), kAnswersShownMax);
  for (std::size_t i = 0; i < shown; ++i) {
    text += (i == 0 ? "" : i + 1 == answers.size() ? " or " : ", ") + target::text_of(answers[i]);
  }
  return text + (shown < answers.size() ? " and others" : "");
}

std::string moments_of(const HistoryEntry& entry) {
  return std::to_string(entry.called) + ".." +
         (entry.returned ? std::to_string(entry.returned_at) : "");
}

void add_table(const Misfit& misfit, const std::vector<Item>& items, const SearchResult& result,
               exec::Finding& finding) {
  std::vector<std::string> places(items.size(), "-");
  for (std::size_t i = 0; i < result.longest.size(); ++i) {
    places[result.longest[i]] = std::to_string(i + 1);
  }
  auto& text = finding.detail;
  text.clear();
  text.add(
      "  the operations%s in the order of their calls; place: in the longest order that fits\n",
      misfit.key.has_value() ? (" on key " + std::to_string(*misfit.key)).c_str() : "");
  text.add("  %5s  %-6s  %-9s  %s\n", "place", "thread", "from..to", "operation");
  for (std::size_t i = 0; i < items.size(); ++i) {
    const HistoryEntry& entry = items[i].entry;
    text.add("  %5s  T%-5u  %-9s  %s%s\n", places[i].c_str(), to_index(entry.thread),
             moments_of(entry).c_str(), target::text_of(entry, true).c_str(),
             i == result.misfit ? "   <- fits nowhere" : "");
  }
}

}  // namespace

void tell(const Misfit& misfit, const std::vector<Item>& items, const SearchResult& result,
          exec::Finding& finding) {
  const Item& item = items[result.misfit];
  finding.kind = exec::FindingKind::kLinearizability;
  finding.rule = rule_of(misfit.consistency);
  finding.thread = item.entry.thread;
  finding.pc = 0;
  finding.operation = item.index;
  const std::string reason =
      misfit.is_map && misfit.key.has_value() && misfit.consistency == Consistency::kLinearizable
          ? Reason(items, item.entry, *misfit.key).text()
          : "";
  finding.message.clear();
  finding.message.add("%s by T%u fits %s: %s%s%s", target::text_of(item.entry, true).c_str(),
                      to_index(item.entry.thread), orders_of(misfit.consistency), reason.c_str(),
                      reason.empty() ? "" : "; ", possible(result.answers).c_str());
  add_table(misfit, items, result, finding);
}

}  // namespace heddle::oracle
