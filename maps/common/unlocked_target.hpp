// For targets: a map that is not for concurrent use, without the lock that it needs. It has a
// best-effort detector that tells users so, which Heddle measures, or switches off.
#pragma once

#include <memory>
#include <optional>

#include "heddle/heddle.hpp"
#include "write_detector.hpp"

namespace maps {

template <class Map>
class unlocked {
 public:
  class range;

  template <class Options>
  explicit unlocked(Options options) : map_(options) {}

  bool insert(int key, int value) {
    return detecting([&] { return map_.insert_or_assign(key, value); });
  }
  bool erase(int key) {
    return detecting([&] { return map_.erase(key); });
  }
  std::optional<int> find(int key) {
    return detecting([&] { return map_.find(key); });
  }

 private:
  template <class Work>
  static auto detecting(Work work) -> decltype(work()) {
    try {
      return work();
    } catch (const overlap_error&) {
      heddle_detector_fired();
      return {};
    }
  }

  Map map_;
};

template <class Map>
class unlocked<Map>::range {
 public:
  explicit range(unlocked& owner) : iterator_(owner.map_.begin_range()) {}

  bool next() {
    return detecting([&] { return iterator_.next(); });
  }

 private:
  typename Map::iterator iterator_;
};

template <class Map, class Options>
void declare_unlocked(heddle::Target& t, Options options, int keys) {
  using S = unlocked<Map>;
  using Range = typename S::range;
  t.describe("the map without a lock; its own detector throws when it notices");
  auto s = t.subject<S>([options] {
    Options each = options;
    each.detect_misuse = heddle_detector_on() != 0;
    return std::make_unique<S>(each);
  });
  const auto key = t.ints(0, keys - 1);
  s.op("insert", &S::insert, key, t.ints(0, 99)).weight(8);
  s.op("erase", &S::erase, key).weight(2);
  s.op("find", &S::find, key);
  auto range = s.template cursor<Range>("open", "close", [](S& m) { return Range(m); });
  range.op("next", &Range::next).weight(8);
  // The detector is a plain flag: it is seen set only by a switch in the middle of an operation.
  t.preempt_at_plain_accesses();
  t.continue_on_race();
  t.expects("race");
}

}  // namespace maps
