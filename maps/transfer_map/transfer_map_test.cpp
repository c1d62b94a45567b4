// Goal:   transfer_map is a map, by itself and among threads of the operating system.
// Method: long random runs against std::map, with iterations on the way; small cases for growth,
//         iterations across it, and compute_if_absent; then threads that each own some of the keys
//         and share others while the map grows.

#include "transfer_map.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
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

std::optional<int> in_reference(const std::map<int, int>& reference, int key) {
  const auto found = reference.find(key);
  return found == reference.end() ? std::nullopt : std::optional<int>(found->second);
}

template <class Map>
class TransferMap : public ::testing::Test {};

using Maps =
    ::testing::Types<transfer_map<int, int>, transfer_map<int, int, colliding_hash>,
                     transfer_map<int, int, transfer_map_hash, std::equal_to<int>, epochs<8, 1>>>;
TYPED_TEST_SUITE(TransferMap, Maps);

TYPED_TEST(TransferMap, AnswersAsAMapDoes) {
  TypeParam map;
  std::map<int, int> reference;
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const int key = static_cast<int>(random() % 64);
    const std::optional<int> before = in_reference(reference, key);
    switch (random() % 9) {
      case 0: ASSERT_EQ(map.insert(key, i), reference.emplace(key, i).second); break;
      case 1:
        ASSERT_EQ(map.insert_or_assign(key, i), reference.insert_or_assign(key, i).second);
        break;
      case 2:
        ASSERT_EQ(map.exchange(key, i), before);
        reference[key] = i;
        break;
      case 3:
        ASSERT_EQ(map.find_or_insert(key, i), std::pair(before.value_or(i), before.has_value()));
        reference.emplace(key, i);
        break;
      case 4: ASSERT_EQ(map.erase(key), reference.erase(key) == 1); break;
      case 5:
        ASSERT_EQ(map.take(key), before);
        reference.erase(key);
        break;
      case 6:
        ASSERT_FALSE(map.compare_exchange(key, -1, i));
        ASSERT_EQ(map.compare_exchange(key, before.value_or(0), -i), before.has_value());
        if (before) {
          reference[key] = -i;
        }
        break;
      case 7:
        ASSERT_FALSE(map.compare_erase(key, i));
        ASSERT_EQ(map.compare_erase(key, before.value_or(0)), before.has_value());
        reference.erase(key);
        break;
      default:
        ASSERT_EQ(map.find(key), before);
        ASSERT_EQ(map.contains(key), before.has_value());
        break;
    }
    ASSERT_EQ(map.size(), reference.size());
    if (i % 500 == 0) {
      ASSERT_EQ(contents(map), reference);
      ASSERT_EQ(map.validate(), "");
    }
  }
}

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
