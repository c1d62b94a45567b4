// Goal:   go_map keeps Go's structure and Go's range contract, and each seeded bug breaks them.
// Method: every operation also goes to a slow reference that knows the incarnations of each key and
//         judges what open iterators yield. Small scripted cases pin down growth, migration, NaN,
//         clear, the detector and each bug; long random runs with several live iterators do the
//         rest.

#include "go_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define GO_MAP_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GO_MAP_TEST_ASAN 1
#endif
#endif
#ifdef GO_MAP_TEST_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace maps {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

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
    for (const auto& [key, entry] : present_) {
      bury(entry.incarnation);
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
    for (const auto& [key, entry] : present_) {
      r.owed.insert(entry.incarnation);
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
constexpr go_map_options kSmall = {.initial_log2 = 2, .load_numerator = 2, .load_denominator = 1};

// Four buckets that double at the 21st key: room for overflow buckets before.
constexpr go_map_options kDense = {.initial_log2 = 2, .load_numerator = 5, .load_denominator = 1};

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

// A value that counts its instances: eight for each live bucket, and one for each iterator.
struct counted {
  counted() { ++live; }

  counted(const counted&) { ++live; }

  counted& operator=(const counted&) = default;

  ~counted() { --live; }

  static inline int live = 0;
};

// Structure. ----------------------------------------------------------------------------------

TEST(GoMap, GrowsAtTheThresholdsOfTheOriginal) {
  go_map<int, int> map;
  std::vector<int> grew_at;
  unsigned log2 = 0;
  for (int key = 1; key <= 500; ++key) {
    const bool announced = map.wants_growth();
    map.insert_or_assign(key, key);
    EXPECT_EQ(announced, map.bucket_count_log2() != log2) << key;
    if (map.bucket_count_log2() != log2) {
      grew_at.push_back(key);
      log2 = map.bucket_count_log2();
    }
  }
  EXPECT_EQ(grew_at, (std::vector<int>{9, 14, 27, 53, 105, 209, 417}));
}

TEST(GoMap, TakesTheLoadFactorAsAnOption) {
  go_map<int, int> map({.load_numerator = 6, .load_denominator = 1});
  insert_range(map, 0, 12);
  EXPECT_EQ(map.bucket_count_log2(), 1U);
  map.insert_or_assign(12, 0);
  EXPECT_EQ(map.bucket_count_log2(), 2U);
}

TEST(GoMap, OnlyWritesMigrate) {
  checked_scripted_map<> m(kSmall);
  insert_range(m, 0, 9);
  ASSERT_TRUE(m.map().growing());
  EXPECT_EQ(m.map().evacuation_mark(), 2U);
  for (int key = 0; key < 9; ++key) {
    m.find(key);
  }
  m.open();
  m.finish();
  EXPECT_EQ(m.map().evacuation_mark(), 2U);
  m.erase(100);
  EXPECT_EQ(m.map().evacuation_mark(), 3U);
  m.insert(0);
  EXPECT_FALSE(m.map().growing());
  m.check();
  EXPECT_EQ(m.error(), "");
}

TEST(GoMap, AssignmentAndRemovalNeverStartAGrowth) {
  checked_scripted_map<> m(kSmall);
  insert_range(m, 0, 8);
  EXPECT_TRUE(m.map().wants_growth());
  m.insert(3);
  m.erase(4);
  m.erase(5);
  EXPECT_FALSE(m.map().growing());
  EXPECT_EQ(m.map().bucket_count_log2(), 2U);
  EXPECT_EQ(m.error(), "");
}

TEST(GoMap, CompactsSparseChainsAtTheSameSize) {
  checked_scripted_map<> m(kDense);
  for (int residue = 0; residue < 4; ++residue) {
    insert_range(m, residue, 36 + residue, 4);  // nine keys: one overflow bucket
    for (int key = residue; key < 32; key += 4) {
      m.erase(key);
    }
    m.check();
  }
  EXPECT_EQ(m.map().overflow_count(), 4U);
  EXPECT_EQ(m.map().size(), 4U);
  m.insert(0);
  m.check();
  EXPECT_EQ(m.same_size_growths, 1);
  EXPECT_EQ(m.map().bucket_count_log2(), 2U);
  insert_range(m, 1, 4);
  EXPECT_FALSE(m.map().growing());
  EXPECT_EQ(m.map().overflow_count(), 0U);
  EXPECT_EQ(m.error(), "");
}

TEST(GoMap, StartsTheAnnouncedGrowthForCallersThatDecideThemselves) {
  checked_scripted_map<> m(kSmall);
  m.map().start_growth();  // nothing to grow yet
  insert_range(m, 0, 8);
  ASSERT_TRUE(m.map().wants_growth());
  m.map().start_growth();
  EXPECT_FALSE(m.map().wants_growth());
  EXPECT_EQ(m.map().bucket_count_log2(), 3U);
  m.check();
  insert_range(m, 8, 11);
  m.check();
  EXPECT_FALSE(m.map().growing());
  EXPECT_EQ(m.error(), "");
}

TEST(GoMap, ASecondStartOfAGrowthLosesEntries) {
  scripted_map<> map(kSmall);
  insert_range(map, 0, 9);
  ASSERT_TRUE(map.growing());
  map.start_growth();
  EXPECT_NE(map.validate(), "");
  EXPECT_FALSE(map.contains(2));
}

TEST(GoMap, DrawsANewSeedWhenItGetsEmpty) {
  struct spying_hash {
    std::set<std::uint32_t>* seeds;

    std::uint64_t operator()(int key, std::uint32_t seed) const {
      seeds->insert(seed);
      return go_map_hash{}(key, seed);
    }
  };

  std::set<std::uint32_t> seeds;
  go_map<int, int, spying_hash> map({}, spying_hash{&seeds});
  insert_range(map, 0, 20);
  EXPECT_EQ(seeds.size(), 1U);
  for (int key = 0; key < 20; ++key) {
    EXPECT_TRUE(map.erase(key));
  }
  insert_range(map, 0, 20);
  EXPECT_EQ(seeds.size(), 2U);
  map.clear();
  insert_range(map, 0, 20);
  EXPECT_EQ(seeds.size(), 3U);
  EXPECT_EQ(map.validate(), "");
}

// Iteration. ----------------------------------------------------------------------------------

TEST(GoMapIterator, OfAnEmptyMapIsOver) {
  go_map<int, int> map;
  auto it = map.begin_range();
  insert_range(map, 0, 3);
  EXPECT_FALSE(it.next());
  it.close();
  it.close();
  EXPECT_FALSE(it.next());
}

TEST(GoMapIterator, MovesAndCloses) {
  go_map<int, int> map;
  insert_range(map, 0, 8);
  auto first = map.begin_range();
  ASSERT_TRUE(first.next());
  auto second = std::move(first);
  EXPECT_FALSE(first.next());  // NOLINT(bugprone-use-after-move): a moved-from iterator is closed
  int rest = 0;
  while (second.next()) {
    ++rest;
  }
  EXPECT_EQ(rest, 7);
  second = map.begin_range();
  EXPECT_TRUE(second.next());
  second.close();
  EXPECT_FALSE(second.next());
}

TEST(GoMapIterator, MayBeClosedAfterItsMap) {
  auto map = std::make_unique<go_map<int, int>>();
  insert_range(*map, 0, 100);
  auto it = map->begin_range();
  ASSERT_TRUE(it.next());
  map.reset();
  it.close();
}

TEST(GoMapIterator, OutlivesSeveralGrowths) {
  for (int taken = 0; taken < 9; ++taken) {
    checked_scripted_map<> m(kSmall);
    insert_range(m, 0, 8);
    m.open();
    for (int i = 0; i < taken; ++i) {
      ASSERT_TRUE(m.next() == (i < 8));
      if (i % 3 == 0) {
        m.open();
      }
    }
    insert_range(m, 8, 200);
    m.erase(1);
    m.erase(7);
    while (m.open_count() > 0) {
      m.finish();
    }
    m.check();
    EXPECT_EQ(m.error(), "");
  }
}

// It stands in a chain of the old generation, not the one it captured, when that doubling ends and
// same-size growths follow.
TEST(GoMapIterator, KeepsTheOldChainItWalks) {
  for (int taken = 0; taken < 9; ++taken) {
    checked_scripted_map<> m(kSmall);
    insert_range(m, 0, 9);
    ASSERT_TRUE(m.map().growing());
    m.open();
    for (int i = 0; i < taken; ++i) {
      m.next();
    }
    do {
      while (m.map().growing()) {
        m.erase(100);
      }
      m.map().start_growth();
      m.check();
    } while (m.next());
    EXPECT_EQ(m.error(), "");
    EXPECT_EQ(m.yields, 9U);
  }
}

TEST(GoMapIterator, YieldsTheLatestKeyObject) {
  checked_map<go_map<double, int>, double> m;
  m.insert(-0.0);
  insert_range(m, 1, 9);
  m.open();
  m.insert(0.0);
  insert_range(m, 9, 30);
  m.finish();
  m.check();
  EXPECT_EQ(m.error(), "");
}

TEST(GoMapIterator, YieldsEachNanOnceAndNoneAfterClear) {
  using nan_map = go_map<double, int>;
  for (const bool clears : {false, true}) {
    checked_map<nan_map, double> m;
    for (int i = 0; i < 8; ++i) {
      m.insert(kNan);
    }
    m.open();
    EXPECT_TRUE(m.next());
    for (int i = 0; i < 60; ++i) {
      m.insert(kNan);  // two generations later
      m.open();
    }
    m.find(kNan);
    m.erase(kNan);
    if (clears) {
      m.clear();
      m.insert(kNan);
    }
    while (m.open_count() > 0) {
      m.finish();
    }
    m.check();
    EXPECT_EQ(m.error(), "");
  }
}

TEST(GoMapIterator, KnowsWhereNanGoesBeforeItMigrates) {
  for (int taken = 0; taken < 24; ++taken) {
    checked_map<go_map<double, int>, double> m(
        {.initial_log2 = 3, .load_numerator = 3, .load_denominator = 1});
    for (int i = 0; i < 25; ++i) {
      m.insert(kNan);
    }
    ASSERT_TRUE(m.map().growing());
    m.open();
    for (int i = 0; i < taken; ++i) {
      m.next();
    }
    for (int i = 0; i < 8; ++i) {
      m.erase(kNan);
    }
    EXPECT_FALSE(m.map().growing());
    m.finish();
    m.check();
    EXPECT_EQ(m.error(), "");
    EXPECT_EQ(m.yields, 25U);
  }
}

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

const std::vector<profile> kProfiles = {
    {12, 1, 0, 3, kSmall},
    {24, 1, 5, 3, kSmall},
    {20, 1, 60, 9, kSmall},
    {40, 1, 0, 0, {}},
    {150, 1, 3, 1, {}},
    {400, 1, 0, 1, kSmall},
    {14, 8, 0, 0, kDense},
    {14, 32, 0, 1, kDense},
    {14, 8, 1, 5, kDense},
    {14, 16, 0, 0, {}},
};

template <go_map_bug Bug>
using mixing_map = go_map<double, int, go_map_hash, std::equal_to<double>, go_map_random, Bug>;

template <go_map_bug Bug>
using clustering_map =
    go_map<double, int, clustered_hash, std::equal_to<double>, go_map_random, Bug>;

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

TEST(GoMapRandom, KeepsTheContract) {
  coverage seen;
  EXPECT_EQ(first_error<go_map_bug::none>(40, 2000, &seen), "");
  EXPECT_GE(seen.operations, 600000U);
  EXPECT_GT(seen.yields, 100000U);
  EXPECT_GT(seen.same_size_growths, 100);
  EXPECT_GE(seen.growths_survived_max, 3);
}

TEST(GoMapRandom, RejectsTheContractBugs) {
  EXPECT_NE(first_error<go_map_bug::advances_mark_before_copy>(5, 1000), "");
  EXPECT_NE(first_error<go_map_bug::skips_check_bucket>(5, 1000), "");
  EXPECT_NE(first_error<go_map_bug::reuses_overflow_bucket_early>(20, 1000), "");
  EXPECT_NE(first_error<go_map_bug::resurrects_cleared_entries>(20, 1000), "");
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
using intruded_map = go_map<int, int, go_map_hash, intruding_equal, go_map_random, Bug>;

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
  } catch (const concurrent_misuse&) {
    detected = true;
  }
  EXPECT_GE(calls, 2);
  intrusion = nullptr;
  EXPECT_EQ(map.validate(), "");
  map.insert_or_assign(77, 0);  // usable again
  return detected;
}

const auto kFind = [](auto& map, auto&) { (void)map.find(1); };
const auto kErase = [](auto& map, auto&) { (void)map.erase(99); };
const auto kClear = [](auto& map, auto&) { map.clear(); };
const auto kNext = [](auto&, auto& it) { (void)it.next(); };

TEST(GoMapDetector, SeesOperationsInsideAWrite) {
  EXPECT_TRUE(detects<intruded_map<>>({}, kFind));
  EXPECT_TRUE(detects<intruded_map<>>({}, kErase));
  EXPECT_TRUE(detects<intruded_map<>>({}, kClear));
  EXPECT_TRUE(detects<intruded_map<>>({}, kNext));
}

TEST(GoMapDetector, CanBeTurnedOff) {
  EXPECT_FALSE(detects<intruded_map<>>({.detect_misuse = false}, kFind));
  EXPECT_FALSE(detects<intruded_map<>>({.detect_misuse = false}, kErase));
  EXPECT_FALSE(detects<intruded_map<>>({.detect_misuse = false}, kNext));
}

TEST(GoMapDetector, DoesNotMindReadersInReaders) {
  std::function<void()> intrusion;
  intruded_map<> map({}, {}, intruding_equal{&intrusion});
  insert_range(map, 0, 5);
  bool inside = false;
  intrusion = [&] {
    if (!std::exchange(inside, true)) {
      auto it = map.begin_range();
      EXPECT_TRUE(it.next());
      EXPECT_TRUE(map.contains(4));
    }
  };
  EXPECT_TRUE(map.contains(3));
}

// Failure. ------------------------------------------------------------------------------------

// The copy that hits zero throws.
struct fragile {
  fragile() = default;

  fragile(const fragile& other) : value(other.value) {}

  fragile(fragile&&) = default;
  fragile& operator=(fragile&&) = default;

  fragile& operator=(const fragile& other) {
    if (copies_left >= 0 && copies_left-- == 0) {
      throw std::runtime_error("out of copies");
    }
    value = other.value;
    return *this;
  }

  ~fragile() = default;

  int value = 0;
  static inline int copies_left = -1;
};

TEST(GoMap, AFailedWriteChangesNothing) {
  for (int copies = 0; copies < 40; ++copies) {
    scripted_map<go_map_bug::none, fragile> map(kDense);
    insert_range(map, 0, 80, 4);  // one chain of twenty
    auto it = map.begin_range();
    ASSERT_TRUE(it.next());
    fragile::copies_left = copies;
    int failures = 0;
    for (int key : {1, 2}) {
      try {
        map.insert_or_assign(key, {});
      } catch (const std::runtime_error&) {
        ++failures;
      }
      EXPECT_EQ(map.validate(), "");
    }
    fragile::copies_left = -1;
    EXPECT_EQ(failures, copies < 22 ? 1 : 0);
    EXPECT_EQ(map.size(), 22U - static_cast<unsigned>(failures));
    int rest = 0;
    while (it.next()) {
      ++rest;
    }
    EXPECT_EQ(rest, 19);
  }
}

// Seeded bugs, one by one. --------------------------------------------------------------------

// Instances of the value while an iterator is open on an array that a growth has replaced.
template <go_map_bug Bug>
int live_after_growth_under_iterator() {
  scripted_map<Bug, counted> map;
  insert_range(map, 0, 8);
  auto it = map.begin_range();
  it.next();
  map.insert_or_assign(8, {});
  return counted::live;
}

TEST(GoMapBug, FreesOldBucketsUnderIterator) {
  EXPECT_EQ(live_after_growth_under_iterator<go_map_bug::none>(), (1 + 2) * 8 + 1);
  EXPECT_EQ(live_after_growth_under_iterator<go_map_bug::frees_old_buckets_under_iterator>(),
            2 * 8 + 1);
  EXPECT_EQ(counted::live, 0);
}

// An iterator stands in the overflow bucket of chain 0 when insertions evacuate that chain.
template <go_map_bug Bug>
int live_after_evacuation_under_iterator() {
  scripted_map<Bug, counted> map(kDense);
  insert_range(map, 0, 40, 4);
  insert_range(map, 2, 42, 4);
  auto it = map.begin_range();
  for (int i = 0; i < 9; ++i) {
    it.next();
  }
  map.insert_or_assign(1, {});
  EXPECT_TRUE(map.growing());
  return counted::live;
}

TEST(GoMapBug, FreesOverflowUnderIterator) {
  EXPECT_EQ(live_after_evacuation_under_iterator<go_map_bug::none>(), (4 + 2 + 8) * 8 + 1);
  EXPECT_EQ(live_after_evacuation_under_iterator<go_map_bug::frees_overflow_under_iterator>(),
            (4 + 1 + 8) * 8 + 1);
  EXPECT_EQ(counted::live, 0);
}

#ifdef GO_MAP_TEST_ASAN
TEST(GoMapBugDeathTest, NextReadsFreedBuckets) {
  using frees_old = scripted_map<go_map_bug::frees_old_buckets_under_iterator>;
  EXPECT_DEATH(
      {
        frees_old map;
        insert_range(map, 0, 8);
        auto it = map.begin_range();
        it.next();
        map.insert_or_assign(8, 0);
        it.next();
      },
      "heap-use-after-free");
}

TEST(GoMapBugDeathTest, NextReadsFreedOverflowBuckets) {
  using frees_overflow = scripted_map<go_map_bug::frees_overflow_under_iterator>;
  for (const int taken : {1, 9}) {  // stands before it, stands in it
    EXPECT_DEATH(
        {
          frees_overflow map(kDense);
          insert_range(map, 0, 40, 4);
          insert_range(map, 2, 42, 4);
          auto it = map.begin_range();
          for (int i = 0; i < taken; ++i) {
            it.next();
          }
          map.insert_or_assign(1, 0);
          while (it.next()) {
          }
        },
        "heap-use-after-free");
  }
}
#endif

TEST(GoMapBug, AdvancesMarkBeforeCopy) {
  scripted_map<go_map_bug::advances_mark_before_copy> map(kSmall);
  insert_range(map, 0, 9);
  EXPECT_FALSE(map.contains(1));  // its chain is marked and not yet copied
  auto it = map.begin_range();
  int yields = 0;
  while (it.next()) {
    ++yields;
  }
  EXPECT_EQ(yields, 7);
  map.erase(100);
  EXPECT_TRUE(map.contains(1));
  map.erase(100);
  map.erase(100);
  EXPECT_EQ(map.validate(), "");
}

template <go_map_bug Bug>
std::string error_of_range_during_growth() {
  checked_scripted_map<Bug> m(kSmall);
  insert_range(m, 0, 9);
  m.open();
  m.finish();
  return m.error();
}

TEST(GoMapBug, SkipsCheckBucket) {
  EXPECT_EQ(error_of_range_during_growth<go_map_bug::none>(), "");
  EXPECT_EQ(error_of_range_during_growth<go_map_bug::skips_check_bucket>(),
            "an entry was yielded twice");
}

template <go_map_bug Bug>
std::string error_of_range_over_reused_overflow() {
  checked_scripted_map<Bug> m(kDense);
  insert_range(m, 0, 40, 4);
  insert_range(m, 2, 42, 4);
  m.open();
  for (int i = 0; i < 9; ++i) {
    m.next();
  }
  insert_range(m, 1, 73, 8);  // nine keys of one chain take an overflow bucket,
  insert_range(m, 3, 75, 8);  // and nine of another
  m.finish();
  return m.error();
}

TEST(GoMapBug, ReusesOverflowBucketEarly) {
  EXPECT_EQ(error_of_range_over_reused_overflow<go_map_bug::none>(), "");
  EXPECT_EQ(error_of_range_over_reused_overflow<go_map_bug::reuses_overflow_bucket_early>(),
            "an entry that was there all along was not yielded");
}

TEST(GoMapBug, NextIgnoresWritingFlag) {
  using buggy = intruded_map<go_map_bug::next_ignores_writing_flag>;
  EXPECT_FALSE(detects<buggy>({}, kNext));
  EXPECT_TRUE(detects<buggy>({}, kFind));
}

template <go_map_bug Bug>
int leaked_by_closing_early() {
  const int before = counted::live;
  {
    scripted_map<Bug, counted> map;
    insert_range(map, 0, 8);
    auto to_the_end = map.begin_range();
    while (to_the_end.next()) {
    }
    auto early = map.begin_range();
    early.next();
    early.close();
  }
  return counted::live - before;
}

TEST(GoMapBug, UnpinsOnlyAtEnd) {
  EXPECT_EQ(leaked_by_closing_early<go_map_bug::none>(), 0);
#ifdef GO_MAP_TEST_ASAN
  const __lsan::ScopedDisabler meant_to_leak;
#endif
  EXPECT_EQ(leaked_by_closing_early<go_map_bug::unpins_only_at_end>(), 8);
}

template <go_map_bug Bug>
std::string error_of_range_over_cleared_map() {
  checked_scripted_map<Bug> m(kSmall);
  insert_range(m, 0, 8);
  m.open();
  m.insert(8);  // starts to grow: chains 2 and 3 have not migrated
  m.clear();
  m.finish();
  return m.error();
}

TEST(GoMapBug, ResurrectsClearedEntries) {
  EXPECT_EQ(error_of_range_over_cleared_map<go_map_bug::none>(), "");
  EXPECT_EQ(error_of_range_over_cleared_map<go_map_bug::resurrects_cleared_entries>(),
            "a removed entry was yielded");
}

}  // namespace
}  // namespace maps
