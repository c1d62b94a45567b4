// Goal:   dict_map keeps its structure and the three iteration contracts, and its seeded bugs can
// be
//         seen.
// Method: scripted cases for resizing, scans and failure; scans of small tables from every cursor
//         through every change of size; long random runs beside a reference that judges what safe
//         iterators yield.

#include "dict_map.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <thread>

#include "../common/range_reference.hpp"

namespace maps {
namespace {

using testing::checked_map;

struct identity_hash {
  std::uint64_t operator()(int key) const { return static_cast<std::uint64_t>(key); }
};

template <dict_map_bug Bug = dict_map_bug::none>
using mixing_map = dict_map<int, int, dict_map_hash, std::equal_to<int>, Bug>;

template <dict_map_bug Bug = dict_map_bug::none>
using identity_map = dict_map<int, int, identity_hash, std::equal_to<int>, Bug>;

template <class Map>
void insert_range(Map& map, int from, int to) {
  for (int key = from; key < to; ++key) {
    map.insert_or_assign(key, key);
  }
}

template <class Map>
void erase_range(Map& map, int from, int to) {
  for (int key = from; key < to; ++key) {
    map.erase(key);
  }
}

template <class Map>
void finish_resize(Map& map) {
  while (map.rehashing()) {
    map.find(-1);
  }
}

// Resizing. -----------------------------------------------------------------------------------

TEST(DictMap, LookupsRehash) {
  dict_map<int, int> map;
  insert_range(map, 0, 5);
  EXPECT_TRUE(map.rehashing());
  EXPECT_EQ(map.bucket_count(), 8U);
  finish_resize(map);
  EXPECT_EQ(map.size(), 5U);
  EXPECT_EQ(map.validate(), "");
}

TEST(DictMap, GrowsAndShrinks) {
  dict_map<int, int> map;
  insert_range(map, 0, 1000);
  EXPECT_EQ(map.validate(), "");
  finish_resize(map);
  EXPECT_EQ(map.bucket_count(), 1024U);
  erase_range(map, 0, 995);
  for (int i = 0; i < 5000; ++i) {
    map.insert_or_assign(-1, 0);
    map.erase(-1);
  }
  EXPECT_EQ(map.bucket_count(), 32U);
  EXPECT_EQ(map.size(), 5U);
  EXPECT_EQ(map.validate(), "");
}

TEST(DictMap, ClearEndsAResizeAndIterations) {
  dict_map<int, int> map;
  insert_range(map, 0, 9);
  EXPECT_TRUE(map.rehashing());
  auto it = map.begin_range();
  map.clear();
  EXPECT_FALSE(map.rehashing());
  insert_range(map, 0, 3);
  EXPECT_FALSE(it.next());
  EXPECT_EQ(map.size(), 3U);
  EXPECT_EQ(map.validate(), "");
}

TEST(DictMap, TellsItsStructure) {
  identity_map<> map;
  EXPECT_EQ(map.to_text(),
            "safe iterators: 0\n"
            "first table, entries: 0");
  insert_range(map, 0, 5);
  map.insert_or_assign(8, 80);
  const auto it = map.begin_range();
  EXPECT_EQ(map.to_text(),
            "safe iterators: 1, rehashing: the next bucket to move is 1\n"
            "first table, entries: 3\n"
            "  bucket 0:\n"
            "  bucket 1: 1:1\n"
            "  bucket 2: 2:2\n"
            "  bucket 3: 3:3\n"
            "second table, entries: 3\n"
            "  bucket 0: 8:80 0:0\n"
            "  bucket 1:\n"
            "  bucket 2:\n"
            "  bucket 3:\n"
            "  bucket 4: 4:4\n"
            "  bucket 5:\n"
            "  bucket 6:\n"
            "  bucket 7:");
}

// Iteration. ----------------------------------------------------------------------------------

TEST(DictMapIterator, HoldsTheRehashBack) {
  dict_map<int, int> map;
  insert_range(map, 0, 4);
  {
    auto first = map.begin_range();
    auto second = map.begin_range();
    insert_range(map, 4, 100);
    EXPECT_EQ(map.bucket_count(), 8U);
    while (first.next()) {
    }
    first.close();
    first.close();
    insert_range(map, 100, 110);
    EXPECT_EQ(map.bucket_count(), 8U);
    EXPECT_EQ(map.validate(), "");
  }
  insert_range(map, 110, 120);
  EXPECT_GT(map.bucket_count(), 8U);
  EXPECT_EQ(map.validate(), "");
}

TEST(DictMapIterator, MayHaveAnyEntryErasedUnderIt) {
  dict_map<int, int> map({.least_buckets = 1});
  insert_range(map, 0, 2);  // a chain of two: the second resize waits
  auto it = map.begin_range();
  ASSERT_TRUE(it.next());
  erase_range(map, 0, 2);
  EXPECT_FALSE(it.next());
}

TEST(DictMapIterator, ErasesWhatItYieldedLast) {
  dict_map<int, int> map;
  for (int key = 0; key < 20; ++key) {
    map.insert_or_assign(key, key);
  }
  auto it = map.begin_range();
  EXPECT_FALSE(it.erase());  // nothing yet
  while (it.next()) {
    if (it.key() % 2 == 0) {
      EXPECT_TRUE(it.erase());
      EXPECT_FALSE(it.erase());
    }
  }
  EXPECT_EQ(map.size(), 10U);
  it.close();
  EXPECT_FALSE(it.erase());
  EXPECT_EQ(map.validate(), "");
}

template <dict_map_bug Bug>
bool erases_a_later_entry() {
  dict_map<int, int, dict_map_hash, std::equal_to<int>, Bug> map;
  map.insert_or_assign(1, 1);
  auto it = map.begin_range();
  it.next();
  map.erase(1);
  map.insert_or_assign(1, 2);
  return it.erase();
}

TEST(DictMapIterator, DoesNotEraseALaterIncarnation) {
  EXPECT_FALSE(erases_a_later_entry<dict_map_bug::none>());
  EXPECT_TRUE(erases_a_later_entry<dict_map_bug::erases_any_incarnation>());
}

TEST(DictMapUnsafeIterator, YieldsEachOnceAndNoticesChanges) {
  for (const int entries : {0, 3, 5, 50}) {
    dict_map<int, int> map;
    insert_range(map, 0, entries);
    std::set<int> seen;
    auto it = map.begin_unsafe_range();
    while (it.next()) {
      EXPECT_TRUE(seen.insert(it.key()).second);
      EXPECT_EQ(it.mapped(), it.key());
    }
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(entries));
    EXPECT_FALSE(it.next());
    map.insert_or_assign(1000, 0);
    map.erase(1000);
    EXPECT_THROW(it.next(), stale_iterator);
  }
}

// Scan. ---------------------------------------------------------------------------------------

// Scans on from `cursor` to the end.
template <class Map>
void finish_scan(Map& map, std::uint64_t cursor, std::set<int>& seen) {
  const auto visit = [&](int key, int) { seen.insert(key); };
  int calls = 0;
  do {
    cursor = map.scan(cursor, visit);
    ASSERT_LE(++calls, 10000);
  } while (cursor != 0);
}

// Scans `calls` times, lets `change` change the map, and scans the rest. Returns what was missed of
// the keys from `kept` on, which are there all the time.
template <dict_map_bug Bug, class Change>
int missed(int entries, int kept, int calls, Change change) {
  identity_map<Bug> map({.fill_minimum = 2});
  insert_range(map, 0, entries);
  finish_resize(map);
  std::set<int> seen;
  std::uint64_t cursor = 0;
  for (int i = 0; i < calls; ++i) {
    cursor = map.scan(cursor, [&](int key, int) { seen.insert(key); });
    if (cursor == 0) {
      return 0;
    }
  }
  change(map);
  finish_scan(map, cursor, seen);
  int count = 0;
  for (int key = kept; key < entries; ++key) {
    count += seen.contains(key) ? 0 : 1;
  }
  return count;
}

// In tables of 4 to 32 buckets, after every number of calls: grown or shrunk, and each time with
// the resize at every stage.
template <dict_map_bug Bug>
int missed_in_small_tables() {
  int count = 0;
  for (int size = 4; size <= 32; size *= 2) {
    for (int calls = 0; calls <= size; ++calls) {
      for (int steps = 0; steps <= 2 * size; ++steps) {
        const auto step = [&](auto& map) {
          for (int i = 0; i < steps; ++i) {
            map.find(-1);
          }
        };
        count += missed<Bug>(size, 0, calls, [&](auto& map) {
          map.insert_or_assign(size, 0);
          step(map);
        });
        count += missed<Bug>(size, size / 2 + 1, calls, [&](auto& map) {
          erase_range(map, 0, size / 2 + 1);
          step(map);
        });
      }
    }
  }
  return count;
}

TEST(DictMapScan, MissesNothingThatIsThereAllTheTime) {
  EXPECT_EQ(missed_in_small_tables<dict_map_bug::none>(), 0);
  EXPECT_GT(missed_in_small_tables<dict_map_bug::scan_ignores_larger_table>(), 0);
  EXPECT_GT(missed_in_small_tables<dict_map_bug::scan_counts_forward>(), 0);
}

TEST(DictMapScan, ShowsEachOnceIfNothingChanges) {
  dict_map<int, int> map;
  insert_range(map, 0, 600);
  std::multiset<int> seen;
  std::uint64_t cursor = 0;
  do {
    cursor = map.scan(cursor, [&](int key, int) { seen.insert(key); });
  } while (cursor != 0);
  EXPECT_EQ(seen.size(), 600U);
  EXPECT_EQ(std::set<int>(seen.begin(), seen.end()).size(), 600U);
}

// Random runs, and the seeded bugs that they must see. -----------------------------------------

template <dict_map_bug Bug>
std::string first_error() {
  std::string error;
  for (std::uint64_t life = 0; life < 30 && error.empty(); ++life) {
    for (const int keys : {8, 30, 150}) {
      checked_map<mixing_map<Bug>> m(dict_map_options{.fill_minimum = 3});
      error = error.empty() ? run_random(m, keys, life, 2000) : error;
    }
  }
  return error;
}

TEST(DictMapRandom, KeepsTheContract) { EXPECT_EQ(first_error<dict_map_bug::none>(), ""); }

TEST(DictMapRandom, SeesTheSeededBugs) {
  EXPECT_NE(first_error<dict_map_bug::rehashes_under_safe_iterator>(), "");
  EXPECT_NE(first_error<dict_map_bug::resumes_rehash_twice>(), "");
  EXPECT_NE(first_error<dict_map_bug::erase_misses_second_table>(), "");
  EXPECT_NE(first_error<dict_map_bug::inserts_into_old_table>(), "");
  EXPECT_NE(first_error<dict_map_bug::moves_first_of_chain_only>(), "");
  EXPECT_NE(first_error<dict_map_bug::clear_forgets_second_table>(), "");
}

// Threads and failure. ---------------------------------------------------------------------------

TEST(DictMap, IsSharedUnderALock) {
  dict_map<int, int> map;
  std::mutex mutex;
  const auto work = [&](int from) {
    for (int key = from; key < from + 500; ++key) {
      const std::lock_guard lock(mutex);
      map.insert_or_assign(key, key);
      map.erase(key - 3);
    }
  };
  std::thread first(work, 0);
  std::thread second(work, 1000);
  first.join();
  second.join();
  EXPECT_EQ(map.size(), 6U);
  EXPECT_EQ(map.validate(), "");
}

// The copy that hits zero throws.
struct fragile {
  fragile() = default;

  fragile(const fragile&) {
    if (copies_left >= 0 && copies_left-- == 0) {
      throw std::bad_alloc();
    }
  }

  fragile& operator=(const fragile&) = default;

  static inline int copies_left = -1;
};

TEST(DictMap, AFailedInsertionChangesNothing) {
  dict_map<int, fragile> map;
  for (int key = 0; key < 20; ++key) {
    fragile::copies_left = 0;
    EXPECT_THROW(map.insert_or_assign(key, {}), std::bad_alloc);
    EXPECT_EQ(map.validate(), "");
    fragile::copies_left = -1;
    EXPECT_TRUE(map.insert_or_assign(key, {}));
  }
  EXPECT_EQ(map.size(), 20U);
}

}  // namespace
}  // namespace maps
