// Goal:   hash_trie_map answers as a map does, whatever the hashes have in common.
// Method: ../map_test.cpp for what all maps answer; scripted cases for chains, deep branches,
//         failed writes and iterations; a few races on real threads whose outcome does not depend
//         on time.

#include "hash_trie_map.hpp"

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

using Map = hash_trie_map<int, int>;

template <class M>
std::map<int, int> content(M& map) {
  std::map<int, int> found;
  map.for_each([&](int key, int value) {
    EXPECT_TRUE(found.emplace(key, value).second) << key << " is yielded twice";
    return true;
  });
  return found;
}

TEST(HashTrieMap, TakesKeysAndValuesThatOwnMemory) {
  hash_trie_map<std::string, std::string> map;
  EXPECT_TRUE(map.insert_or_assign("key of some length, beyond the small ones", "a value like it"));
  EXPECT_EQ(map.exchange("key of some length, beyond the small ones", "b"), "a value like it");
  EXPECT_EQ(map.take("key of some length, beyond the small ones"), "b");
}

// Structure. ----------------------------------------------------------------------------------

/// All entries in the trie's deepest nodes, four to a chain: hashes differ in the last bits alone.
struct DeepHash {
  std::uint64_t operator()(int key) const { return static_cast<std::uint64_t>(key) % 4; }
};

TEST(HashTrieMap, KeepsHashesApartThatDifferInTheirLastBits) {
  hash_trie_map<int, int, DeepHash> map;
  for (int key = 0; key < 16; ++key) {
    EXPECT_TRUE(map.insert(key, key));
    EXPECT_EQ(map.validate(), "");
  }
  for (int key = 0; key < 16; ++key) {
    EXPECT_EQ(map.find(key), key);
  }
  EXPECT_EQ(content(map).size(), 16U);
  for (int key : {0, 4, 12, 8}) {  // the ends and the middle of a chain
    EXPECT_EQ(map.take(key), key);
    EXPECT_EQ(map.validate(), "");
  }
  EXPECT_EQ(content(map).size(), 12U);
}

TEST(HashTrieMap, ReplacesInTheMiddleOfAChain) {
  hash_trie_map<int, int, DeepHash> map;
  for (int key : {0, 4, 8}) {
    map.insert(key, key);
  }
  EXPECT_EQ(map.exchange(4, 40), 4);
  EXPECT_TRUE(map.compare_exchange(0, 0, 1));
  EXPECT_FALSE(map.compare_exchange(8, 0, 1));
  EXPECT_EQ(content(map), (std::map<int, int>{{0, 1}, {4, 40}, {8, 8}}));
}

TEST(HashTrieMap, GrowsAndShrinksBranchesThatShareMostOfTheirHashes) {
  hash_trie_map<int, int, DeepHash> map;
  for (int round = 0; round < 3; ++round) {
    map.insert(0, 0);
    map.insert(1, 1);  // fifteen inner nodes
    map.erase(0);
    EXPECT_EQ(map.validate(), "");
    map.erase(1);  // and none
    EXPECT_EQ(map.validate(), "");
  }
}

TEST(HashTrieMap, ClearLeavesNothing) {
  Map map;
  for (int key = 0; key < 1000; ++key) {
    map.insert(key, key);
  }
  map.clear();
  EXPECT_FALSE(map.contains(1));
  EXPECT_TRUE(content(map).empty());
  EXPECT_TRUE(map.insert(1, 3));
  EXPECT_EQ(content(map), (std::map<int, int>{{1, 3}}));
}

/// A value whose copies fail when told to.
struct FragileValue {
  static inline bool fails = false;

  explicit FragileValue(int number) : value(number) {}
  FragileValue(const FragileValue& other) : value(other.value) {
    if (fails) {
      throw std::runtime_error("no more copies");
    }
  }
  FragileValue& operator=(const FragileValue&) = delete;

  int value;
};

TEST(HashTrieMap, AFailedWriteLeavesTheMapAsItWas) {
  hash_trie_map<int, FragileValue, DeepHash> map;
  map.insert(0, FragileValue(7));
  FragileValue::fails = true;
  EXPECT_THROW(map.insert(1, FragileValue(1)), std::runtime_error);
  EXPECT_THROW(map.insert_or_assign(0, FragileValue(1)), std::runtime_error);
  FragileValue::fails = false;
  EXPECT_FALSE(map.contains(1));
  EXPECT_EQ(map.find(0)->value, 7);
  EXPECT_EQ(map.validate(), "");
}

// Iterations. ---------------------------------------------------------------------------------

TEST(HashTrieMap, AnIterationSurvivesWhatItsBodyDoes) {
  Map map;
  for (int key = 0; key < 8; ++key) {
    map.insert(key, key);
  }
  std::set<int> seen;
  EXPECT_TRUE(map.for_each([&](int key, int) {
    EXPECT_TRUE(seen.insert(key).second);
    EXPECT_TRUE(map.erase(key));
    EXPECT_TRUE(map.insert(key, -1));
    return true;
  }));
  EXPECT_EQ(seen, (std::set<int>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(content(map).size(), 8U);
}

TEST(HashTrieMap, AnIterationOutlivesItsTree) {
  Map map;
  map.insert(1, 1);
  map.insert(2, 2);
  auto it = map.begin_range();
  map.clear();
  EXPECT_TRUE(it.next());
  EXPECT_TRUE(it.next());
  EXPECT_FALSE(it.next());
}

TEST(HashTrieMap, AnIterationYieldsValuesAsTheyAre) {
  Map map;
  map.insert(1, 1);
  map.insert(2, 2);
  auto it = map.begin_range();
  ASSERT_TRUE(it.next());
  const int other = it.key() == 1 ? 2 : 1;
  map.insert_or_assign(other, 20);
  ASSERT_TRUE(it.next());
  EXPECT_EQ(it.key(), other);
  EXPECT_EQ(it.mapped(), 20);
  EXPECT_FALSE(it.next());
}

TEST(HashTrieMap, AnIterationStopsWhenAsked) {
  Map map;
  map.insert(1, 1);
  map.insert(2, 2);
  int calls = 0;
  EXPECT_FALSE(map.for_each([&](int, int) { return ++calls < 1; }));
  EXPECT_EQ(calls, 1);
}

// Threads. ------------------------------------------------------------------------------------

TEST(HashTrieMap, NoIncrementIsLost) {
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

TEST(HashTrieMap, EachInsertionIsTakenOnce) {
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
