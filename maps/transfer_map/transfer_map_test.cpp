// Goal:   transfer_map is a map, by itself and among threads of the operating system.
// Method: ../map_test.cpp for what all maps answer; small cases for growth, iterations across it,
//         and compute_if_absent; then threads that each own some of the keys and share others while
//         the map grows.

#include "transfer_map.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace maps {
namespace {

/// Three hash values for all keys.
struct colliding_hash {
  std::uint64_t operator()(int key) const { return static_cast<std::uint64_t>(key) % 3; }
};

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
class TransferMap : public ::testing::Test {};

using Maps =
    ::testing::Types<transfer_map<int, int>, transfer_map<int, int, colliding_hash>,
                     transfer_map<int, int, transfer_map_hash, std::equal_to<int>, epochs<8, 1>>>;
TYPED_TEST_SUITE(TransferMap, Maps);

/// Keys are their own hashes.
struct key_itself {
  std::uint64_t operator()(int key) const { return static_cast<std::uint64_t>(key); }
};

using plain_map = transfer_map<int, int, key_itself>;

constexpr transfer_map_options kSmall{.initial_bins = 1, .stride = 1};

TEST(TransferMapGrowth, DoublesAtThreeQuarters) {
  transfer_map<int, int, colliding_hash> map({.initial_bins = 4, .stride = 16});
  for (int key = 0; key < 24; key += 3) {  // one chain: each insertion but the first one may grow
    map.insert(key, key);
    EXPECT_EQ(map.bin_count(), map.size() <= 3 ? 4U : map.size() <= 6 ? 8U : 16U) << key;
    EXPECT_FALSE(map.transferring());
  }
  EXPECT_EQ(map.validate(), "");
}

TEST(TransferMapIteration, CrossesGrowths) {
  plain_map map({.initial_bins = 2, .stride = 1});
  map.insert(0, 0);
  map.insert(1, 1);
  std::set<int> seen;
  auto it = map.begin_range();
  ASSERT_TRUE(it.next());
  seen.insert(it.key());
  for (int key = 2; key < 40; ++key) {
    map.insert(key, key);
  }
  EXPECT_GE(map.bin_count(), 32U);
  while (it.next()) {
    EXPECT_TRUE(seen.insert(it.key()).second) << it.key();
  }
  EXPECT_EQ(seen.count(0), 1U);
  EXPECT_EQ(seen.count(1), 1U);
  EXPECT_EQ(seen.count(39), 1U);  // in what bin 1 was split into, twice and more
}

TEST(TransferMapIteration, GoesOnFromAnErasedEntry) {
  transfer_map<int, int, colliding_hash> map;
  for (int key = 0; key < 30; ++key) {
    map.insert(key, key);
  }
  std::set<int> seen;
  auto it = map.begin_range();
  while (it.next()) {
    EXPECT_TRUE(seen.insert(it.key()).second);
    map.erase(it.key());
    EXPECT_EQ(it.mapped(), it.key());
  }
  EXPECT_EQ(seen.size(), 30U);
  EXPECT_TRUE(map.empty());
}

TEST(TransferMapCompute, CallsOnceAndKeepsNothingOfWhatThrows) {
  plain_map map(kSmall);
  int calls = 0;
  EXPECT_THROW(map.compute_if_absent(1, []() -> int { throw std::runtime_error(""); }),
               std::runtime_error);
  EXPECT_FALSE(map.contains(1));
  const auto make = [&calls] { return ++calls; };
  EXPECT_EQ(map.compute_if_absent(1, make), std::pair(1, false));
  EXPECT_EQ(map.compute_if_absent(1, make), std::pair(1, true));
  EXPECT_EQ(calls, 1);
}

TYPED_TEST(TransferMap, IsSharedByThreads) {
  constexpr int kThreads = 4;
  constexpr int kKeys = 50;
  constexpr int kRounds = 2000;
  TypeParam map(kSmall);
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

TYPED_TEST(TransferMap, AnIterationAmongWritersYieldsWhatStays) {
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
