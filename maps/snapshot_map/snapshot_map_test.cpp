// Goal:   snapshot_map answers as a map does; a view shows one moment for as long as it is kept; no
//         version is lost or leaked, also when an allocation fails.
// Method: each operation beside a std::map, with one thread; then threads under hazard pointers and
//         under epochs: one that inserts keys in order, so that a view with a gap is none of one
//         moment, and some that count.

#include "snapshot_map.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>
#include <xenium/reclamation/generic_epoch_based.hpp>

namespace maps {
namespace {

template <class Map>
class SnapshotMap : public testing::Test {
 protected:
  Map map_;
};

using Epochs = xenium::reclamation::epoch_based<>;
using Maps = testing::Types<snapshot_map<int, int>, snapshot_map<int, int, std::less<int>, Epochs>>;
TYPED_TEST_SUITE(SnapshotMap, Maps);

TYPED_TEST(SnapshotMap, AnswersAsAMapDoes) {
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
  EXPECT_EQ(map.validate(), "");
  const auto view = map.snapshot();
  EXPECT_EQ((std::map<int, int>(view.begin(), view.end())), reference);
  map.clear();
  EXPECT_EQ(map.size(), 0U);
}

TYPED_TEST(SnapshotMap, KeepsAViewAsItWas) {
  auto& map = this->map_;
  for (int key = 0; key < 10; ++key) {
    map.insert(key, key);
  }
  const auto before = map.snapshot();
  map.insert_or_assign(3, 33);
  map.erase(4);
  const auto between = map.snapshot();
  map.clear();
  EXPECT_EQ(before.size(), 10U);
  EXPECT_EQ(before.find(3), 3);
  EXPECT_TRUE(before.contains(4));
  EXPECT_EQ(between.size(), 9U);
  EXPECT_EQ(between.find(3), 33);
  EXPECT_FALSE(between.contains(4));
  EXPECT_EQ(map.snapshot().size(), 0U);
}

TYPED_TEST(SnapshotMap, ShowsViewsOneMoment) {
  auto& map = this->map_;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done) {
      for (int key = 0; key < 30; ++key) {
        map.insert(key, key);
      }
      map.clear();
    }
  });
  for (int filled = 0; filled < 1'000;) {
    int expected = 0;
    for (const auto& [key, value] : map.snapshot()) {
      EXPECT_EQ(key, expected++);
      EXPECT_EQ(value, key);
    }
    filled += expected != 0 ? 1 : 0;
    std::this_thread::yield();
  }
  done = true;
  writer.join();
}

TYPED_TEST(SnapshotMap, LosesNoWrite) {
  auto& map = this->map_;
  std::atomic<int> inserted = 0;
  const auto work = [&](int own) {
    for (int i = 0; i < 3'000; ++i) {
      inserted += map.insert(i % 40, i) ? 1 : 0;
      inserted -= map.erase((i + own * 11) % 40) ? 1 : 0;
      inserted += map.insert_or_assign(100 + own, i) ? 1 : 0;
      EXPECT_EQ(map.find(100 + own), i);
    }
  };
  std::vector<std::thread> threads;
  for (int own = 0; own < 3; ++own) {
    threads.emplace_back(work, own);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(static_cast<int>(map.size()), inserted);
  EXPECT_EQ(map.validate(), "");
}

// The copy that hits zero throws.
struct fragile {
  explicit fragile(int its_value) : value(its_value) {}
  fragile(const fragile& other) : value(other.value) {
    if (copies_left >= 0 && copies_left-- == 0) {
      throw std::runtime_error("out of copies");
    }
  }
  fragile& operator=(const fragile&) = default;
  ~fragile() = default;

  int value;
  static inline int copies_left = -1;
};

TEST(SnapshotMap, AFailedWriteChangesNothing) {
  for (int copies = 0; copies < 6; ++copies) {
    snapshot_map<int, fragile> map;
    for (int key = 0; key < 5; ++key) {
      map.insert_or_assign(key, fragile(key));
    }
    fragile::copies_left = copies;
    EXPECT_THROW(map.insert_or_assign(9, fragile(9)), std::runtime_error);
    EXPECT_EQ(map.size(), 5U);
    fragile::copies_left = -1;
    EXPECT_EQ(map.validate(), "");
    EXPECT_TRUE(map.insert_or_assign(9, fragile(9)));
  }
}

}  // namespace
}  // namespace maps
