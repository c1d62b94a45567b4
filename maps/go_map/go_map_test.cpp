// Goal:   go_map keeps Go's structure and Go's range contract.
// Method: every operation also goes to a slow reference that knows the incarnations of each key and
//         judges what open iterators yield. Small scripted cases pin down growth, migration, NaN,
//         clear, the detector and failure; long random runs with several iterators do the rest.

#include "go_map.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "go_map_test_tools.hpp"

namespace maps::go_map_testing {
namespace {

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
      return seeded_hash{}(key, seed);
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

// As identity_hash; and the bytes of the hashes say which keys they are.
struct telling_hash {
  std::uint64_t operator()(int key, std::uint32_t) const {
    return static_cast<std::uint64_t>(key) << 56 | static_cast<std::uint64_t>(key);
  }
};

using telling_map = go_map<int, int, telling_hash, std::equal_to<int>, zero_random>;

TEST(GoMap, TellsItsStructure) {
  telling_map map(kSmall);
  EXPECT_EQ(map.to_text(), "entries: 0, overflow buckets: 0");
  for (int key = 10; key < 19; ++key) {
    map.insert_or_assign(key, 10 * key);
  }
  map.erase(16);
  EXPECT_EQ(map.to_text(),
            "entries: 8, overflow buckets: 0\n"
            "chain 0: . . . . . . . .\n"
            "chain 1: 17:170#11 . . . . . . .\n"
            "chain 2: 10:100#0a 18:180#12 . . . . . .\n"
            "chain 3: . . . . . . . .\n"
            "chain 4: 12:120#0c . . . . . . .\n"
            "chain 5: 13:130#0d . . . . . . .\n"
            "chain 6: 14:140#0e . . . . . . .\n"
            "chain 7: . . . . . . . .\n"
            "growing; all old chains below 3 are evacuated\n"
            "old chain 0: y(12:120) x(16:160) e e e e e e\n"
            "old chain 1: y(13:130) x(17:170) e e e e e e\n"
            "old chain 2: x(10:100) y(14:140) e e e e e e\n"
            "old chain 3: 11:110#0b 15:150#0f . . . . . .");
}

TEST(GoMap, TellsItsOverflowBuckets) {
  telling_map map({.initial_log2 = 1, .load_numerator = 8, .load_denominator = 1});
  insert_range(map, 0, 20, 2);
  map.erase(2);
  EXPECT_EQ(map.to_text(),
            "entries: 9, overflow buckets: 1\n"
            "chain 0: 0:0#05 - 4:0#09 6:0#06 8:0#08 10:0#0a 12:0#0c 14:0#0e | 16:0#10 18:0#12 . . "
            ". . . .\n"
            "chain 1: . . . . . . . .");
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

// Go compiles this loop to clear(); here it is a loop.
TEST(GoMapIterator, LetsItsLoopEraseWhatItYields) {
  for (const int keys : {8, 9, 30, 200}) {
    go_map<int, int> map(kSmall);
    insert_range(map, 0, keys);
    auto it = map.begin_range();
    int yields = 0;
    while (it.next()) {
      EXPECT_TRUE(map.erase(it.key()));
      ++yields;
    }
    EXPECT_EQ(yields, keys);
    EXPECT_TRUE(map.empty());
    EXPECT_EQ(map.validate(), "");
  }
}

// Each iteration ends, however much it inserts, and yields all that was there before.
TEST(GoMapIterator, LetsItsLoopInsert) {
  for (const int keys : {1, 8, 9, 30}) {
    checked_map<go_map<double, int>, double> m(kSmall);
    insert_range(m, 0, keys);
    m.open();
    int fresh = keys;
    for (; m.next(); ++fresh) {
      m.insert(fresh);
      m.insert(kNan);
      m.insert(0);
    }
    EXPECT_GE(fresh, 2 * keys);
    m.check();
    EXPECT_EQ(m.error(), "");
  }
}

TEST(GoMap, TakesPointersForKeys) {
  std::vector<int> objects(100);
  go_map<const int*, int> map;
  map.insert_or_assign(nullptr, -1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(map.insert_or_assign(&objects[static_cast<std::size_t>(i)], i));
  }
  EXPECT_EQ(map.find(nullptr), -1);
  EXPECT_EQ(map.find(&objects[42]), 42);
  EXPECT_EQ(map.size(), 101U);
  EXPECT_TRUE(map.erase(&objects[42]));
  EXPECT_FALSE(map.contains(&objects[42]));
  EXPECT_EQ(map.validate(), "");
}

// A NaN gets a new tophash whenever it migrates. With the old one, those of one bucket would end in
// the first and the last: together, as buckets are visited in a circle.
TEST(GoMap, SpreadsNanOverLaterGrowths) {
  go_map<double, int> map;
  for (int i = 0; i < 8; ++i) {
    map.insert_or_assign(kNan, i);
  }
  insert_range(map, 0, 1000);
  ASSERT_GE(map.bucket_count_log2(), 7U);
  int numbers_between = 0;
  int places = 0;
  auto it = map.begin_range();
  while (it.next()) {
    if (it.key() == it.key()) {
      ++numbers_between;
    } else if (std::exchange(numbers_between, 0) > 30) {
      ++places;
    }
  }
  EXPECT_GT(places, 3);
}

// Random runs. --------------------------------------------------------------------------------

TEST(GoMapRandom, KeepsTheContract) {
  coverage seen;
  EXPECT_EQ(first_error<go_map_bug::none>(40, 2000, &seen), "");
  EXPECT_GE(seen.operations, 600000U);
  EXPECT_GT(seen.yields, 100000U);
  EXPECT_GT(seen.same_size_growths, 100);
  EXPECT_GE(seen.growths_survived_max, 3);
}

// The detector. -------------------------------------------------------------------------------

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

}  // namespace
}  // namespace maps::go_map_testing
