// chained_map and std::unordered_map under Heddle, shared under one lock: what may be wrong in the
// map, and what may be wrong in how it is used.
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "../common/small_target.hpp"
#include "chained_map.hpp"
#include "heddle/heddle.hpp"

namespace {

using heddle::Role;
using maps::chained_map_bug;

/// What users of a map with node pointers for iterators get wrong.
enum class Mistake {
  kNone,
  kErasesThenAdvances,
  kKeepsReferenceOverErasure,
  kUnlocksBetweenEntries,
  kErasesUnderSharedLock,
  kAsksSizeWithoutLock,
  kInsertsWithoutLookingAgain,
};

/// Neighbours in the keys share a bucket.
struct Paired {
  std::size_t operator()(int key) const { return static_cast<std::size_t>(key) / 2; }
};

template <chained_map_bug Bug = chained_map_bug::none>
using Chained = maps::chained_map<int, int, Paired, std::equal_to<int>, Bug>;

using Unordered = std::unordered_map<int, int, Paired>;

/// Writes under the lock, lookups and iterations under the shared lock. The entry inserted last is
/// kept at hand, by a reference to it.
template <class Map, Mistake Wrong = Mistake::kNone>
class Shared {
 public:
  bool insert(int key, int value) {
    const std::unique_lock lock(mutex_);
    const auto [at, is_new] = map_.insert_or_assign(key, value);
    last_ = &*at;
    return is_new;
  }

  std::pair<int, bool> find_or_insert(int key, int value) {
    if (const std::optional<int> found = find(key)) {
      return {*found, true};
    }
    if constexpr (Wrong == Mistake::kInsertsWithoutLookingAgain) {
      insert(key, value);
      return {value, false};
    }
    const std::unique_lock lock(mutex_);
    const auto [at, is_new] = map_.try_emplace(key, value);
    return {at->second, !is_new};
  }

  bool erase(int key) {
    using Lock = std::conditional_t<Wrong == Mistake::kErasesUnderSharedLock,
                                    std::shared_lock<std::shared_mutex>,
                                    std::unique_lock<std::shared_mutex>>;
    const Lock lock(mutex_);
    if (Wrong != Mistake::kKeepsReferenceOverErasure && last_ != nullptr && last_->first == key) {
      last_ = nullptr;
    }
    return map_.erase(key) == 1;
  }

  std::optional<int> find(int key) {
    const std::shared_lock lock(mutex_);
    if (last_ != nullptr && last_->first == key) {
      return last_->second;
    }
    const auto at = std::as_const(map_).find(key);
    return at != map_.end() ? std::optional(at->second) : std::nullopt;
  }

  std::size_t size() {
    if constexpr (Wrong == Mistake::kAsksSizeWithoutLock) {
      return map_.size();
    }
    const std::shared_lock lock(mutex_);
    return map_.size();
  }

  /// One by one, in an iteration.
  void clear() {
    const std::unique_lock lock(mutex_);
    last_ = nullptr;
    for (auto it = map_.begin(); it != map_.end();) {
      if constexpr (Wrong == Mistake::kErasesThenAdvances) {
        map_.erase(it);
        ++it;
      } else {
        it = map_.erase(it);
      }
    }
  }

  void iterate() {
    std::shared_lock lock(mutex_);
    for (auto it = map_.begin(); it != map_.end(); ++it) {
      heddle::yielded(it->first, it->second);
      if constexpr (Wrong == Mistake::kUnlocksBetweenEntries) {
        lock.unlock();
        lock.lock();
      }
    }
  }

  std::string validate() const
    requires(!std::is_same_v<Map, Unordered>)
  {
    return map_.validate();
  }

 private:
  Map map_{2};
  typename Map::value_type* last_ = nullptr;
  std::shared_mutex mutex_;
};

/// Without what erases, references can only suffer from a rehash, and so can iterations.
struct Shape {
  bool erasing = true;
  int keys = 8;
  int values = 100;
};

template <class S>
heddle::Subject<S> declare(heddle::Target& t, const char* description, Shape shape = {}) {
  t.describe(description);
  auto s = t.subject<S>();
  const auto key = t.ints(0, shape.keys - 1);
  const auto value = t.ints(0, shape.values - 1);
  s.op("insert", &S::insert, key, value).means(Role::kAssign).weight(8);
  s.op("find_or_insert", &S::find_or_insert, key, value).means(Role::kFindOrInsert);
  s.op("find", &S::find, key).means(Role::kFind);
  s.op("size", &S::size).means(Role::kSize).weight(2);
  if (shape.erasing) {
    s.op("erase", &S::erase, key).means(Role::kErase);
    s.op("clear", &S::clear).means(Role::kClear).weight(1);
  }
  s.op("iterate", &S::iterate).means(Role::kIterate).weight(2);
  t.operations_per_thread(4);
  t.setup_operations(4);
  return s;
}

template <class S>
void judge(heddle::Subject<S> s) {
  s.linearizable();
  s.follows(heddle::contracts::snapshot());
}

template <class S>
void declare_judged(heddle::Target& t, const char* description, Shape shape = {}) {
  judge(declare<S>(t, description, shape));
}

HEDDLE_TARGET(chained_map, t) {
  auto s = declare<Shared<Chained<>>>(t, "chained nodes like std::unordered_map's, under a lock");
  judge(s);
  s.invariant([](const auto& map) { return map.validate(); });
}

HEDDLE_TARGET(unordered_map_shared, t) {
  declare_judged<Shared<Unordered>>(t, "std::unordered_map, used in the same way");
}

// ---- seeded bugs of the map ----

template <chained_map_bug Bug>
using Buggy = Shared<Chained<Bug>>;

HEDDLE_VARIANT(chained_map, rehash_drops_rest_of_chain, "linearizability", t) {
  declare_judged<Buggy<chained_map_bug::rehash_drops_rest_of_chain>>(
      t, "a rehash moves the first node of a bucket and drops the rest");
  t.seeded({.threads = 1, .operations = 2});
}

HEDDLE_VARIANT(chained_map, rehash_unlinks_before_allocating, "linearizability", t) {
  declare_judged<Buggy<chained_map_bug::rehash_unlinks_before_allocating>>(
      t, "a rehash takes the buckets away before it has memory for the new ones");
  t.seeded({.threads = 1, .operations = 2, .needs = "bad-alloc"});
}

HEDDLE_VARIANT(chained_map, rehash_makes_new_nodes, "heap", t) {
  declare<Buggy<chained_map_bug::rehash_makes_new_nodes>>(
      t, "a rehash copies nodes, so references do not survive it");
  t.seeded({.threads = 1, .operations = 2});
}

HEDDLE_VARIANT(chained_map, counts_before_allocating, "linearizability", t) {
  declare_judged<Buggy<chained_map_bug::counts_before_allocating>>(
      t, "an insertion counts its entry before it has memory for it");
  t.seeded({.threads = 1, .operations = 2, .needs = "bad-alloc"});
}

HEDDLE_VARIANT(chained_map, erase_reads_freed_node, "heap", t) {
  declare<Buggy<chained_map_bug::erase_reads_freed_node>>(
      t, "erase(it) asks the node that it has freed for the next one");
  t.seeded({.threads = 1, .operations = 1});
}

HEDDLE_VARIANT(chained_map, erase_shrinks, "linearizability", t) {
  declare_judged<Buggy<chained_map_bug::erase_shrinks>>(
      t, "erase(it) may rehash, under a loop that goes on from what it returns");
  t.seeded({.threads = 1, .operations = 3});
}

HEDDLE_VARIANT(chained_map, find_moves_to_front, "race", t) {
  declare<Buggy<chained_map_bug::find_moves_to_front>>(
      t, "a lookup moves what it finds to the front of its bucket");
  t.seeded({.operations = 1});
}

// ---- mistakes of users ----

HEDDLE_VARIANT(chained_map, erases_then_advances, "heap", t) {
  declare<Shared<Chained<>, Mistake::kErasesThenAdvances>>(
      t, "erase(it), then ++it: the step reads the erased node");
  t.seeded({.threads = 1, .operations = 1, .source = "SEI CERT C++, CTR51-CPP"});
}

HEDDLE_VARIANT(unordered_map_shared, erases_then_advances, "heap", t) {
  declare<Shared<Unordered, Mistake::kErasesThenAdvances>>(
      t, "erase(it), then ++it: the step reads the erased node");
  t.seeded({.threads = 1, .operations = 1, .source = "SEI CERT C++, CTR51-CPP"});
}

HEDDLE_VARIANT(chained_map, keeps_reference_over_erasure, "heap", t) {
  declare<Shared<Chained<>, Mistake::kKeepsReferenceOverErasure>>(
      t, "a reference to the entry inserted last outlives the entry");
  t.seeded({.threads = 1, .operations = 2});
}

HEDDLE_VARIANT(unordered_map_shared, keeps_reference_over_erasure, "heap", t) {
  declare<Shared<Unordered, Mistake::kKeepsReferenceOverErasure>>(
      t, "a reference to the entry inserted last outlives the entry");
  t.seeded({.threads = 1, .operations = 2});
}

HEDDLE_VARIANT(chained_map, iterates_across_erasures, "heap", t) {
  declare<Shared<Chained<>, Mistake::kUnlocksBetweenEntries>>(
      t, "an iteration lets the lock go between two entries, and its own entry is erased");
  t.seeded({.operations = 1});
}

HEDDLE_VARIANT(chained_map, iterates_across_rehashes, "iteration", t) {
  declare_judged<Shared<Chained<>, Mistake::kUnlocksBetweenEntries>>(
      t, "an iteration lets the lock go between two entries, and an insertion rehashes",
      {.erasing = false});
  t.seeded({.operations = 1});
}

HEDDLE_VARIANT(unordered_map_shared, erases_under_shared_lock, "race", t) {
  declare<Shared<Unordered, Mistake::kErasesUnderSharedLock>>(
      t, "erasures hold the lock that is for lookups");
  t.seeded({.operations = 1});
}

HEDDLE_VARIANT(unordered_map_shared, asks_size_without_lock, "race", t) {
  declare<Shared<Unordered, Mistake::kAsksSizeWithoutLock>>(t, "size() is asked without the lock");
  t.seeded({.operations = 1});
}

HEDDLE_VARIANT(unordered_map_shared, inserts_without_looking_again, "linearizability", t) {
  declare_judged<Shared<Unordered, Mistake::kInsertsWithoutLookingAgain>>(
      t, "who finds nothing under the shared lock overwrites what came before the other lock");
  t.seeded({.operations = 1});
}

// ---- small enough for every execution: `heddle check` ----

/// Two buckets, both entries in one of them: the third key makes them four.
template <class S>
heddle::Subject<S> declare_small(heddle::Target& t, const char* description) {
  auto s = declare<S>(t, description, {.keys = 2, .values = 1});
  s.start("rehashes next", [](heddle::Start& start) {
    start.run("insert", 5, 0);
    start.run("insert", 1, 0);
  });
  maps::make_programs_small(t);
  return s;
}

template <class S>
heddle::Subject<S> declare_small_judged(heddle::Target& t, const char* description) {
  auto s = declare_small<S>(t, description);
  judge(s);
  return s;
}

HEDDLE_TARGET(chained_map_small, t) {
  declare_small_judged<Shared<Chained<>>>(t, "the map, small enough to be checked")
      .invariant([](const auto& map) { return map.validate(); });
}

HEDDLE_VARIANT(chained_map_small, rehash_drops_rest_of_chain, "heap", t) {
  declare_small_judged<Buggy<chained_map_bug::rehash_drops_rest_of_chain>>(t, "as in chained_map");
}

HEDDLE_VARIANT(chained_map_small, rehash_unlinks_before_allocating, "heap", t) {
  declare_small_judged<Buggy<chained_map_bug::rehash_unlinks_before_allocating>>(
      t, "as in chained_map");
  t.seeded({.needs = "bad-alloc"});
}

HEDDLE_VARIANT(chained_map_small, rehash_makes_new_nodes, "heap", t) {
  declare_small<Buggy<chained_map_bug::rehash_makes_new_nodes>>(t, "as in chained_map");
}

HEDDLE_VARIANT(chained_map_small, counts_before_allocating, "linearizability", t) {
  declare_small_judged<Buggy<chained_map_bug::counts_before_allocating>>(t, "as in chained_map");
  t.seeded({.needs = "bad-alloc"});
}

HEDDLE_VARIANT(chained_map_small, erase_reads_freed_node, "heap", t) {
  declare_small<Buggy<chained_map_bug::erase_reads_freed_node>>(t, "as in chained_map");
}

HEDDLE_VARIANT(chained_map_small, find_moves_to_front, "race", t) {
  declare_small<Buggy<chained_map_bug::find_moves_to_front>>(t, "as in chained_map");
  t.seeded({.operations = 2});
}

HEDDLE_VARIANT(chained_map_small, erases_then_advances, "heap", t) {
  declare_small<Shared<Chained<>, Mistake::kErasesThenAdvances>>(t, "as in chained_map");
}

HEDDLE_VARIANT(chained_map_small, keeps_reference_over_erasure, "heap", t) {
  declare_small<Shared<Chained<>, Mistake::kKeepsReferenceOverErasure>>(t, "as in chained_map");
}

HEDDLE_VARIANT(chained_map_small, iterates_across_erasures, "heap", t) {
  declare_small<Shared<Chained<>, Mistake::kUnlocksBetweenEntries>>(t, "as in chained_map");
}

}  // namespace
