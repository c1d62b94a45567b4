// Goal: the ground that everything stands on does what its headers say.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "base/rng.hpp"
#include "base/text.hpp"
#include "base/vec.hpp"
#include "exec/thread_set.hpp"

namespace {

using namespace heddle;  // NOLINT(google-build-using-namespace)

TEST(Rng, SameSeedSameNumbers) {
  Rng a(7);
  Rng b(7);
  Rng c(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const u64 number = a.next();
    EXPECT_EQ(number, b.next());
    differs |= number != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Rng, BelowIsInRangeAndReachesAll) {
  Rng rng(1);
  std::set<u32> seen;
  for (int i = 0; i < 1000; ++i) {
    const u32 value = rng.below(7);
    ASSERT_LT(value, 7u);
    seen.insert(value);
  }
  EXPECT_EQ(seen.size(), 7u);
}

TEST(Text, IsTheSameToTheEnd) {
  EXPECT_TRUE(is_same("", ""));
  EXPECT_TRUE(is_same("abc", "abc"));
  EXPECT_FALSE(is_same("abc", "ab"));
  EXPECT_FALSE(is_same("ab", "abc"));
  EXPECT_FALSE(is_same("abc", "abd"));
}

TEST(Vec, KeepsElementsAsItGrows) {
  Vec<u64> vec;
  for (u64 i = 0; i < 100'000; ++i) {
    vec.push_back(i * 3);
  }
  for (u32 i = 0; i < 100'000; ++i) {
    ASSERT_EQ(vec[i], u64{i} * 3);
  }
  vec.clear();
  EXPECT_TRUE(vec.empty());
}

TEST(Pool, AddressesAreStable) {
  Pool<u64> pool;
  u64* first = &pool[pool.take()];
  *first = 42;
  for (int i = 0; i < 10'000; ++i) {
    pool[pool.take()] = 1;
  }
  EXPECT_EQ(*first, 42u);
  EXPECT_EQ(first, &pool[1]);
}

// Against the obvious twin.
TEST(ThreadSet, BehavesLikeASet) {
  static exec::ThreadSet set;
  std::set<u32> twin;
  Rng rng(3);
  for (int i = 0; i < 20'000; ++i) {
    const u32 id = rng.below(kThreadCountMax);
    if (rng.below(2) == 0) {
      set.insert(to_thread_id(id));
      twin.insert(id);
    } else {
      set.erase(to_thread_id(id));
      twin.erase(id);
    }
    ASSERT_EQ(set.count(), twin.size());
    if (!twin.empty()) {
      const u32 n = rng.below(static_cast<u32>(twin.size()));
      ASSERT_EQ(to_index(set.nth(n)), *std::next(twin.begin(), n));
    }
  }
}

TEST(ThreadSet, TakesManyAndGivesThemBack) {
  static exec::ThreadSet sets[3];
  std::set<u32> twins[3];
  Rng rng(4);
  for (int i = 0; i < 4'000; ++i) {
    const u32 changed = rng.below(3);
    const u32 id = rng.below(kThreadCountMax);
    if (rng.below(64) != 0) {
      sets[changed].insert(to_thread_id(id));
      twins[changed].insert(id);
    } else if (rng.below(2) == 0) {
      sets[0].insert(sets[1], sets[2]);
      std::set_difference(twins[1].begin(), twins[1].end(), twins[2].begin(), twins[2].end(),
                          std::inserter(twins[0], twins[0].end()));
    } else {
      sets[changed].erase(sets[(changed + 1) % 3]);
      for (const u32 erased : twins[(changed + 1) % 3]) {
        twins[changed].erase(erased);
      }
    }
    std::set<u32> members;
    sets[changed].each([&](ThreadId member) { members.insert(to_index(member)); });
    ASSERT_EQ(members, twins[changed]);
    ASSERT_EQ(sets[0].count(), twins[0].size());
  }
}

}  // namespace
