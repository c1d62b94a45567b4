// Goal:   each map answers as a map does, whatever else it promises.
// Method: one suite for all of them, one thread: random runs of all operations that a map has
//         beside a std::map, with looks at its iterations and its structure; growth to ten thousand
//         keys and back; keys and values that own memory. What is peculiar to a map is in its own
//         tests.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <shared_mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <xenium/reclamation/generic_epoch_based.hpp>

#include "chained_map/chained_map.hpp"
#include "deferred_map/deferred_map.hpp"
#include "dict_map/dict_map.hpp"
#include "go_map/go_map.hpp"
#include "hash_trie_map/hash_trie_map.hpp"
#include "reclamation/epoch_reclaimer.hpp"
#include "relocating_map/relocating_map.hpp"
#include "rwlock_map/rwlock_map.hpp"
#include "rwlock_map/writer_first_mutex.hpp"
#include "sharded_map/sharded_map.hpp"
#include "snapshot_map/snapshot_map.hpp"
#include "split_ordered_map/split_ordered_map.hpp"
#include "swiss_map/swiss_map.hpp"
#include "sync_map/sync_map.hpp"
#include "transfer_map/transfer_map.hpp"
#include "versioned_map/versioned_map.hpp"

namespace maps {
namespace {

// What maps call differently. -------------------------------------------------------------------

template <class Map, class Key, class T>
bool assign(Map& map, const Key& key, const T& value) {
  const auto result = map.insert_or_assign(key, value);
  if constexpr (std::is_same_v<decltype(result), const bool>) {
    return result;
  } else {
    return result.second;
  }
}

template <class Map, class Key>
auto find(Map& map, const Key& key) {
  if constexpr (requires { map.end(); }) {
    const auto at = map.find(key);
    return at != map.end() ? std::optional(at->second) : std::nullopt;
  } else {
    return map.find(key);
  }
}

/// Calls `visit(key, value)` for each element of one iteration.
template <class Map, class Visit>
void iterate(Map& map, Visit visit) {
  if constexpr (requires { map.begin(); }) {
    for (const auto& [key, value] : map) {
      visit(key, value);
    }
  } else if constexpr (requires { map.snapshot(); }) {
    for (const auto& [key, value] : map.snapshot()) {
      visit(key, value);
    }
  } else {
    auto it = map.begin_range();
    const auto goes_on = [&] {
      if constexpr (std::is_same_v<decltype(it.next()), versioned_step>) {
        return it.next() == versioned_step::element;
      } else {
        return it.next();
      }
    };
    while (goes_on()) {
      visit(it.key(), it.mapped());
    }
    EXPECT_FALSE(goes_on());
  }
}

template <class Map, class Key, class T>
void expect_sound(const Map& map, const std::map<Key, T>& reference) {
  if constexpr (requires { map.size(); }) {
    ASSERT_EQ(map.size(), reference.size());
  }
  if constexpr (requires { map.exact_size(); }) {
    ASSERT_EQ(map.exact_size(), reference.size());
  }
  if constexpr (requires { map.validate(); }) {
    ASSERT_EQ(map.validate(), "");
  }
}

template <class Map, class Key, class T>
void expect_equal(Map& map, const std::map<Key, T>& reference) {
  std::map<Key, T> seen;
  const auto visit = [&](const Key& key, const T& value) {
    EXPECT_TRUE(seen.emplace(key, value).second) << key << " is yielded twice";
    return true;
  };
  iterate(map, visit);
  ASSERT_EQ(seen, reference);
  if constexpr (requires { map.for_each(visit); }) {
    seen.clear();
    map.for_each(visit);
    ASSERT_EQ(seen, reference);
  }
  ASSERT_NO_FATAL_FAILURE(expect_sound(map, reference));
}

// Maps of numbers. ------------------------------------------------------------------------------

/// Three hash values for all keys.
struct colliding_hash {
  std::uint64_t operator()(int key) const { return static_cast<std::uint64_t>(key) % 3; }
  std::uint64_t operator()(int key, std::uint32_t) const { return (*this)(key); }
};

template <class Hash, class Reclaimer>
using split_ordered = split_ordered_map<int, int, Hash, std::less<int>, Reclaimer>;
using xenium_epochs = xenium::reclamation::epoch_based<>;

using NumberMaps =
    ::testing::Types<go_map<int, int>, go_map<int, int, colliding_hash>, swiss_map<int, int>,
                     swiss_map<int, int, colliding_hash>, dict_map<int, int>,
                     dict_map<int, int, colliding_hash>, chained_map<int, int>,
                     chained_map<int, int, colliding_hash>, deferred_map<int, int>,
                     versioned_map<int, int>, rwlock_map<int, int>,
                     rwlock_map<int, int, std::hash<int>, std::equal_to<int>, writer_first_mutex<>>,
                     rwlock_map<int, int, std::hash<int>, std::equal_to<int>, std::shared_mutex>,
                     sharded_map<int, int>, sharded_map<int, int, 2>, sync_map<int, int>,
                     hash_trie_map<int, int>, hash_trie_map<int, int, colliding_hash>,
                     transfer_map<int, int>, transfer_map<int, int, colliding_hash>,
                     transfer_map<int, int, transfer_map_hash, std::equal_to<int>, epochs<8, 1>>,
                     relocating_map<int, int>, relocating_map<int, int, colliding_hash>,
                     relocating_map<int, int, relocating_map_hash, epoch_reclaimer<8, 1>>,
                     relocating_map<int, int, relocating_map_hash, xenium_epochs>,
                     split_ordered_map<int, int>, split_ordered_map<int, int, colliding_hash>,
                     split_ordered<split_ordered_map_hash, epoch_reclaimer<>>,
                     split_ordered<colliding_hash, epoch_reclaimer<8, 1>>,
                     split_ordered<split_ordered_map_hash, xenium_epochs>,
                     split_ordered<colliding_hash, xenium_epochs>, snapshot_map<int, int>,
                     snapshot_map<int, int, std::less<int>, epoch_reclaimer<>>,
                     snapshot_map<int, int, std::less<int>, xenium_epochs>>;

template <class Map>
class AnyMap : public ::testing::Test {
 protected:
  using Reference = std::map<int, int>;

  /// One operation, of those that the map has.
  void step(unsigned action, int key, int value) {
    const auto at = reference_.find(key);
    const auto before = at != reference_.end() ? std::optional(at->second) : std::nullopt;
    const bool holds = before == value;
    switch (action) {
      case 0:
        ASSERT_EQ(assign(map_, key, value), !before);
        reference_[key] = value;
        break;
      case 1: ASSERT_EQ(static_cast<bool>(map_.erase(key)), reference_.erase(key) == 1); break;
      case 2: ASSERT_EQ(find(map_, key), before); break;
      case 3: ASSERT_EQ(map_.contains(key), before.has_value()); break;
      case 4:
        if constexpr (requires { map_.insert(key, value); }) {
          ASSERT_EQ(map_.insert(key, value), reference_.emplace(key, value).second);
        }
        break;
      case 5:
        if constexpr (requires { map_.exchange(key, value); }) {
          ASSERT_EQ(map_.exchange(key, value), before);
          reference_[key] = value;
        }
        break;
      case 6:
        if constexpr (requires { map_.find_or_insert(key, value); }) {
          ASSERT_EQ(map_.find_or_insert(key, value),
                    std::pair(before.value_or(value), before.has_value()));
          reference_.emplace(key, value);
        }
        break;
      case 7:
        if constexpr (requires { map_.take(key); }) {
          ASSERT_EQ(map_.take(key), before);
          reference_.erase(key);
        }
        break;
      case 8:
        if constexpr (requires { map_.compare_exchange(key, value, value); }) {
          ASSERT_EQ(map_.compare_exchange(key, value, value + 1), holds);
          if (holds) {
            at->second = value + 1;
          }
        }
        break;
      case 9:
        if constexpr (requires { map_.compare_erase(key, value); }) {
          ASSERT_EQ(map_.compare_erase(key, value), holds);
          if (holds) {
            reference_.erase(at);
          }
        }
        break;
    }
  }

  Map map_;
  Reference reference_;
};

TYPED_TEST_SUITE(AnyMap, NumberMaps);

TYPED_TEST(AnyMap, AnswersAsAMapDoes) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const int key = static_cast<int>(random() % 64) - 32;
    const int value = static_cast<int>(random() % 4);
    ASSERT_NO_FATAL_FAILURE(this->step(random() % 10, key, value));
    ASSERT_NO_FATAL_FAILURE(expect_sound(this->map_, this->reference_));
    if (i % 100 == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_equal(this->map_, this->reference_));
    }
    if (random() % 500 == 0) {
      this->map_.clear();
      this->reference_.clear();
      ASSERT_NO_FATAL_FAILURE(expect_equal(this->map_, this->reference_));
    }
  }
}

TYPED_TEST(AnyMap, GrowsToThousandsOfKeysAndBack) {
#if defined(__has_feature) && __has_feature(address_sanitizer)
  constexpr int kKeys = 2'000;  // with hashes that collide, a matter of seconds each
#else
  constexpr int kKeys = 10'000;
#endif
  auto& map = this->map_;
  auto& reference = this->reference_;
  for (int key = 0; key < kKeys; ++key) {
    ASSERT_TRUE(assign(map, key, -key));
    reference[key] = -key;
  }
  ASSERT_NO_FATAL_FAILURE(expect_equal(map, reference));
  for (int key = 0; key < kKeys; ++key) {
    ASSERT_EQ(find(map, key), -key);
    if (key % 3 != 0) {
      ASSERT_TRUE(map.erase(key));
      reference.erase(key);
    }
  }
  EXPECT_FALSE(map.contains(kKeys));
  ASSERT_NO_FATAL_FAILURE(expect_equal(map, reference));
  for (int key = 0; key < kKeys; key += 3) {
    ASSERT_TRUE(map.erase(key));
  }
  reference.clear();
  ASSERT_NO_FATAL_FAILURE(expect_equal(map, reference));
}

TYPED_TEST(AnyMap, IsFilledAgainAfterAClear) {
  auto& map = this->map_;
  map.clear();
  for (int round = 0; round < 3; ++round) {
    for (int key = 0; key < 300; ++key) {
      ASSERT_TRUE(assign(map, key, round));
      this->reference_[key] = round;
    }
    ASSERT_NO_FATAL_FAILURE(expect_equal(map, this->reference_));
    map.clear();
    this->reference_.clear();
    ASSERT_NO_FATAL_FAILURE(expect_equal(map, this->reference_));
    EXPECT_FALSE(map.contains(0));
  }
}

// Maps of strings. ------------------------------------------------------------------------------

struct string_hash {
  std::uint64_t operator()(const std::string& key, std::uint32_t seed = 0) const {
    return (std::hash<std::string>{}(key) ^ seed) * 0x9e3779b97f4a7c15U;
  }
};

using Text = std::string;
using TextMaps =
    ::testing::Types<go_map<Text, Text, string_hash>, swiss_map<Text, Text, string_hash>,
                     dict_map<Text, Text, string_hash>, chained_map<Text, Text>,
                     deferred_map<Text, Text>, versioned_map<Text, Text>, rwlock_map<Text, Text>,
                     sharded_map<Text, Text>, sync_map<Text, Text>, hash_trie_map<Text, Text>,
                     transfer_map<Text, Text, string_hash>,
                     split_ordered_map<Text, Text, string_hash>, snapshot_map<Text, Text>>;

template <class Map>
class TextMap : public ::testing::Test {};

TYPED_TEST_SUITE(TextMap, TextMaps);

TYPED_TEST(TextMap, TakesKeysAndValuesThatOwnMemory) {
  const auto text = [](int number) {
    return "a text that does not fit into the string itself, number " + std::to_string(number);
  };
  TypeParam map;
  std::map<Text, Text> reference;
  for (int i = 0; i < 1'000; ++i) {
    const Text key = text(i % 700);
    ASSERT_EQ(assign(map, key, text(i)), reference.insert_or_assign(key, text(i)).second);
  }
  ASSERT_NO_FATAL_FAILURE(expect_equal(map, reference));
  for (int i = 0; i < 1'000; i += 2) {
    const Text key = text(i);
    ASSERT_EQ(find(map, key).has_value(), reference.contains(key));
    ASSERT_EQ(static_cast<bool>(map.erase(key)), reference.erase(key) == 1);
  }
  ASSERT_NO_FATAL_FAILURE(expect_equal(map, reference));
  map.clear();
  reference.clear();
  ASSERT_NO_FATAL_FAILURE(expect_equal(map, reference));
}

}  // namespace
}  // namespace maps
