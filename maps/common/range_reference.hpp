// For tests of maps: a slow reference beside a map, which judges what the map's operations answer
// and what its open iterations yield; and random runs of both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace maps::testing {

/// A map under the eyes of the range contract: an incarnation of a key lasts from an insertion to
/// the next removal; an iteration yields each at most once, while it lives, with its latest value,
/// and each that was there all the time. error() is the first promise broken.
template <class Map>
class checked_map {
 public:
  template <class... Arguments>
  explicit checked_map(Arguments&&... arguments) : map_(std::forward<Arguments>(arguments)...) {}

  void insert(int key) {
    const int value = ++last_value_;
    const bool inserted = map_.insert_or_assign(key, value);
    const auto [at, is_new] = present_.try_emplace(key);
    expect(inserted == is_new, "insert_or_assign returned the wrong answer");
    if (is_new) {
      at->second.incarnation = ++last_incarnation_;
    }
    at->second.value = value;
  }

  void erase(int key) {
    const auto at = present_.find(key);
    expect(map_.erase(key) == (at != present_.end()), "erase returned the wrong answer");
    if (at != present_.end()) {
      bury(at->second.incarnation);
      present_.erase(at);
    }
  }

  void clear() {
    map_.clear();
    for (const auto& [key, held] : present_) {
      bury(held.incarnation);
    }
    present_.clear();
  }

  void find(int key) {
    const auto at = present_.find(key);
    const std::optional<int> found = map_.find(key);
    expect(found.has_value() == (at != present_.end()), "find missed or invented a key");
    expect(!found || *found == at->second.value, "find returned an old value");
  }

  void open() {
    range& r = ranges_.emplace_back(map_.begin_range());
    for (const auto& [key, held] : present_) {
      r.owed.insert(held.incarnation);
    }
  }

  /// One next(); a range that ends is judged and dropped.
  bool next(std::size_t index = 0) {
    range& r = ranges_[index];
    if (!r.it.next()) {
      expect(r.owed.empty(), "an entry that was there all along was not yielded");
      close(index);
      return false;
    }
    ++yields;
    const auto at = present_.find(r.it.key());
    expect(at != present_.end(), "a removed entry was yielded");
    if (at != present_.end()) {
      expect(at->second.value == r.it.mapped(), "an old value was yielded");
      expect(r.yielded.insert(at->second.incarnation).second, "an entry was yielded twice");
      r.owed.erase(at->second.incarnation);
    }
    return true;
  }

  void finish(std::size_t index = 0) {
    while (next(index)) {
    }
  }

  void close(std::size_t index = 0) {
    ranges_.erase(ranges_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  void check() {
    expect(map_.size() == present_.size(), "size is wrong");
    if (const std::string broken = map_.validate(); !broken.empty()) {
      expect(false, broken);
    }
  }

  const std::string& error() const { return error_; }

  std::size_t open_count() const { return ranges_.size(); }

  Map& map() { return map_; }

  std::uint64_t yields = 0;

 private:
  struct entry {
    std::uint64_t incarnation = 0;
    int value = 0;
  };

  struct range {
    explicit range(typename Map::iterator opened) : it(std::move(opened)) {}

    typename Map::iterator it;
    std::set<std::uint64_t> owed;  // alive since the range was opened, not yielded yet
    std::set<std::uint64_t> yielded;
  };

  void expect(bool holds, const std::string& what) {
    if (!holds && error_.empty()) {
      error_ = what;
    }
  }

  void bury(std::uint64_t incarnation) {
    for (range& r : ranges_) {
      r.owed.erase(incarnation);
    }
  }

  Map map_;
  std::map<int, entry> present_;
  std::vector<range> ranges_;
  std::string error_;
  int last_value_ = 0;
  std::uint64_t last_incarnation_ = 0;
};

class splitmix {
 public:
  explicit splitmix(std::uint64_t seed) : state_(seed) {}

  int below(int bound) {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return static_cast<int>((z ^ (z >> 31)) % static_cast<std::uint64_t>(bound));
  }

 private:
  std::uint64_t state_;
};

/// One map's life: phases that mostly insert or mostly erase, with up to four iterations open.
/// Returns the first broken promise.
template <class Map>
std::string run_random(checked_map<Map>& m, int keys, std::uint64_t seed, int operations) {
  splitmix random(seed);
  int insert_percent = 50;
  for (int i = 0; i < operations && m.error().empty(); ++i) {
    if (random.below(60) == 0) {
      insert_percent = 10 + random.below(86);
    }
    const int key = random.below(keys);
    const int action = random.below(100);
    const auto range = [&] {
      return static_cast<std::size_t>(random.below(static_cast<int>(m.open_count())));
    };
    if (random.below(1000) < 3) {
      m.clear();
    } else if (action < 55) {
      random.below(100) < insert_percent ? m.insert(key) : m.erase(key);
    } else if (action < 60 && m.open_count() < 4) {
      m.open();
    } else if (action < 95 && m.open_count() > 0) {
      m.next(range());
    } else if (action == 95 && m.open_count() > 0) {
      m.close(range());
    } else {
      m.find(key);
    }
    m.check();
  }
  while (m.error().empty() && m.open_count() > 0) {
    m.finish();
  }
  return m.error();
}

}  // namespace maps::testing
