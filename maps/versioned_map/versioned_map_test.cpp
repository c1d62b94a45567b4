// Goal:   versioned_map is a map, and its iterators refuse to go on after each kind of change and
//         after their deadline, and only then.
// Method: small scripted cases; threads that iterate beside a writer.

#include "versioned_map.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <thread>

namespace maps {
namespace {

using step = versioned_step;

template <versioned_map_bug Bug = versioned_map_bug::none>
using map_of = versioned_map<int, int, chained_map_hash, std::equal_to<int>, Bug>;

template <class Map>
void insert_range(Map& map, int from, int to) {
  for (int key = from; key < to; ++key) {
    map.insert_or_assign(key, key);
  }
}

TEST(VersionedMap, InsertsAssignsFindsAndErases) {
  versioned_map<std::string, int> map(1);
  EXPECT_TRUE(map.insert_or_assign("one", 1));
  EXPECT_FALSE(map.insert_or_assign("one", 2));
  EXPECT_EQ(map.find("one"), 2);
  EXPECT_FALSE(map.erase("two"));
  EXPECT_TRUE(map.erase("one"));
  EXPECT_FALSE(map.contains("one"));
  EXPECT_EQ(map.size(), 0U);
}

TEST(VersionedMapIterator, YieldsEachElementOnceIfNothingChanges) {
  map_of<> map;
  insert_range(map, 0, 100);
  std::set<int> seen;
  auto it = map.begin_range();
  while (it.next() == step::element) {
    EXPECT_EQ(it.mapped(), it.key());
    EXPECT_TRUE(seen.insert(it.key()).second);
    EXPECT_FALSE(map.erase(1000));
    map.find(1);
  }
  EXPECT_EQ(seen.size(), 100U);
  EXPECT_EQ(it.next(), step::end);
}

// What an iterator says after one element and `change`, twice.
template <versioned_map_bug Bug = versioned_map_bug::none, class Change>
step after(const Change& change) {
  map_of<Bug> map;
  insert_range(map, 0, 5);
  auto it = map.begin_range();
  EXPECT_EQ(it.next(), step::element);
  change(map);
  const step first = it.next();
  EXPECT_EQ(it.next(), first);
  return first;
}

TEST(VersionedMapIterator, IsStaleAfterEachKindOfChange) {
  EXPECT_EQ(after([](auto& map) { map.insert_or_assign(5, 0); }), step::stale);
  EXPECT_EQ(after([](auto& map) { map.insert_or_assign(0, 1); }), step::stale);
  EXPECT_EQ(after([](auto& map) { map.erase(4); }), step::stale);
  EXPECT_EQ(after([](auto& map) { map.clear(); }), step::stale);
  EXPECT_EQ(after([](auto& map) { map.erase(5); }), step::element);
}

TEST(VersionedMapIterator, MayBeAbandonedAndOutliveItsElements) {
  map_of<> map;
  insert_range(map, 0, 5);
  auto it = map.begin_range();
  EXPECT_EQ(it.next(), step::element);
  const int key = it.key();
  map.clear();
  EXPECT_EQ(it.key(), key);
}

TEST(VersionedMapIterator, TimesOut) {
  map_of<> map;
  insert_range(map, 0, 5);
  auto it = map.begin_range(map_of<>::clock::now());
  EXPECT_EQ(it.next(), step::timed_out);
  EXPECT_EQ(it.next(), step::timed_out);
  map.clear();
  EXPECT_EQ(it.next(), step::stale);
  auto in_time = map.begin_range(map_of<>::clock::now() + std::chrono::hours(1));
  EXPECT_EQ(in_time.next(), step::end);
}

TEST(VersionedMapBug, ShowsWithoutThreads) {
  using bug = versioned_map_bug;
  EXPECT_EQ(after<bug::erase_of_nothing_bumps>([](auto& map) { map.erase(5); }), step::stale);
  EXPECT_EQ(after<bug::assignment_keeps_version>([](auto& map) { map.insert_or_assign(0, 1); }),
            step::element);
  EXPECT_EQ(after<bug::version_wraps>([](auto& map) { insert_range(map, 0, 4); }), step::element);
  map_of<bug::yields_before_deadline_check> map;
  insert_range(map, 0, 5);
  EXPECT_EQ(map.begin_range(map_of<>::clock::now()).next(), step::element);
}

// Keys below 20 stay: whoever comes to the end has seen them.
TEST(VersionedMap, IsIteratedWhileItChanges) {
  map_of<> map;
  insert_range(map, 0, 20);
  std::thread writer([&] {
    for (int round = 0; round < 2000; ++round) {
      map.insert_or_assign(20 + round % 50, round);
      map.erase(20 + (round + 25) % 50);
    }
  });
  const auto iterate = [&] {
    for (int round = 0; round < 500; ++round) {
      std::set<int> seen;
      auto it = map.begin_range();
      step last = it.next();
      for (; last == step::element; last = it.next()) {
        EXPECT_TRUE(seen.insert(it.key()).second);
      }
      EXPECT_TRUE(last == step::stale || seen.size() >= 20);
    }
  };
  std::thread reader(iterate);
  iterate();
  reader.join();
  writer.join();
  EXPECT_EQ(map.validate(), "");
}

}  // namespace
}  // namespace maps
