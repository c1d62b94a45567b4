// Goal:   rwlock_map answers as a map does, and an open iteration keeps writers out until it is
// over.
// Method: each operation beside a std::map, with one thread; then a thread that inserts keys in
//         order, so that an iteration with a gap is none of one moment. All of it under all locks.

#include "rwlock_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <shared_mutex>
#include <thread>
#include <utility>
#include <vector>

#include "../common/spread_readers_mutex.hpp"
#include "writer_first_mutex.hpp"

namespace maps {
namespace {

template <class SharedMutex>
using map_behind =
    rwlock_map<int, int, std::hash<int>, std::equal_to<int>, SharedMutex, rwlock_map_bug::none>;

template <class SharedMutex>
class RwlockMap : public testing::Test {
 protected:
  map_behind<SharedMutex> map_;
};

using Mutexes = testing::Types<std::shared_mutex, writer_first_mutex<>, spread_readers_mutex<>,
                               spread_readers_mutex<2>>;
TYPED_TEST_SUITE(RwlockMap, Mutexes);

template <class Map>
std::map<int, int> walked(const Map& map) {
  std::map<int, int> seen;
  for (auto range = map.begin_range(); range.next();) {
    EXPECT_TRUE(seen.emplace(range.key(), range.mapped()).second);
  }
  return seen;
}

TYPED_TEST(RwlockMap, AnswersAsAMapDoes) {
  auto& map = this->map_;
  std::map<int, int> reference;
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const int key = static_cast<int>(random() % 50);
    const auto at = reference.find(key);
    const bool present = at != reference.end();
    switch (random() % 6) {
      case 0: ASSERT_EQ(map.insert(key, i), reference.emplace(key, i).second); break;
      case 1:
        ASSERT_EQ(map.insert_or_assign(key, i), reference.insert_or_assign(key, i).second);
        break;
      case 2:
        ASSERT_EQ(map.find_or_insert(key, i),
                  std::pair(reference.emplace(key, i).first->second, present));
        break;
      case 3: ASSERT_EQ(map.erase(key), reference.erase(key) == 1); break;
      case 4: ASSERT_EQ(map.find(key), present ? std::optional(at->second) : std::nullopt); break;
      default: ASSERT_EQ(map.contains(key), present);
    }
    ASSERT_EQ(map.size(), reference.size());
  }
  EXPECT_EQ(walked(map), reference);
  const auto is_odd = [](int key, int) { return key % 2 == 1; };
  EXPECT_EQ(map.erase_if(is_odd),
            std::erase_if(reference, [&](const auto& each) { return each.first % 2 == 1; }));
  const auto copy = map.to_vector();
  EXPECT_EQ((std::map<int, int>(copy.begin(), copy.end())), reference);
  map.clear();
  EXPECT_EQ(map.size(), 0U);
}

TYPED_TEST(RwlockMap, IsUnlockedByAnIterationThatIsOver) {
  auto& map = this->map_;
  map.insert(1, 1);
  {
    auto drained = map.begin_range();
    EXPECT_TRUE(drained.next());
    EXPECT_FALSE(drained.next());
    map.insert(2, 2);
    EXPECT_FALSE(drained.next());
  }
  auto closed = map.begin_range();
  EXPECT_TRUE(closed.next());
  closed.close();
  map.insert(3, 3);
  EXPECT_FALSE(closed.next());
  static_cast<void>(map.begin_range().next());
  EXPECT_TRUE(map.erase(1));
}

TYPED_TEST(RwlockMap, LetsReadersInWhileAnIterationIsOpen) {
  auto& map = this->map_;
  map.insert(1, 10);
  auto open = map.begin_range();
  std::optional<int> found;
  std::thread([&] { found = map.find(1); }).join();
  EXPECT_EQ(found, 10);
}

TYPED_TEST(RwlockMap, ShowsIterationsOneMoment) {
  auto& map = this->map_;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done) {
      for (int key = 0; key < 30; ++key) {
        map.insert_or_assign(key, key);
      }
      map.clear();
    }
  });
  for (int filled = 0; filled < 1'000;) {
    int highest = -1;
    int count = 0;
    for (auto range = map.begin_range(); range.next(); ++count) {
      highest = std::max(highest, range.key());
      EXPECT_EQ(range.mapped(), range.key());
    }
    EXPECT_EQ(highest + 1, count);
    filled += count != 0 ? 1 : 0;
    std::this_thread::yield();
  }
  done = true;
  writer.join();
}

TYPED_TEST(RwlockMap, LetsAWriterInAlone) {
  TypeParam mutex;
  int halves[2] = {0, 0};
  const auto work = [&] {
    for (int i = 0; i < 2'000; ++i) {
      mutex.lock();
      ++halves[0];
      ++halves[1];
      mutex.unlock();
      mutex.lock_shared();
      EXPECT_EQ(halves[0], halves[1]);
      mutex.unlock_shared();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back(work);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(halves[0], 8'000);
}

}  // namespace
}  // namespace maps
