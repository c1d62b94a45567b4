// Goal:   sharded_map answers as a map does, whatever shard a key is in; iterations stay open while
//         the map changes, and what locks all shards sees one moment.
// Method: each operation beside a std::map, with one thread; then a thread that inserts keys in
//         order, so that a copy with a gap is none of one moment, and threads that count.

#include "sharded_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace maps {
namespace {

template <class Map>
std::map<int, int> walked(const Map& map) {
  std::map<int, int> seen;
  for (auto range = map.begin_range(); range.next();) {
    EXPECT_TRUE(seen.emplace(range.key(), range.mapped()).second);
  }
  return seen;
}

template <class Map>
void expect_answers_of_a_map() {
  Map map;
  std::map<int, int> reference;
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const int key = static_cast<int>(random() % 100) - 50;
    const auto at = reference.find(key);
    const bool present = at != reference.end();
    switch (random() % 5) {
      case 0: ASSERT_EQ(map.insert(key, i), reference.emplace(key, i).second); break;
      case 1:
        ASSERT_EQ(map.insert_or_assign(key, i), reference.insert_or_assign(key, i).second);
        break;
      case 2: ASSERT_EQ(map.erase(key), reference.erase(key) == 1); break;
      case 3: ASSERT_EQ(map.find(key), present ? std::optional(at->second) : std::nullopt); break;
      default: ASSERT_EQ(map.contains(key), present);
    }
    ASSERT_EQ(map.size(), reference.size());
    ASSERT_EQ(map.exact_size(), reference.size());
  }
  EXPECT_EQ(map.validate(), "");
  EXPECT_EQ(walked(map), reference);
  const auto copy = map.to_vector();
  EXPECT_EQ((std::map<int, int>(copy.begin(), copy.end())), reference);
  map.clear();
  EXPECT_EQ(map.exact_size(), 0U);
  EXPECT_TRUE(walked(map).empty());
}

TEST(ShardedMap, AnswersAsAMapDoes) { expect_answers_of_a_map<sharded_map<int, int>>(); }

TEST(ShardedMap, AnswersAsAMapDoesInTwoShards) {
  expect_answers_of_a_map<sharded_map<int, int, 2>>();
}

TEST(ShardedMapIterator, StaysOpenWhileTheMapChanges) {
  sharded_map<int, int, 4> map;
  for (int key = 0; key < 100; ++key) {
    map.insert(key, key);
  }
  std::set<int> seen;
  for (auto range = map.begin_range(); range.next();) {
    EXPECT_TRUE(seen.insert(range.key()).second);
    EXPECT_EQ(range.mapped(), range.key());
    map.erase(range.key() | 1);  // the odd ones go
    map.insert(range.key() + 1000, range.key() + 1000);
    map.insert_or_assign(range.key(), range.key());
  }
  for (int key = 0; key < 100; key += 2) {
    EXPECT_TRUE(seen.contains(key)) << key;
  }
  EXPECT_EQ(map.validate(), "");
}

TEST(ShardedMap, CopiesOneMoment) {
  sharded_map<int, int, 4> map;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done) {
      for (int key = 0; key < 30; ++key) {
        map.insert(key, key);
      }
      map.clear();
    }
  });
  for (int filled = 0; filled < 1'000;) {
    int highest = -1;
    const auto copy = map.to_vector();
    for (const auto& [key, value] : copy) {
      highest = std::max(highest, key);
    }
    EXPECT_EQ(highest + 1, static_cast<int>(copy.size()));
    filled += copy.empty() ? 0 : 1;
    std::this_thread::yield();
  }
  done = true;
  writer.join();
}

TEST(ShardedMap, CountsEachInsertionOnce) {
  sharded_map<int, int> map;
  std::atomic<int> inserted = 0;
  const auto work = [&] {
    for (int i = 0; i < 50'000; ++i) {
      inserted += map.insert(i % 8, i) ? 1 : 0;
      inserted -= map.erase(i % 7) ? 1 : 0;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back(work);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(static_cast<int>(map.exact_size()), inserted);
  EXPECT_EQ(map.validate(), "");
}

}  // namespace
}  // namespace maps
