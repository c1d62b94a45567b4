// Goal:   deferred_map is a map; its iterators go on through all changes; sweeps free what is
//         marked, in slices, and nothing else.
// Method: small scripted cases; threads that iterate, erase and sweep beside each other.

#include "deferred_map.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

namespace maps {
namespace {

template <deferred_map_bug Bug = deferred_map_bug::none>
using map_of =
    deferred_map<int, int, chained_map_hash, std::equal_to<int>, spread_readers_mutex<>, Bug>;

template <class Map>
void insert_range(Map& map, int from, int to) {
  for (int key = from; key < to; ++key) {
    map.insert_or_assign(key, key);
  }
}

/// How many sweeps of that slice it takes.
template <class Map>
int sweep_all(Map& map, std::size_t slice) {
  int sweeps = 1;
  while (map.sweep(slice)) {
    ++sweeps;
  }
  return sweeps;
}

TEST(DeferredMap, InsertsAssignsFindsAndErases) {
  deferred_map<std::string, int> map(1);
  EXPECT_TRUE(map.insert_or_assign("one", 1));
  EXPECT_FALSE(map.insert_or_assign("one", 2));
  EXPECT_EQ(map.find("one"), 2);
  EXPECT_FALSE(map.erase("two"));
  EXPECT_TRUE(map.erase("one"));
  EXPECT_FALSE(map.erase("one"));
  EXPECT_FALSE(map.contains("one"));
  EXPECT_EQ(map.size(), 0U);
  EXPECT_TRUE(map.insert_or_assign("one", 3));
  EXPECT_EQ(map.find("one"), 3);
  EXPECT_EQ(map.validate(), "");
}

TEST(DeferredMap, SweepsInSlices) {
  map_of<> map;
  insert_range(map, 0, 100);
  for (int key = 0; key < 40; ++key) {
    map.erase(key);
  }
  EXPECT_EQ(map.size(), 60U);
  EXPECT_EQ(sweep_all(map, 10), 4);
  EXPECT_FALSE(map.sweep(1));
  EXPECT_EQ(map.size(), 60U);
  EXPECT_EQ(map.validate(), "");
}

TEST(DeferredMap, SweepsLeaveWhatCameBack) {
  map_of<> map;
  insert_range(map, 0, 3);
  map.erase(1);
  map.insert_or_assign(1, 11);
  map.erase(2);
  map.insert_or_assign(2, 22);
  map.erase(2);
  EXPECT_EQ(map.validate(), "");
  EXPECT_EQ(sweep_all(map, 1), 2);
  EXPECT_EQ(map.find(1), 11);
  EXPECT_EQ(map.find(2), std::nullopt);
  map.erase(1);
  EXPECT_FALSE(map.sweep(1));
  EXPECT_EQ(map.size(), 1U);
  EXPECT_EQ(map.validate(), "");
}

TEST(DeferredMap, ClearMarksEverything) {
  map_of<> map;
  insert_range(map, 0, 10);
  auto it = map.begin_range();
  EXPECT_TRUE(it.next());
  map.clear();
  EXPECT_EQ(map.size(), 0U);
  EXPECT_FALSE(it.next());
  EXPECT_EQ(map.validate(), "");
}

TEST(DeferredMapIterator, HoldsSweepsAndRehashesBack) {
  map_of<> map(2);
  insert_range(map, 0, 2);
  {
    auto it = map.begin_range();
    auto moved = std::move(it);
    EXPECT_TRUE(moved.next());
    map.erase(0);
    map.erase(1);
    EXPECT_TRUE(map.sweep(10));
    insert_range(map, 2, 50);
    while (moved.next()) {
      EXPECT_GE(moved.key(), 2);
    }
  }
  EXPECT_FALSE(map.sweep(10));
  EXPECT_EQ(map.size(), 48U);
  EXPECT_EQ(map.validate(), "");
}

TEST(DeferredMapIterator, ErasesWhatItYielded) {
  map_of<> map;
  insert_range(map, 0, 10);
  auto it = map.begin_range();
  while (it.next()) {
    if (it.key() % 2 == 0) {
      EXPECT_TRUE(it.erase());
      EXPECT_FALSE(it.erase());
    }
  }
  EXPECT_EQ(map.size(), 5U);
}

// What it.erase() says where the key has been erased and inserted again in between.
template <deferred_map_bug Bug>
bool erases_later_incarnation() {
  map_of<Bug> map;
  map.insert_or_assign(1, 1);
  auto it = map.begin_range();
  it.next();
  map.erase(1);
  map.insert_or_assign(1, 2);
  return it.erase();
}

TEST(DeferredMapIterator, DoesNotEraseALaterIncarnation) {
  EXPECT_FALSE(erases_later_incarnation<deferred_map_bug::none>());
  EXPECT_TRUE(erases_later_incarnation<deferred_map_bug::marks_any_incarnation>());
}

TEST(DeferredMapBug, SweepsWhatCameBack) {
  map_of<deferred_map_bug::sweeps_what_came_back> map;
  insert_range(map, 0, 1);
  map.erase(0);
  map.insert_or_assign(0, 1);
  map.sweep(1);
  EXPECT_FALSE(map.contains(0));
}

TEST(DeferredMapBug, SweepLosesLastOfSlice) {
  map_of<deferred_map_bug::sweep_loses_last_of_slice> map;
  insert_range(map, 0, 3);
  map.clear();
  map.sweep(2);
  EXPECT_NE(map.validate(), "");
}

// Keys below 20 stay: each iteration sees them once. The others come and go.
TEST(DeferredMap, IsIteratedErasedAndSweptAtOnce) {
  map_of<> map;
  insert_range(map, 0, 20);
  std::atomic<bool> over = false;
  std::thread sweeper([&] {
    while (!over) {
      map.sweep(3);
    }
  });
  std::thread writer([&] {
    for (int round = 0; round < 5000; ++round) {
      map.insert_or_assign(20 + round % 50, round);
      map.erase(20 + (round + 25) % 50);
    }
  });
  for (int round = 0; round < 200; ++round) {
    std::multiset<int> seen;
    auto it = map.begin_range();
    while (it.next()) {
      seen.insert(it.key());
      if (it.key() >= 60) {
        it.erase();
      }
    }
    for (int key = 0; key < 20; ++key) {
      EXPECT_EQ(seen.count(key), 1U);
    }
  }
  writer.join();
  over = true;
  sweeper.join();
  EXPECT_EQ(map.validate(), "");
}

}  // namespace
}  // namespace maps
