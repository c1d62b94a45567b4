// For the tests of go_map: a reference that judges the range contract, scripted maps, random runs.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "go_map.hpp"

namespace maps::go_map_testing {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// The reference. ------------------------------------------------------------------------------

// A map under the eyes of the range contract. An incarnation of a key lasts from an insertion to
// the next removal; error() is the first promise broken for any of them.
template <class Map, class Key>
class checked_map {
 public:
  explicit checked_map(go_map_options options = {}) : map_(options) {}

  void insert(Key key) {
    const int value = ++last_value_;
    const bool inserted = map_.insert_or_assign(key, value);
    if (is_nan(key)) {
      expect(inserted, "a NaN was assigned to");
      nans_[value] = ++last_incarnation_;
      return;
    }
    const auto [at, is_new] = present_.try_emplace(key);
    expect(inserted == is_new, "insert_or_assign returned the wrong answer");
    if (is_new) {
      at->second.incarnation = ++last_incarnation_;
    }
    at->second.key = key;
    at->second.value = value;
  }

  void erase(Key key) {
    const auto at = is_nan(key) ? present_.end() : present_.find(key);
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
    for (const auto& [value, incarnation] : nans_) {
      bury(incarnation);
    }
    present_.clear();
    nans_.clear();
  }

  void find(Key key) {
    const auto at = is_nan(key) ? present_.end() : present_.find(key);
    const std::optional<int> found = map_.find(key);
    expect(found.has_value() == (at != present_.end()), "find missed or invented a key");
    expect(!found || *found == at->second.value, "find returned an old value");
  }

  void open() {
    range& r = ranges_.emplace_back(map_.begin_range());
    r.growths_at_open = growths_;
    for (const auto& [key, held] : present_) {
      r.owed.insert(held.incarnation);
    }
    for (const auto& [value, incarnation] : nans_) {
      r.owed.insert(incarnation);
    }
  }

  // One next(); a range that ends is judged and dropped. Returns false at the end.
  bool next(std::size_t index = 0) {
    range& r = ranges_[index];
    if (!r.it.next()) {
      expect(r.owed.empty(), "an entry that was there all along was not yielded");
      growths_survived_max = std::max(growths_survived_max, growths_ - r.growths_at_open);
      close(index);
      return false;
    }
    const std::uint64_t incarnation = find_incarnation(r.it.key(), r.it.mapped());
    if (incarnation != 0) {
      expect(r.yielded.insert(incarnation).second, "an entry was yielded twice");
      r.owed.erase(incarnation);
      ++yields;
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

  // Structure, size and growth, after each operation.
  void check() {
    const std::string broken = map_.validate();
    expect(broken.empty(), broken);
    expect(map_.size() == present_.size() + nans_.size(), "size is wrong");
    expect(map_.growing() || map_.evacuation_mark() == 0, "a mark without a growth");
    if (map_.growing() && was_growing_ && map_.bucket_count_log2() == last_log2_) {
      expect(map_.evacuation_mark() >= last_mark_, "the evacuation mark went back");
    }
    if (map_.bucket_count_log2() != last_log2_) {
      ++growths_;
    } else if (map_.growing() && !was_growing_) {
      ++growths_;
      ++same_size_growths;
    }
    last_log2_ = map_.bucket_count_log2();
    last_mark_ = map_.evacuation_mark();
    was_growing_ = map_.growing();
  }

  const std::string& error() const { return error_; }

  std::size_t open_count() const { return ranges_.size(); }

  Map& map() { return map_; }

  int same_size_growths = 0;
  int growths_survived_max = 0;  // by one iterator
  std::uint64_t yields = 0;

 private:
  struct entry {
    std::uint64_t incarnation = 0;
    Key key{};
    int value = 0;
  };

  struct range {
    explicit range(typename Map::iterator opened) : it(std::move(opened)) {}

    typename Map::iterator it;
    std::set<std::uint64_t> owed;  // alive since the range was opened, not yielded yet
    std::set<std::uint64_t> yielded;
    int growths_at_open = 0;
  };

  static bool is_nan(Key key) { return !(key == key); }

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

  // Of the live entry that was yielded; 0 and an error if there is none like it.
  std::uint64_t find_incarnation(Key key, int value) {
    if (is_nan(key)) {
      const auto at = nans_.find(value);
      expect(at != nans_.end(), "a removed NaN was yielded");
      return at != nans_.end() ? at->second : 0;
    }
    const auto at = present_.find(key);
    expect(at != present_.end(), "a removed entry was yielded");
    if (at == present_.end()) {
      return 0;
    }
    expect(at->second.value == value, "an old value was yielded");
    expect(
        std::signbit(static_cast<double>(at->second.key)) == std::signbit(static_cast<double>(key)),
        "an old key object was yielded");
    return at->second.incarnation;
  }

  Map map_;
  std::map<Key, entry> present_;
  std::map<int, std::uint64_t> nans_;  // by value, which tells them apart
  std::vector<range> ranges_;
  std::string error_;
  int last_value_ = 0;
  std::uint64_t last_incarnation_ = 0;
  int growths_ = 0;
  unsigned last_log2_ = 0;
  std::size_t last_mark_ = 0;
  bool was_growing_ = false;
};

// Tools. --------------------------------------------------------------------------------------

// Bucket = the low bits of the key; the tophash is the same for all. No seed.
struct identity_hash {
  std::uint64_t operator()(double key, std::uint32_t) const {
    return static_cast<std::uint64_t>(key);
  }

  std::uint64_t operator()(int key, std::uint32_t) const { return static_cast<std::uint64_t>(key); }
};

// Seeded, but keys equal modulo a power of two stay in one bucket.
struct clustered_hash {
  std::uint64_t operator()(double key, std::uint32_t seed) const {
    const auto bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(key));
    return (bits ^ seed) | (bits & 3) << 60;
  }
};

// Iterations start at bucket 0, slot 0.
struct zero_random {
  std::uint32_t operator()() const { return 0; }
};

template <go_map_bug Bug = go_map_bug::none, class T = int>
using scripted_map = go_map<int, T, identity_hash, std::equal_to<int>, zero_random, Bug>;

template <go_map_bug Bug = go_map_bug::none>
using checked_scripted_map = checked_map<scripted_map<Bug>, int>;

// Four buckets that double at the ninth key, which leaves two of the four chains to migrate.
inline constexpr go_map_options kSmall = {
    .initial_log2 = 2, .load_numerator = 2, .load_denominator = 1};

// Four buckets that double at the 21st key: room for overflow buckets before.
inline constexpr go_map_options kDense = {
    .initial_log2 = 2, .load_numerator = 5, .load_denominator = 1};

template <class Map>
void insert_range(Map& map, int from, int to, int step = 1) {
  for (int key = from; key < to; key += step) {
    if constexpr (requires { map.insert(key); }) {
      map.insert(key);
    } else {
      map.insert_or_assign(key, {});
    }
  }
}

struct splitmix {
  std::uint64_t state;

  std::uint64_t operator()() {
    std::uint64_t z = state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  int below(int bound) { return static_cast<int>((*this)() % static_cast<std::uint64_t>(bound)); }
};

// Random runs. --------------------------------------------------------------------------------

struct profile {
  int key_count;
  int key_step;  // 1, or a power of two to crowd one bucket at a time
  int nan_percent;
  int clear_per_mille;
  go_map_options options;
};

struct coverage {
  int same_size_growths = 0;
  int growths_survived_max = 0;
  std::uint64_t yields = 0;
  std::uint64_t operations = 0;
};

// Erases most keys of a crowded bucket and leaves a sparse chain behind.
template <class Map>
void thin_out(checked_map<Map, double>& m, const profile& p, int residue) {
  for (int i = 1; p.key_step > 1 && i < p.key_count; ++i) {
    m.erase(i * p.key_step + residue);
    m.check();
  }
}

// One map's life: phases that mostly insert or mostly erase, with up to four iterators open.
template <class Map>
std::string run_random(const profile& p, std::uint64_t seed, int operations, coverage* seen) {
  splitmix random{seed};
  checked_map<Map, double> m(p.options);
  int insert_percent = 50;
  int residue = 0;
  for (int i = 0; i < operations && m.error().empty(); ++i) {
    if (random.below(60) == 0) {
      insert_percent = 10 + random.below(86);
      thin_out(m, p, residue);
      residue = random.below(p.key_step);
    }
    const bool is_nan = random.below(100) < p.nan_percent;
    const double key = is_nan ? kNan : random.below(p.key_count) * p.key_step + residue;
    const int action = random.below(100);
    if (random.below(1000) < p.clear_per_mille) {
      m.clear();
    } else if (action < 55) {
      random.below(100) < insert_percent ? m.insert(key) : m.erase(key);
    } else if (action < 60 && m.open_count() < 4) {
      m.open();
    } else if (action < 95 && m.open_count() > 0) {
      m.next(static_cast<std::size_t>(random.below(static_cast<int>(m.open_count()))));
    } else if (action == 95 && m.open_count() > 0) {
      m.close(static_cast<std::size_t>(random.below(static_cast<int>(m.open_count()))));
    } else {
      m.find(key);
    }
    m.check();
  }
  while (m.error().empty() && m.open_count() > 0) {
    m.finish();
  }
  if (seen != nullptr) {
    seen->same_size_growths += m.same_size_growths;
    seen->growths_survived_max = std::max(seen->growths_survived_max, m.growths_survived_max);
    seen->yields += m.yields;
    seen->operations += static_cast<std::uint64_t>(operations);
  }
  return m.error();
}

inline const std::vector<profile> kProfiles = {
    {12, 1, 0, 3, kSmall}, {24, 1, 5, 3, kSmall},  {20, 1, 60, 9, kSmall}, {40, 1, 0, 0, {}},
    {150, 1, 3, 1, {}},    {400, 1, 0, 1, kSmall}, {14, 8, 0, 0, kDense},  {14, 32, 0, 1, kDense},
    {14, 8, 1, 5, kDense}, {14, 16, 0, 0, {}},
};

template <go_map_bug Bug>
using mixing_map = go_map<double, int, seeded_hash, std::equal_to<double>, repeatable_random, Bug>;

template <go_map_bug Bug>
using clustering_map =
    go_map<double, int, clustered_hash, std::equal_to<double>, repeatable_random, Bug>;

template <go_map_bug Bug>
std::string first_error(int lives, int operations, coverage* seen = nullptr) {
  for (int life = 0; life < lives; ++life) {
    for (const profile& p : kProfiles) {
      const auto seed = static_cast<std::uint64_t>(life);
      std::string error = run_random<mixing_map<Bug>>(p, seed, operations, seen);
      if (error.empty()) {
        error = run_random<clustering_map<Bug>>(p, seed, operations, seen);
      }
      if (!error.empty()) {
        return error;
      }
    }
  }
  return {};
}

// The detector. -------------------------------------------------------------------------------

// Calls back in the middle of an operation, as an overlapping thread would.
struct intruding_equal {
  const std::function<void()>* intrusion;

  bool operator()(int a, int b) const {
    if (*intrusion) {
      (*intrusion)();
    }
    return a == b;
  }
};

template <go_map_bug Bug = go_map_bug::none>
using intruded_map = go_map<int, int, seeded_hash, intruding_equal, repeatable_random, Bug>;

// Whether `intrude` throws when it is run once, inside an assignment to a present key.
template <class Map, class Intrude>
bool detects(go_map_options options, Intrude intrude) {
  std::function<void()> intrusion;
  Map map(options, {}, intruding_equal{&intrusion});
  insert_range(map, 0, 5);
  auto it = map.begin_range();
  int calls = 0;
  intrusion = [&] {
    if (++calls == 2) {  // the first comparison comes before the flag: is the key equal to itself?
      intrude(map, it);
    }
  };
  bool detected = false;
  try {
    map.insert_or_assign(3, 0);
  } catch (const overlap_error&) {
    detected = true;
  }
  EXPECT_GE(calls, 2);
  intrusion = nullptr;
  EXPECT_EQ(map.validate(), "");
  map.insert_or_assign(77, 0);  // usable again
  return detected;
}

inline constexpr auto kFind = [](auto& map, auto&) { (void)map.find(1); };
inline constexpr auto kErase = [](auto& map, auto&) { (void)map.erase(99); };
inline constexpr auto kClear = [](auto& map, auto&) { map.clear(); };
inline constexpr auto kNext = [](auto&, auto& it) { (void)it.next(); };

}  // namespace maps::go_map_testing
