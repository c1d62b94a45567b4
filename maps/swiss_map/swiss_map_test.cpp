// Goal:   swiss_map keeps Go's structure and Go's range contract, and its seeded bugs can be seen.
// Method: scripted cases for growth, splits, tombstones, NaN, failure and the detector; long random
//         runs beside a reference that judges what open iterators yield.

#include "swiss_map.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "../common/range_reference.hpp"

namespace maps {
namespace {

using testing::checked_map;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Three entries, then one table of four, then tables split.
constexpr swiss_map_options kSmall{.max_table_slots = 16, .load_eighths = 2};

// All keys probe the same groups; seven bits of the key choose the table.
struct crowded_hash {
  std::uint64_t operator()(int key, std::uint32_t) const {
    return static_cast<std::uint64_t>(key) << 57;
  }
};

struct zero_random {
  std::uint32_t operator()() const { return 0; }
};

template <swiss_map_bug Bug = swiss_map_bug::none>
using mixing_map = swiss_map<int, int, seeded_hash, std::equal_to<int>, repeatable_random, Bug>;

template <swiss_map_bug Bug = swiss_map_bug::none>
using crowded_map = swiss_map<int, int, crowded_hash, std::equal_to<int>, zero_random, Bug>;

template <class Map>
void insert_range(Map& map, int from, int to, int step = 1) {
  for (int key = from; key < to; key += step) {
    if constexpr (requires { map.insert(key); }) {
      map.insert(key);
    } else {
      map.insert_or_assign(key, {});
    }
  }
}

// Structure. ----------------------------------------------------------------------------------

TEST(SwissMap, FillsASmallGroupToTheLastSlotAndSplitsFullTables) {
  swiss_map<int, int> map;
  insert_range(map, 0, 896);
  EXPECT_EQ(map.table_count(), 1U);
  EXPECT_EQ(map.validate(), "");
  map.insert_or_assign(896, 0);
  EXPECT_EQ(map.table_count(), 2U);
  EXPECT_EQ(map.directory_depth(), 1U);
  insert_range(map, 0, 20000);
  EXPECT_GE(map.table_count(), 23U);
  EXPECT_EQ(map.size(), 20000U);
  EXPECT_EQ(map.validate(), "");
}

TEST(SwissMap, SplitsOnlyTheFullTable) {
  crowded_map<> map(kSmall);
  insert_range(map, 0, 5);  // all alike in the top bits
  EXPECT_GT(map.directory_depth(), 2U);
  EXPECT_EQ(map.validate(), "");
  EXPECT_LT(map.table_count(), std::size_t{1} << map.directory_depth());
}

TEST(SwissMap, TombstonesGoWhenNobodyNeedsThem) {
  crowded_map<> map({.max_table_slots = 64});
  for (int round = 0; round < 200; ++round) {
    insert_range(map, round, round + 10);
    EXPECT_EQ(map.validate(), "");
    for (int key = round; key < round + 10; ++key) {
      EXPECT_TRUE(map.erase(key));
    }
    EXPECT_EQ(map.validate(), "");
  }
  EXPECT_EQ(map.table_count(), 1U);
}

TEST(SwissMap, ClearEmptiesInPlace) {
  swiss_map<int, int> map;
  insert_range(map, 0, 5000);
  const std::size_t tables = map.table_count();
  map.clear();
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.table_count(), tables);
  EXPECT_FALSE(map.contains(7));
  EXPECT_EQ(map.validate(), "");
  insert_range(map, 0, 5000);
  EXPECT_EQ(map.size(), 5000U);
  EXPECT_EQ(map.validate(), "");
}

// As crowded_hash; and the control words say which keys they are.
struct telling_hash {
  std::uint64_t operator()(int key, std::uint32_t) const {
    return static_cast<std::uint64_t>(key) << 57 | static_cast<std::uint64_t>(key);
  }
};

using telling_map = swiss_map<int, int, telling_hash, std::equal_to<int>, zero_random>;

TEST(SwissMap, TellsItsGroups) {
  telling_map map;
  EXPECT_EQ(map.to_text(), "entries: 0, directory entries: 0");
  insert_range(map, 9, 19);
  map.insert_or_assign(10, 100);
  map.erase(12);
  EXPECT_EQ(map.to_text(),
            "entries: 9, directory entries: 1\n"
            "table of directory entry 0: depth 0, entries 9, growth left 4\n"
            "  group 0: 9:0#09 10:100#0a 11:0#0b - 13:0#0d 14:0#0e 15:0#0f 16:0#10\n"
            "  group 1: 17:0#11 18:0#12 . . . . . .");
}

TEST(SwissMap, TellsItsDirectory) {
  telling_map map(kSmall);
  insert_range(map, 0, 40, 8);  // alike in the top bit
  EXPECT_EQ(map.to_text(),
            "entries: 5, directory entries: 4\n"
            "table of directory entry 0: depth 2, entries 4, growth left 0\n"
            "  group 0: 0:0#00 8:0#08 16:0#10 24:0#18 . . . .\n"
            "  group 1: . . . . . . . .\n"
            "table of directory entry 1: depth 2, entries 1, growth left 3\n"
            "  group 0: 32:0#20 . . . . . . .\n"
            "  group 1: . . . . . . . .\n"
            "table of directory entry 2 to 3: depth 1, entries 0, growth left 4\n"
            "  group 0: . . . . . . . .\n"
            "  group 1: . . . . . . . .");
}

// Iteration. ----------------------------------------------------------------------------------

TEST(SwissMapIterator, OfAnEmptyMapIsOver) {
  swiss_map<int, int> map;
  auto it = map.begin_range();
  insert_range(map, 0, 3);
  EXPECT_FALSE(it.next());
  it.close();
  it.close();
  EXPECT_FALSE(it.next());
}

TEST(SwissMapIterator, MayBeClosedAfterItsMap) {
  auto map = std::make_unique<swiss_map<int, int>>();
  insert_range(*map, 0, 100);
  auto it = map->begin_range();
  ASSERT_TRUE(it.next());
  map.reset();
  it.close();
}

TEST(SwissMapIterator, OutlivesGrowthAndSplits) {
  for (int taken = 0; taken < 5; ++taken) {
    checked_map<mixing_map<>> m(kSmall);
    insert_range(m, 0, 4);
    m.open();
    for (int i = 0; i < taken; ++i) {
      ASSERT_EQ(m.next(), i < 4);
      m.open();
    }
    insert_range(m, 4, 200);
    m.erase(1);
    while (m.open_count() > 0) {
      m.finish();
    }
    m.check();
    EXPECT_EQ(m.error(), "");
  }
}

TEST(SwissMapIterator, YieldsEachNanOnceAndNoneAfterClear) {
  for (const bool clears : {false, true}) {
    swiss_map<double, int> map(kSmall);
    for (int i = 0; i < 30; ++i) {
      map.insert_or_assign(kNan, i);
    }
    EXPECT_FALSE(map.erase(kNan));
    auto it = map.begin_range();
    std::set<int> seen;
    while (it.next()) {
      if (it.mapped() < 30) {
        EXPECT_TRUE(seen.insert(it.mapped()).second);
      }
      map.insert_or_assign(kNan, 100);
      if (clears && seen.size() == 10) {
        map.clear();
        map.insert_or_assign(1, 100);
      }
      ASSERT_LE(map.size(), 1000U);
    }
    EXPECT_EQ(seen.size(), clears ? 10U : 30U);
    EXPECT_EQ(map.validate(), "");
  }
}

// Random runs, and the seeded bugs that they must see. -----------------------------------------

template <template <swiss_map_bug> class Map, swiss_map_bug Bug>
std::string first_error(swiss_map_options options, int keys) {
  std::string error;
  for (std::uint64_t life = 0; life < 20 && error.empty(); ++life) {
    checked_map<Map<Bug>> m(options);
    error = run_random(m, keys, life, 2000);
  }
  return error;
}

template <swiss_map_bug Bug>
std::string first_error() {
  std::string error = first_error<mixing_map, Bug>(kSmall, 12);
  for (const int keys : {14, 40, 200}) {
    if (error.empty()) {
      error = first_error<mixing_map, Bug>({.max_table_slots = 16}, keys);
    }
    if (error.empty()) {
      error = first_error<crowded_map, Bug>({.max_table_slots = 32}, keys);
    }
  }
  return error;
}

TEST(SwissMapRandom, KeepsTheContract) { EXPECT_EQ(first_error<swiss_map_bug::none>(), ""); }

TEST(SwissMapRandom, SeesTheSeededBugs) {
  EXPECT_NE(first_error<swiss_map_bug::yields_stale_copies>(), "");
  EXPECT_NE(first_error<swiss_map_bug::ignores_reseed>(), "");
  EXPECT_NE(first_error<swiss_map_bug::ignores_directory_growth>(), "");
  EXPECT_NE(first_error<swiss_map_bug::walks_table_per_directory_entry>(), "");
  EXPECT_NE(first_error<swiss_map_bug::updates_two_directory_entries>(), "");
  EXPECT_NE(first_error<swiss_map_bug::leaves_no_tombstone>(), "");
  EXPECT_NE(first_error<swiss_map_bug::prunes_needed_tombstones>(), "");
  EXPECT_NE(first_error<swiss_map_bug::takes_first_tombstone>(), "");
}

// Threads, failure, misuse. --------------------------------------------------------------------

TEST(SwissMap, IsSharedUnderALock) {
  swiss_map<int, int> map(kSmall);
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
  fragile(const fragile&) = default;

  fragile& operator=(const fragile&) {
    if (copies_left >= 0 && copies_left-- == 0) {
      throw std::bad_alloc();
    }
    return *this;
  }

  static inline int copies_left = -1;
};

TEST(SwissMap, AFailedWriteChangesNothing) {
  for (int copies = 0; copies < 8; ++copies) {
    swiss_map<int, fragile> map(kSmall);
    insert_range(map, 0, 4);
    fragile::copies_left = copies;
    bool failed = false;
    try {
      map.insert_or_assign(4, {});
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    fragile::copies_left = -1;
    EXPECT_EQ(map.size(), failed ? 4U : 5U);
    EXPECT_EQ(map.validate(), "");
  }
}

TEST(SwissMap, TheDetectorSeesOperationsInsideAWrite) {
  struct intruding_equal {
    std::function<void()>* intrusion;

    bool operator()(int a, int b) const {
      if (*intrusion) {
        (*intrusion)();
      }
      return a == b;
    }
  };

  std::function<void()> intrusion;
  swiss_map<int, int, seeded_hash, intruding_equal> map({}, {}, intruding_equal{&intrusion});
  insert_range(map, 0, 5);
  auto it = map.begin_range();
  bool intruded = false;
  intrusion = [&] {
    if (map.writing() && !std::exchange(intruded, true)) {
      EXPECT_THROW(map.find(1), overlap_error);
      EXPECT_THROW(map.erase(1), overlap_error);
      EXPECT_THROW(map.clear(), overlap_error);
      EXPECT_THROW(it.next(), overlap_error);
    }
  };
  map.insert_or_assign(3, 0);
  EXPECT_TRUE(intruded);
  intrusion = nullptr;
  EXPECT_EQ(map.validate(), "");
}

}  // namespace
}  // namespace maps
