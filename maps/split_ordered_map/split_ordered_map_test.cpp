// Goal:   split_ordered_map is a map, by itself and among threads of the operating system.
// Method: long random runs against std::map, with iterations on the way; small cases for growth,
//         equal hashes and entries held by an iterator; then threads that each own some of the keys
//         and share others, under each kind of reclamation.

#include "split_ordered_map.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
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

std::optional<int> in_reference(const std::map<int, int>& reference, int key) {
  const auto found = reference.find(key);
  return found == reference.end() ? std::nullopt : std::optional<int>(found->second);
}

template <class Map>
class SplitOrderedMap : public ::testing::Test {};

using Maps =
    ::testing::Types<split_ordered_map<int, int>, split_ordered_map<int, int, colliding_hash>,
                     epoch_map<split_ordered_map_hash>, epoch_map<colliding_hash>,
                     epoch_map<split_ordered_map_hash, epoch_reclaimer<>>,
                     epoch_map<colliding_hash, epoch_reclaimer<8, 1>>>;
TYPED_TEST_SUITE(SplitOrderedMap, Maps);

TYPED_TEST(SplitOrderedMap, AnswersAsAMapDoes) {
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
