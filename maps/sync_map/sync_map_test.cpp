// Goal:   sync_map answers as a map does, and its parts change as Go's sync.Map's do.
// Method: ../map_test.cpp for what all maps answer; scripted cases for promotion, expunged entries,
//         failed copies and iterations; a few races on real threads whose outcome does not depend
//         on time.

#include "sync_map.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace maps {
namespace {

using Map = sync_map<int, int>;

template <class M>
std::map<int, int> content(M& map) {
  std::map<int, int> found;
  map.for_each([&](int key, int value) {
    EXPECT_TRUE(found.emplace(key, value).second) << key << " is yielded twice";
    return true;
  });
  return found;
}

// All keys in the read part, and no dirty part.
void promote(Map& map) {
  map.for_each([](int, int) { return false; });
}

TEST(SyncMap, TakesKeysAndValuesThatOwnMemory) {
  sync_map<std::string, std::string> map;
  EXPECT_TRUE(map.insert_or_assign("key of some length, beyond the small ones", "a value like it"));
  EXPECT_EQ(map.exchange("key of some length, beyond the small ones", "b"), "a value like it");
  EXPECT_EQ(map.take("key of some length, beyond the small ones"), "b");
}

// Parts. --------------------------------------------------------------------------------------

TEST(SyncMap, CopiesTheReadPartOncePerPromotion) {
  Map map;
  for (int key = 0; key < 10; ++key) {
    map.insert(key, key);
  }
  EXPECT_EQ(map.dirty_rebuilds(), 1U);
  promote(map);
  for (int key = 0; key < 10; ++key) {
    map.insert_or_assign(key, -key);
    map.erase(key);
    map.insert(key, key);
  }
  EXPECT_EQ(map.dirty_rebuilds(), 1U);
  map.insert(10, 0);
  map.insert(11, 0);
  EXPECT_EQ(map.dirty_rebuilds(), 2U);
}

TEST(SyncMap, PromotesAfterAsManyMissesAsTheDirtyPartHasKeys) {
  Map map;
  for (int key = 0; key < 3; ++key) {
    map.insert(key, key);
  }
  map.find(0);
  map.find(100);
  map.insert(3, 3);
  EXPECT_EQ(map.dirty_rebuilds(), 1U);  // two misses, three keys
  map.find(0);
  map.find(0);  // now there are four of each
  map.insert(4, 4);
  EXPECT_EQ(map.dirty_rebuilds(), 2U);
  EXPECT_EQ(content(map).size(), 5U);
}

TEST(SyncMap, WhatTheFilterKnowsToBeAbsentIsNoMiss) {
  Map map;
  for (int key = 0; key < 8; ++key) {
    map.insert(key, key);
  }
  promote(map);
  map.insert(8, 8);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(map.contains(1000));
  }
  map.insert(9, 9);
  EXPECT_EQ(map.dirty_rebuilds(), 2U);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(map.find(8), 8);
  }
  map.insert(10, 10);
  EXPECT_EQ(map.dirty_rebuilds(), 3U);
}

TEST(SyncMap, TheFilterOverlooksNoKeyAndTakesFewOthersForOne) {
  constexpr int kKeys = 1000;
  sync_map_parts::key_filter filter(kKeys);
  const auto spread = [](int key) {
    return sync_map_parts::hashed_key(key, std::hash<int>{}).spread;
  };
  for (int key = 0; key < kKeys; ++key) {
    filter.add(spread(key));
  }
  int taken_for_one = 0;
  for (int key = 0; key < 2 * kKeys; ++key) {
    const bool may_be = filter.may_have(spread(key));
    EXPECT_TRUE(may_be || key >= kKeys) << key;
    taken_for_one += may_be && key >= kKeys ? 1 : 0;
  }
  EXPECT_LE(taken_for_one, kKeys / 6);
}

TEST(SyncMap, AnErasedKeyThatComesBackSurvivesThePromotion) {
  Map map;
  map.insert(1, 1);
  promote(map);
  map.erase(1);
  map.insert(2, 2);  // expunges 1
  EXPECT_TRUE(map.insert_or_assign(1, 10));
  EXPECT_EQ(map.validate(), "");
  promote(map);
  EXPECT_EQ(content(map), (std::map<int, int>{{1, 10}, {2, 2}}));
}

TEST(SyncMap, AnErasedKeyThatStaysAwayGoesWithThePromotion) {
  Map map;
  map.insert(1, 1);
  promote(map);
  map.erase(1);
  map.insert(2, 2);
  promote(map);
  EXPECT_FALSE(map.contains(1));
  EXPECT_TRUE(map.insert(1, 3));
  EXPECT_EQ(map.validate(), "");
  EXPECT_EQ(content(map), (std::map<int, int>{{1, 3}, {2, 2}}));
}

TEST(SyncMap, ClearLeavesNeitherPart) {
  Map map;
  map.insert(1, 1);
  promote(map);
  map.insert(2, 2);
  map.clear();
  EXPECT_FALSE(map.contains(1));
  EXPECT_FALSE(map.contains(2));
  EXPECT_EQ(map.validate(), "");
  EXPECT_TRUE(map.insert(2, 3));
  EXPECT_EQ(content(map), (std::map<int, int>{{2, 3}}));
}

/// A key whose copies fail from a certain one on.
struct FragileKey {
  static inline int copies_left = 1000;

  explicit FragileKey(int number) : value(number) {}
  FragileKey(const FragileKey& other) : value(other.value) {
    if (--copies_left < 0) {
      throw std::runtime_error("no more copies");
    }
  }
  FragileKey& operator=(const FragileKey&) = delete;
  bool operator==(const FragileKey&) const = default;

  int value;
};

struct FragileHash {
  std::size_t operator()(const FragileKey& key) const {
    return static_cast<std::size_t>(key.value);
  }
};

TEST(SyncMap, AFailedCopyOfTheReadPartLeavesTheMapAsItWas) {
  for (int copies = 0; copies < 8; ++copies) {
    FragileKey::copies_left = 1000;
    sync_map<FragileKey, int, FragileHash> map;
    for (int key = 0; key < 6; ++key) {
      map.insert(FragileKey(key), key);
    }
    map.for_each([](const FragileKey&, int) { return true; });
    map.erase(FragileKey(1));
    map.erase(FragileKey(4));
    FragileKey::copies_left = copies;
    const bool failed = copies < 7;  // the places of six keys to copy, and the new one
    if (failed) {
      EXPECT_THROW(map.insert(FragileKey(9), 9), std::runtime_error);
    } else {
      EXPECT_TRUE(map.insert(FragileKey(9), 9));
    }
    FragileKey::copies_left = 1000;
    EXPECT_EQ(map.validate(), "");
    EXPECT_EQ(map.contains(FragileKey(9)), !failed);
    EXPECT_TRUE(map.insert(FragileKey(4), 40));
    EXPECT_EQ(map.find(FragileKey(4)), 40);
    EXPECT_EQ(map.find(FragileKey(5)), 5);
    EXPECT_EQ(map.validate(), "");
  }
}

TEST(SyncMap, TellsItsStructure) {
  Map map;
  EXPECT_EQ(map.to_text(),
            "misses: 0\n"
            "read part:\n"
            "no dirty part");
  map.insert(1, 10);
  map.insert(2, 20);
  map.insert(3, 30);
  promote(map);
  map.erase(1);
  map.insert(4, 40);
  map.erase(3);
  map.find(4);
  EXPECT_EQ(map.to_text(),
            "misses: 1\n"
            "read part, amended: 2:20 1:expunged 3:deleted\n"
            "dirty part: 2:20 (shared) 3:deleted (shared) 4:40");
}

// Iterations. ---------------------------------------------------------------------------------

TEST(SyncMap, AnIterationSurvivesWhatItsBodyDoes) {
  Map map;
  for (int key = 0; key < 8; ++key) {
    map.insert(key, key);
  }
  std::set<int> seen;
  EXPECT_TRUE(map.for_each([&](int key, int) {
    seen.insert(key);
    map.erase(key);
    map.insert(key + 100, key);
    promote(map);
    return true;
  }));
  EXPECT_EQ(seen, (std::set<int>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(content(map).size(), 8U);
}

TEST(SyncMap, AnIterationYieldsValuesAsTheyAre) {
  Map map;
  map.insert(1, 1);
  map.insert(2, 2);
  auto it = map.begin_range();
  ASSERT_TRUE(it.next());
  const int other = it.key() == 1 ? 2 : 1;
  map.insert_or_assign(other, 20);
  map.insert(3, 3);
  ASSERT_TRUE(it.next());
  EXPECT_EQ(it.key(), other);
  EXPECT_EQ(it.mapped(), 20);
  EXPECT_FALSE(it.next());
}

TEST(SyncMap, AnIterationStopsWhenAsked) {
  Map map;
  map.insert(1, 1);
  map.insert(2, 2);
  int calls = 0;
  EXPECT_FALSE(map.for_each([&](int, int) { return ++calls < 1; }));
  EXPECT_EQ(calls, 1);
}

// Threads. ------------------------------------------------------------------------------------

TEST(SyncMap, NoIncrementIsLost) {
  Map map;
  constexpr int kThreads = 2;
  constexpr int kRounds = 10000;
  const auto work = [&] {
    for (int i = 0; i < kRounds; ++i) {
      const int key = i % 8;
      for (int old = map.find_or_insert(key, 0).first; !map.compare_exchange(key, old, old + 1);) {
        old = map.find_or_insert(key, 0).first;
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back(work);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  int sum = 0;
  for (const auto& [key, value] : content(map)) {
    sum += value;
  }
  EXPECT_EQ(sum, kThreads * kRounds);
}

TEST(SyncMap, WhatIsKnownToBeThereIsFound) {
  Map map;
  constexpr int kKeys = 4000;
  std::atomic<int> inserted = 0;
  std::thread writer([&] {
    for (int key = 0; key < kKeys; ++key) {
      map.insert(key, key);
      inserted.store(key + 1);
    }
  });
  int overlooked = 0;
  for (int known = 0; known < kKeys;) {
    known = inserted.load();
    for (int key = known - 1; key >= 0 && key >= known - 8; --key) {
      overlooked += map.contains(key) ? 0 : 1;
    }
    if (known % 5 == 0) {
      promote(map);
    }
  }
  writer.join();
  EXPECT_EQ(overlooked, 0);
}

TEST(SyncMap, EachInsertionIsTakenOnce) {
  Map map;
  constexpr int kRounds = 10000;
  std::atomic<int> balance = 0;
  const auto work = [&](int seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    for (int i = 0; i < kRounds; ++i) {
      const int key = static_cast<int>(random() % 16);
      switch (random() % 4) {
        case 0: balance += map.insert(key, i) ? 1 : 0; break;
        case 1: balance -= map.take(key).has_value() ? 1 : 0; break;
        case 2: balance -= map.erase(key) ? 1 : 0; break;
        default: map.find(key + 1);
      }
      if (i % 100 == 0) {
        promote(map);
      }
    }
  };
  std::thread other(work, 1);
  work(2);
  other.join();
  EXPECT_EQ(map.validate(), "");
  EXPECT_EQ(static_cast<int>(content(map).size()), balance.load());
}

}  // namespace
}  // namespace maps
