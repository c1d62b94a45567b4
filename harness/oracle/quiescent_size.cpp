// The size of a map that nobody changes; see contract.hpp.
#include <algorithm>

#include "exec/finding.hpp"
#include "oracle/linearizations.hpp"
#include "oracle/sequential_map.hpp"

namespace heddle::contracts {
namespace {

using oracle::possible;
using oracle::Sighting;
using target::History;
using target::HistoryEntry;

using Timelines = std::map<i64, oracle::Timeline>;

struct Bounds {
  i64 least;
  i64 most;
};

bool is_quiet(const Timelines& timelines, const HistoryEntry& size) {
  for (const auto& [key, timeline] : timelines) {
    for (const oracle::KeyOperation& operation : timeline) {
      const oracle::Effect effect = oracle::effect_of(*operation.entry);
      if ((effect.writes() || effect.removes) && operation.to > size.called &&
          operation.from < size.returned_at) {
        return false;
      }
    }
  }
  return true;
}

bool has_linearization(const Timelines& timelines) {
  return std::all_of(timelines.begin(), timelines.end(),
                     [](const auto& of_key) { return possible(of_key.second, {}); });
}

/// How many keys there can have been, by all linearizations together.
Bounds keys_during(const Timelines& timelines, const HistoryEntry& size) {
  const Sighting present{Sighting::Of::kPresent, size.called, size.returned_at};
  const Sighting absent{Sighting::Of::kAbsent, size.called, size.returned_at};
  Bounds bounds{0, 0};
  for (const auto& [key, timeline] : timelines) {
    bounds.least += possible(timeline, {absent}) ? 0 : 1;
    bounds.most += possible(timeline, {present}) ? 1 : 0;
  }
  return bounds;
}

class QuiescentSize final : public Contract {
 public:
  const char* name() const override { return "size at quiescence"; }
  bool violated(const History& history, exec::Finding& finding) const override {
    const Timelines timelines = timelines_of(history, oracle::iterations_of(history));
    for (const HistoryEntry& entry : history.entries) {
      if (entry.role == Role::kSize && entry.returned && entry.result.count != 0 &&
          is_quiet(timelines, entry) && is_wrong(timelines, entry)) {
        report(history, entry, keys_during(timelines, entry), finding);
        return true;
      }
    }
    return false;
  }

 private:
  static bool is_wrong(const Timelines& timelines, const HistoryEntry& size) {
    const auto [least, most] = keys_during(timelines, size);
    const i64 answer = size.result.words[0];
    return (answer < least || answer > most) && has_linearization(timelines);
  }

  static void report(const History& history, const HistoryEntry& size, Bounds bounds,
                     exec::Finding& finding) {
    finding.kind = exec::FindingKind::kContract;
    finding.rule = "wrong-size";
    finding.thread = size.thread;
    finding.pc = 0;
    finding.operation = static_cast<u32>(&size - history.entries.begin());
    finding.message.clear();
    finding.message.add("%s answered %lld while nobody changed the map, which had ",
                        oracle::describe(size).c_str(),
                        static_cast<long long>(size.result.words[0]));
    if (bounds.least == bounds.most) {
      finding.message.add("%lld keys", static_cast<long long>(bounds.least));
    } else {
      finding.message.add("%lld to %lld keys", static_cast<long long>(bounds.least),
                          static_cast<long long>(bounds.most));
    }
  }
};

}  // namespace

const Contract& quiescent_size() {
  static const QuiescentSize contract;
  return contract;
}

}  // namespace heddle::contracts
