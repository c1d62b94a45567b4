// Goal:   each seeded bug of go_map can be seen, and what shows it is clean without the bug.
// Method: the shortest scripted sequence for each, run with and without it. Freed memory and leaks
//         are seen by counting live slots, and under AddressSanitizer by its own reports too.

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "go_map.hpp"
#include "go_map_test_tools.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define GO_MAP_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GO_MAP_TEST_ASAN 1
#endif
#endif
#ifdef GO_MAP_TEST_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace maps::go_map_testing {
namespace {

// A value that counts its instances: eight for each live bucket, and one for each iterator.
struct counted {
  counted() { ++live; }

  counted(const counted&) { ++live; }

  counted& operator=(const counted&) = default;

  ~counted() { --live; }

  static inline int live = 0;
};

// Instances of the value while an iterator is open on an array that a growth has replaced.
template <go_map_bug Bug>
int live_after_growth_under_iterator() {
  scripted_map<Bug, counted> map;
  insert_range(map, 0, 8);
  auto it = map.begin_range();
  it.next();
  map.insert_or_assign(8, {});
  return counted::live;
}

TEST(GoMapBug, FreesOldBucketsUnderIterator) {
  EXPECT_EQ(live_after_growth_under_iterator<go_map_bug::none>(), (1 + 2) * 8 + 1);
  EXPECT_EQ(live_after_growth_under_iterator<go_map_bug::frees_old_buckets_under_iterator>(),
            2 * 8 + 1);
  EXPECT_EQ(counted::live, 0);
}

// An iterator stands in the overflow bucket of chain 0 when insertions evacuate that chain.
template <go_map_bug Bug>
int live_after_evacuation_under_iterator() {
  scripted_map<Bug, counted> map(kDense);
  insert_range(map, 0, 40, 4);
  insert_range(map, 2, 42, 4);
  auto it = map.begin_range();
  for (int i = 0; i < 9; ++i) {
    it.next();
  }
  map.insert_or_assign(1, {});
  EXPECT_TRUE(map.growing());
  return counted::live;
}

TEST(GoMapBug, FreesOverflowUnderIterator) {
  EXPECT_EQ(live_after_evacuation_under_iterator<go_map_bug::none>(), (4 + 2 + 8) * 8 + 1);
  EXPECT_EQ(live_after_evacuation_under_iterator<go_map_bug::frees_overflow_under_iterator>(),
            (4 + 1 + 8) * 8 + 1);
  EXPECT_EQ(counted::live, 0);
}

#ifdef GO_MAP_TEST_ASAN
TEST(GoMapBugDeathTest, NextReadsFreedBuckets) {
  using frees_old = scripted_map<go_map_bug::frees_old_buckets_under_iterator>;
  EXPECT_DEATH(
      {
        frees_old map;
        insert_range(map, 0, 8);
        auto it = map.begin_range();
        it.next();
        map.insert_or_assign(8, 0);
        it.next();
      },
      "heap-use-after-free");
}

TEST(GoMapBugDeathTest, NextReadsFreedOverflowBuckets) {
  using frees_overflow = scripted_map<go_map_bug::frees_overflow_under_iterator>;
  for (const int taken : {1, 9}) {  // stands before it, stands in it
    EXPECT_DEATH(
        {
          frees_overflow map(kDense);
          insert_range(map, 0, 40, 4);
          insert_range(map, 2, 42, 4);
          auto it = map.begin_range();
          for (int i = 0; i < taken; ++i) {
            it.next();
          }
          map.insert_or_assign(1, 0);
          while (it.next()) {
          }
        },
        "heap-use-after-free");
  }
}
#endif

TEST(GoMapBug, AdvancesMarkBeforeCopy) {
  scripted_map<go_map_bug::advances_mark_before_copy> map(kSmall);
  insert_range(map, 0, 9);
  EXPECT_FALSE(map.contains(1));  // its chain is marked and not yet copied
  auto it = map.begin_range();
  int yields = 0;
  while (it.next()) {
    ++yields;
  }
  EXPECT_EQ(yields, 7);
  map.erase(100);
  EXPECT_TRUE(map.contains(1));
  map.erase(100);
  map.erase(100);
  EXPECT_EQ(map.validate(), "");
}

template <go_map_bug Bug>
std::string error_of_range_during_growth() {
  checked_scripted_map<Bug> m(kSmall);
  insert_range(m, 0, 9);
  m.open();
  m.finish();
  return m.error();
}

TEST(GoMapBug, SkipsCheckBucket) {
  EXPECT_EQ(error_of_range_during_growth<go_map_bug::none>(), "");
  EXPECT_EQ(error_of_range_during_growth<go_map_bug::skips_check_bucket>(),
            "an entry was yielded twice");
}

template <go_map_bug Bug>
std::string error_of_range_over_reused_overflow() {
  checked_scripted_map<Bug> m(kDense);
  insert_range(m, 0, 40, 4);
  insert_range(m, 2, 42, 4);
  m.open();
  for (int i = 0; i < 9; ++i) {
    m.next();
  }
  insert_range(m, 1, 73, 8);  // nine keys of one chain take an overflow bucket,
  insert_range(m, 3, 75, 8);  // and nine of another
  m.finish();
  return m.error();
}

TEST(GoMapBug, ReusesOverflowBucketEarly) {
  EXPECT_EQ(error_of_range_over_reused_overflow<go_map_bug::none>(), "");
  EXPECT_EQ(error_of_range_over_reused_overflow<go_map_bug::reuses_overflow_bucket_early>(),
            "an entry that was there all along was not yielded");
}

TEST(GoMapBug, NextIgnoresWritingFlag) {
  using buggy = intruded_map<go_map_bug::next_ignores_writing_flag>;
  EXPECT_FALSE(detects<buggy>({}, kNext));
  EXPECT_TRUE(detects<buggy>({}, kFind));
}

template <go_map_bug Bug>
int leaked_by_closing_early() {
  const int before = counted::live;
  {
    scripted_map<Bug, counted> map;
    insert_range(map, 0, 8);
    auto to_the_end = map.begin_range();
    while (to_the_end.next()) {
    }
    auto early = map.begin_range();
    early.next();
    early.close();
  }
  return counted::live - before;
}

TEST(GoMapBug, UnpinsOnlyAtEnd) {
  EXPECT_EQ(leaked_by_closing_early<go_map_bug::none>(), 0);
#ifdef GO_MAP_TEST_ASAN
  const __lsan::ScopedDisabler meant_to_leak;
#endif
  EXPECT_EQ(leaked_by_closing_early<go_map_bug::unpins_only_at_end>(), 8);
}

template <go_map_bug Bug>
std::string error_of_range_over_cleared_map() {
  checked_scripted_map<Bug> m(kSmall);
  insert_range(m, 0, 8);
  m.open();
  m.insert(8);  // starts to grow: chains 2 and 3 have not migrated
  m.clear();
  m.finish();
  return m.error();
}

TEST(GoMapBug, ResurrectsClearedEntries) {
  EXPECT_EQ(error_of_range_over_cleared_map<go_map_bug::none>(), "");
  EXPECT_EQ(error_of_range_over_cleared_map<go_map_bug::resurrects_cleared_entries>(),
            "a removed entry was yielded");
}

// An iterator, opened during a migration, walks the old chain 2 when the migration ends.
template <go_map_bug Bug>
int live_after_migration_under_iterator() {
  const int before = counted::live;
  scripted_map<Bug, counted> map(kSmall);
  insert_range(map, 0, 9);  // chains 0 and 1 have migrated
  auto it = map.begin_range();
  do {
    it.next();
  } while (it.key() != 2);
  map.erase(100);
  map.erase(100);
  EXPECT_FALSE(map.growing());
  return counted::live - before;
}

TEST(GoMapBug, WalksOldChainUnpinned) {
  EXPECT_EQ(live_after_migration_under_iterator<go_map_bug::none>(), (4 + 8) * 8 + 1);
  EXPECT_EQ(live_after_migration_under_iterator<go_map_bug::walks_old_chain_unpinned>(), 8 * 8 + 1);
}

// Iterators, opened on 25 NaNs in the middle of a migration, which then ends.
template <go_map_bug Bug>
std::string error_of_ranges_over_migrating_nans() {
  checked_map<mixing_map<Bug>, double> m(
      {.initial_log2 = 3, .load_numerator = 3, .load_denominator = 1});
  for (int i = 0; i < 25; ++i) {
    m.insert(kNan);
  }
  for (std::size_t taken = 0; taken < 25; ++taken) {
    m.open();
    for (std::size_t i = 0; i < taken; ++i) {
      m.next(taken);
    }
  }
  while (m.map().growing()) {
    m.erase(kNan);
  }
  while (m.open_count() > 0) {
    m.finish();
  }
  return m.error();
}

TEST(GoMapBug, SendsNanAnywhere) {
  EXPECT_EQ(error_of_ranges_over_migrating_nans<go_map_bug::none>(), "");
  EXPECT_NE(error_of_ranges_over_migrating_nans<go_map_bug::sends_nan_anywhere>(), "");
}

template <go_map_bug Bug>
std::string error_of_range_over_nans_at_same_size() {
  checked_map<mixing_map<Bug>, double> m(kDense);
  for (int i = 0; i < 16; ++i) {
    m.insert(kNan);
  }
  m.map().start_growth();
  m.open();
  m.finish();
  return m.error();
}

TEST(GoMapBug, SameSizeChecksBucket) {
  EXPECT_EQ(error_of_range_over_nans_at_same_size<go_map_bug::none>(), "");
  EXPECT_EQ(error_of_range_over_nans_at_same_size<go_map_bug::same_size_checks_bucket>(),
            "an entry that was there all along was not yielded");
}

TEST(GoMapBug, SameSizeSplits) {
  const auto entries_after_growth = []<go_map_bug Bug>(std::integral_constant<go_map_bug, Bug>) {
    scripted_map<Bug> map(kDense);
    insert_range(map, 0, 8, 4);  // 0 and 4, which a doubling would part
    map.start_growth();
    map.erase(100);
    return map.contains(0) + map.contains(4);
  };
  using std::integral_constant;
  EXPECT_EQ(entries_after_growth(integral_constant<go_map_bug, go_map_bug::none>()), 2);
  EXPECT_EQ(entries_after_growth(integral_constant<go_map_bug, go_map_bug::same_size_splits>()), 1);
}

TEST(GoMapBug, RandomRunsRejectTheContractBugs) {
  EXPECT_NE(first_error<go_map_bug::clear_keeps_era>(20, 1000), "");
  EXPECT_NE(first_error<go_map_bug::looks_up_stale_nan>(5, 1000), "");
  EXPECT_NE(first_error<go_map_bug::same_size_splits>(5, 1000), "");
  EXPECT_NE(first_error<go_map_bug::advances_mark_before_copy>(5, 1000), "");
  EXPECT_NE(first_error<go_map_bug::skips_check_bucket>(5, 1000), "");
  EXPECT_NE(first_error<go_map_bug::reuses_overflow_bucket_early>(20, 1000), "");
  EXPECT_NE(first_error<go_map_bug::resurrects_cleared_entries>(20, 1000), "");
}

}  // namespace
}  // namespace maps::go_map_testing
