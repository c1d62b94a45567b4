// Goal:   split_ordered_map is a map, by itself and among threads of the operating system.
// Method: ../map_test.cpp for what all maps answer; small cases for growth, equal hashes and
//         entries held by an iterator; then threads that each own some of the keys and share
//         others, under each kind of reclamation.

#include "split_ordered_map.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <set>
#include <thread>
#include <vector>
#include <xenium/reclamation/generic_epoch_based.hpp>

#include "../reclamation/epoch_reclaimer.hpp"

namespace maps {
namespace {

/// Three hash values for all keys.
struct colliding_hash {
  std::uint64_t operator()(int key) const { return static_cast<std::uint64_t>(key) % 3; }
};

template <class Hash, class Reclaimer = xenium::reclamation::epoch_based<>>
using epoch_map = split_ordered_map<int, int, Hash, std::less<int>, Reclaimer>;

template <class Map>
std::map<int, int> contents(Map& map) {
  std::map<int, int> seen;
  auto it = map.begin_range();
  while (it.next()) {
    EXPECT_TRUE(seen.emplace(it.key(), it.mapped()).second) << it.key();
  }
  EXPECT_FALSE(it.next());
  return seen;
}

template <class Map>
class SplitOrderedMap : public ::testing::Test {};

using Maps =
    ::testing::Types<split_ordered_map<int, int>, split_ordered_map<int, int, colliding_hash>,
                     epoch_map<split_ordered_map_hash>, epoch_map<colliding_hash>,
                     epoch_map<split_ordered_map_hash, epoch_reclaimer<>>,
                     epoch_map<colliding_hash, epoch_reclaimer<8, 1>>>;
TYPED_TEST_SUITE(SplitOrderedMap, Maps);

TYPED_TEST(SplitOrderedMap, GrowsWithItsEntriesAndStaysGrown) {
  TypeParam map({.entries_per_bucket = 2});
  for (int key = 0; key < 100; ++key) {
    map.insert(key, key);
    EXPECT_GE(map.bucket_count() * 2, map.size());
  }
  EXPECT_EQ(map.bucket_count(), 64U);
  for (int key = 0; key < 100; ++key) {
    map.erase(key);
  }
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.bucket_count(), 64U);
}

struct identity_hash {
  std::uint64_t operator()(int key) const { return static_cast<std::uint64_t>(key); }
};

TEST(SplitOrderedMapText, TellsTheStructure) {
  epoch_map<identity_hash> map;
  EXPECT_EQ(map.to_text(),
            "size 0, buckets 1\n"
            "bucket 0:");
  for (int key = 0; key < 6; ++key) {
    map.insert(key, 10 * key);
  }
  EXPECT_EQ(map.to_text(),
            "size 6, buckets 8\n"
            "bucket 0: 0:0 4:40 2:20\n"
            "bucket 1: 1:10\n"
            "bucket 5: 5:50\n"
            "bucket 3: 3:30");
}

TYPED_TEST(SplitOrderedMap, AnIterationGoesOnFromAnErasedEntry) {
  TypeParam map;
  for (int key = 0; key < 30; ++key) {
    map.insert(key, key);
  }
  std::set<int> seen;
  auto it = map.begin_range();
  while (it.next()) {
    EXPECT_TRUE(seen.insert(it.key()).second);
    if (it.key() % 2 == 0) {
      map.erase(it.key());
    } else {
      map.insert_or_assign(it.key(), -1);
    }
    map.insert(it.key() + 1000, 0);
    EXPECT_EQ(it.mapped(), it.key() % 1000 == it.key() ? it.key() : 0);
  }
  for (int key = 0; key < 30; ++key) {
    EXPECT_EQ(seen.count(key), 1U) << key;
  }
  EXPECT_EQ(map.validate(), "");
}

TYPED_TEST(SplitOrderedMap, IsSharedByThreads) {
  constexpr int kThreads = 4;
  constexpr int kKeys = 50;
  constexpr int kRounds = 2000;
  TypeParam map;
  for (int key = 0; key < kKeys; ++key) {
    map.insert(-1 - key, 0);
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&map, t] {
      for (int round = 0; round < kRounds; ++round) {
        const int own = t * kKeys + round % kKeys;
        EXPECT_TRUE(map.insert(own, round));
        EXPECT_EQ(map.exchange(own, -round), round);
        const int shared = -1 - round % kKeys;  // always there: one adds, all replace
        int value = *map.find(shared);
        while (!map.compare_exchange(shared, value, value + 1)) {
          value = *map.find(shared);
        }
        EXPECT_EQ(map.take(own), -round);
      }
    });
  }
  for (std::thread& t : threads) {
    t.join();
  }
  EXPECT_EQ(map.validate(), "");
  const std::map<int, int> left = contents(map);
  EXPECT_EQ(left.size(), static_cast<std::size_t>(kKeys));
  int sum = 0;
  for (const auto& [key, value] : left) {
    sum += value;
  }
  EXPECT_EQ(sum, kThreads * kRounds);
}

TYPED_TEST(SplitOrderedMap, AnIterationAmongWritersYieldsWhatStays) {
  TypeParam map;
  for (int key = 0; key < 100; ++key) {
    map.insert(key, key);
  }
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; !done; ++i) {
      const int odd = i % 50 * 2 + 1;
      map.erase(odd);
      map.insert_or_assign(odd - 1, odd - 1);
      map.insert(odd, odd);
    }
  });
  for (int round = 0; round < 200; ++round) {
    const std::map<int, int> seen = contents(map);
    for (int key = 0; key < 100; key += 2) {
      EXPECT_EQ(seen.count(key), 1U) << key;
    }
  }
  done = true;
  writer.join();
  EXPECT_EQ(map.validate(), "");
}

}  // namespace
}  // namespace maps
