// go_map under Heddle: the locked map, its seeded bugs, and the map without a lock.
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <utility>

#include "../common/small_target.hpp"
#include "../common/structure.hpp"
#include "../common/unlocked_target.hpp"
#include "go_map.hpp"
#include "heddle/heddle.hpp"

namespace {

using Key = int;
using Mapped = int;
using maps::go_map_bug;
using maps::go_map_options;

/// The map's random source, owned by the schedule: the seed of hashes, where iterations start.
struct ScheduledRandom {
  std::uint32_t operator()() { return heddle::choose(256) * 0x9e3779b1u; }
};

/// All keys in one bucket: overflow chains.
struct OneBucket {
  std::uint64_t operator()(Key key, std::uint32_t) const {
    return static_cast<std::uint64_t>(key) << 56;
  }
};

/// Keys that are equal modulo the number of buckets collide.
struct ByNumber {
  std::uint64_t operator()(double key, std::uint32_t) const {
    return static_cast<std::uint64_t>(key);
  }
};

/// Two keys each share one of four buckets, and part where there are eight.
template <class K>
struct InPairs {
  std::uint64_t operator()(K key, std::uint32_t seed) const {
    const auto number = static_cast<std::uint64_t>(key);
    return ((number / 2 % 4) | (number % 2) << 2) ^ seed;
  }
};

template <go_map_bug Bug, class Hash = maps::seeded_hash, class Equal = std::equal_to<Key>,
          class Random = ScheduledRandom>
using Map = maps::go_map<Key, Mapped, Hash, Equal, Random, Bug>;

/// With one answer an iteration begins in front of everything, and a NaN goes to the first bucket;
/// with the other at the end, and to the last one.
template <go_map_bug Bug>
using SmallMap = Map<Bug, InPairs<Key>, std::equal_to<Key>, maps::few_random<>>;

// Small tables that stay mid-growth for long: four buckets, and the ninth key starts a growth.
constexpr go_map_options kSmall{.initial_log2 = 2, .load_numerator = 2, .load_denominator = 1};
// One chain that outgrows its bucket before the table grows: at the 11th key, at the 17th.
constexpr go_map_options kChained{.initial_log2 = 1, .load_numerator = 5, .load_denominator = 1};
constexpr go_map_options kFullChain{.initial_log2 = 1, .load_numerator = 8, .load_denominator = 1};
// Four chains whose fourth overflow bucket makes a growth at the same size due.
constexpr go_map_options kCrowded{.initial_log2 = 2, .load_numerator = 8, .load_denominator = 1};
// Overflow buckets make a growth at the same size due: four of four chains, one of the only one.
constexpr go_map_options kRoomy{.initial_log2 = 2, .load_numerator = 16, .load_denominator = 1};
constexpr go_map_options kOneChain{.initial_log2 = 0, .load_numerator = 16, .load_denominator = 1};

/// Programs speak of keys by numbers; these are numbers in the map, too.
struct Numbers {
  Key key(Key number) const { return number; }
  Key number(Key key) const { return key; }
};

/// Number 0 is a key that does not equal itself.
constexpr Key kIrreflexive = 0;
struct ZeroIsNan {
  double key(Key number) const {
    return number == kIrreflexive ? std::numeric_limits<double>::quiet_NaN() : number;
  }
  Key number(double key) const { return key == key ? static_cast<Key>(key) : kIrreflexive; }
};

/// Pointers into an array.
struct Pointers {
  std::unique_ptr<char[]> objects = std::make_unique<char[]>(20);

  const char* key(Key number) const { return &objects[static_cast<std::size_t>(number)]; }
  Key number(const char* key) const { return static_cast<Key>(key - objects.get()); }
};

/// Every operation under one lock; iterations are opened, advanced and closed in operations of
/// their own, and live across those of all threads.
template <class M, class Keys = Numbers, class Mutex = std::mutex,
          class ReadLock = std::lock_guard<Mutex>>
class Locked {
 public:
  explicit Locked(go_map_options options) : map_(options) {}

  bool insert(Key number, Mapped value) {
    return under_lock([&] { return map_.insert_or_assign(keys_.key(number), value); });
  }
  bool erase(Key number) {
    return under_lock([&] { return map_.erase(keys_.key(number)); });
  }
  std::optional<Mapped> find(Key number) {
    return under_lock<ReadLock>([&] { return map_.find(keys_.key(number)); });
  }
  std::size_t size() {
    return under_lock<ReadLock>([&] { return map_.size(); });
  }
  void clear() {
    under_lock([&] { map_.clear(); });
  }

  class Range {
   public:
    explicit Range(Locked& owner) : owner_(&owner) {
      owner.template under_lock<ReadLock>([&] { iterator_.emplace(owner.map_.begin_range()); });
    }
    Range(Range&& other) noexcept = default;
    Range& operator=(Range&&) = delete;
    ~Range() {
      if (iterator_.has_value()) {
        // Destroying the iterator unpins its generations: a write, like everything else.
        owner_->template under_lock<ReadLock>([&] { iterator_.reset(); });
      }
    }

    std::optional<std::pair<Key, Mapped>> next() {
      return owner_->template under_lock<ReadLock>([&]() -> std::optional<std::pair<Key, Mapped>> {
        if (!iterator_->next()) {
          return std::nullopt;
        }
        return std::pair(owner_->keys_.number(iterator_->key()), iterator_->mapped());
      });
    }

   private:
    Locked* owner_;
    std::optional<typename M::iterator> iterator_;
  };

  std::string validate() const { return map_.validate(); }
  std::string to_text() const { return map_.to_text(); }

 protected:
  template <class Lock = std::lock_guard<Mutex>, class Work>
  auto under_lock(Work work) {
    const Lock lock(mutex_);
    heddle::linearization_point();
    return work();
  }

  M map_;
  Mutex mutex_;
  [[no_unique_address]] Keys keys_;
};

/// Decides to grow before it takes the lock. By the time it grows, the decision is stale.
template <class M>
class GrowsOutsideLock : public Locked<M> {
 public:
  using Locked<M>::Locked;

  bool insert(Key key, Mapped value) {
    const bool grow = this->map_.wants_growth();
    return this->under_lock([&] {
      if (grow) {
        this->map_.start_growth();
      }
      return this->map_.insert_or_assign(key, value);
    });
  }
};

/// Readers share a lock, also those that iterate.
template <class M>
using SharesReads = Locked<M, Numbers, std::shared_mutex, std::shared_lock<std::shared_mutex>>;

template <class Subject>
void add_operations(heddle::Subject<Subject>& s, heddle::Ints key, heddle::Ints value) {
  s.op("insert", &Subject::insert, key, value).means(heddle::Role::kAssign).weight(8);
  s.op("erase", &Subject::erase, key).means(heddle::Role::kErase).weight(2);
  s.op("find", &Subject::find, key).means(heddle::Role::kFind);
  s.op("size", &Subject::size).means(heddle::Role::kSize).weight(1);
  s.op("clear", &Subject::clear).means(heddle::Role::kClear).weight(1);
  auto range = s.template cursor<typename Subject::Range>(
      "open", "close", [](Subject& m) { return typename Subject::Range(m); });
  range.op("next", &Subject::Range::next).means(heddle::Role::kNext).weight(12);
}

template <class Subject>
heddle::Subject<Subject> declare(heddle::Target& t, go_map_options options, int keys,
                                 const char* description,
                                 const heddle::Contract& contract = heddle::contracts::go_range()) {
  t.describe(description);
  auto s = t.subject<Subject>([options] { return std::make_unique<Subject>(options); });
  add_operations(s, t.ints(0, keys - 1), t.ints(0, 99));
  s.follows(contract);
  t.operations_per_thread(12);
  return s;
}

template <class M>
auto declare_locked(heddle::Target& t, go_map_options options, int keys, const char* description) {
  return declare<Locked<M>>(t, options, keys, description);
}

void insert(heddle::Start& start, int from, int to, int step = 1) {
  for (int key = from; key < to; key += step) {
    start.run("insert", key, key);
  }
}

void erase(heddle::Start& start, int from, int to, int step = 1) {
  for (int key = from; key < to; key += step) {
    start.run("erase", key);
  }
}

// Programs with long chains need many insertions.
void make_programs_long(heddle::Target& t) {
  t.setup_operations(40);
  t.operations_per_thread(28);
}

// ---- the clean map, in the shapes in which its bugs are seeded ----

HEDDLE_TARGET(go_map, t) {
  using M = Map<go_map_bug::none>;
  auto s = declare_locked<M>(t, kSmall, 20, "Go's map before 1.24, every operation under one lock");
  maps::declare_sound(s);
  s.start("mid-migration", [](heddle::Start& start) { insert(start, 0, 9); });
  s.start("tombstones", [](heddle::Start& start) {
    insert(start, 0, 8);
    erase(start, 0, 8, 2);
  });
}

HEDDLE_TARGET(go_map_as_shipped, t) {
  declare_locked<Map<go_map_bug::none>>(t, {}, 20, "the same, grown as Go grows it");
}

HEDDLE_TARGET(go_map_chained, t) {
  declare_locked<Map<go_map_bug::none, OneBucket>>(t, kChained, 20,
                                                   "the same, all keys in one short chain");
}

HEDDLE_TARGET(go_map_long_chain, t) {
  auto s = declare_locked<Map<go_map_bug::none, OneBucket>>(t, kFullChain, 20,
                                                            "the same, all keys in one long chain");
  maps::declare_sound(s);
  s.start("full", [](heddle::Start& start) { insert(start, 0, 16); });
  s.start("tombstones", [](heddle::Start& start) {
    insert(start, 0, 16);
    erase(start, 0, 15);
  });
  make_programs_long(t);
}

// Each chain has an overflow bucket and hardly an entry: the next new key starts a growth.
void insert_sparse_chains(heddle::Start& start, int kept) {
  for (int residue = 0; residue < 4; ++residue) {
    insert(start, 4 + residue, 40 + residue, 4);
    erase(start, 4 + residue, 40 - 4 * kept + residue, 4);
  }
}

template <go_map_bug Bug>
auto declare_same_size(heddle::Target& t, const char* description) {
  auto s = declare_locked<Map<Bug, ByNumber>>(t, kCrowded, 20, description);
  s.start("sparse chains", [](heddle::Start& start) { insert_sparse_chains(start, 2); });
  return s;
}

HEDDLE_TARGET(go_map_same_size, t) {
  auto s = declare_same_size<go_map_bug::none>(t, "the same, rebuilt at the same size");
  maps::declare_sound(s);
}

/// Few keys, so that many are NaN.
template <go_map_bug Bug>
auto declare_nan(heddle::Target& t, go_map_options options, const char* description) {
  using M = maps::go_map<double, Mapped, ByNumber, std::equal_to<double>, ScheduledRandom, Bug>;
  return declare<Locked<M, ZeroIsNan>>(t, options, 4, description,
                                       heddle::contracts::go_range(kIrreflexive));
}

void insert_nans(heddle::Start& start, int count) {
  for (int value = 0; value < count; ++value) {
    start.run("insert", kIrreflexive, value);
  }
}

template <go_map_bug Bug>
auto declare_growing_nan(heddle::Target& t, const char* description) {
  auto s = declare_nan<Bug>(t, kSmall, description);
  s.start("grows next", [](heddle::Start& start) { insert_nans(start, 8); });
  s.start("mid-migration", [](heddle::Start& start) { insert_nans(start, 9); });
  return s;
}

template <go_map_bug Bug>
auto declare_compacting_nan(heddle::Target& t, const char* description) {
  auto s = declare_nan<Bug>(t, kCrowded, description);
  s.start("sparse chains", [](heddle::Start& start) {
    insert_nans(start, 4);
    insert_sparse_chains(start, 0);
  });
  return s;
}

HEDDLE_TARGET(go_map_nan, t) {
  auto s = declare_growing_nan<go_map_bug::none>(t, "the same, with keys unequal to themselves");
  maps::declare_sound(s);
}

HEDDLE_TARGET(go_map_nan_same_size, t) {
  auto s = declare_compacting_nan<go_map_bug::none>(
      t, "the same, with keys unequal to themselves, rebuilt at the same size");
  maps::declare_sound(s);
}

HEDDLE_TARGET(go_map_pointers, t) {
  using M = maps::go_map<const char*, Mapped, maps::seeded_hash, std::equal_to<>, ScheduledRandom>;
  auto s = declare<Locked<M, Pointers>>(t, kSmall, 20, "the same, with pointers for keys");
  maps::declare_sound(s);
}

// ---- seeded bugs ----

HEDDLE_VARIANT(go_map, frees_old_buckets_under_iterator, "heap", t) {
  declare_locked<Map<go_map_bug::frees_old_buckets_under_iterator>>(
      t, {}, 20,
      "the end of a migration frees the old buckets although an iterator stands in them");
  t.seeded({.threads = 1, .operations = 3});
}

HEDDLE_VARIANT(go_map, frees_overflow_under_iterator, "heap", t) {
  declare_locked<Map<go_map_bug::frees_overflow_under_iterator, OneBucket>>(
      t, kChained, 20,
      "migrating a chain frees its overflow buckets although an iterator stands in one");
  t.seeded({.threads = 1, .operations = 3});
}

HEDDLE_VARIANT(go_map, advances_mark_before_copy, "iteration", t) {
  declare_locked<Map<go_map_bug::advances_mark_before_copy>>(
      t, kSmall, 20, "a bucket counts as evacuated one write before its entries are copied");
  t.seeded({.threads = 1, .operations = 2});
}

HEDDLE_VARIANT(go_map, skips_check_bucket, "iteration", t) {
  declare_locked<Map<go_map_bug::skips_check_bucket>>(
      t, kSmall, 20,
      "an iterator in an old bucket does not check which new bucket an entry is for");
  t.seeded({.threads = 1, .operations = 3});
}

HEDDLE_VARIANT(go_map, reuses_overflow_bucket_early, "iteration", t) {
  declare_locked<Map<go_map_bug::reuses_overflow_bucket_early, OneBucket>>(
      t, kFullChain, 20,
      "overflow buckets of a migrated chain serve again while an iterator stands in one");
  make_programs_long(t);
  t.seeded({.threads = 1, .operations = 12});
}

HEDDLE_VARIANT(go_map, unpins_only_at_end, "heap", t) {
  declare_locked<Map<go_map_bug::unpins_only_at_end>>(
      t, kSmall, 20, "an iterator that is closed before its end never gives its buckets back");
  t.seeded({.threads = 1, .operations = 1});
}

HEDDLE_VARIANT(go_map, resurrects_cleared_entries, "iteration", t) {
  declare_locked<Map<go_map_bug::resurrects_cleared_entries>>(
      t, kSmall, 20, "clear() forgets the old buckets of a migration in progress");
  t.seeded({.threads = 1, .operations = 3, .source = "golang/go issue 59411"});
}

HEDDLE_VARIANT(go_map, grows_outside_lock, "race", t) {
  declare<GrowsOutsideLock<Map<go_map_bug::none>>>(
      t, kSmall, 20, "an insert decides to grow before it takes the lock");
  t.seeded({.threads = 2, .operations = 1});
}

HEDDLE_VARIANT(go_map, walks_old_chain_unpinned, "heap", t) {
  declare_locked<Map<go_map_bug::walks_old_chain_unpinned>>(
      t, kSmall, 20, "an iterator pins the array that it was opened on, not the old one it walks");
  t.seeded({.threads = 2, .operations = 3});
}

HEDDLE_VARIANT(go_map, iterates_under_shared_lock, "race", t) {
  declare<SharesReads<Map<go_map_bug::none>>>(t, kSmall, 20,
                                              "readers share a lock, also those that iterate");
  t.seeded({.threads = 2, .operations = 1, .source = "Go sets its iterator flags by an atomic or"});
}

HEDDLE_VARIANT(go_map_same_size, same_size_splits, "iteration", t) {
  declare_same_size<go_map_bug::same_size_splits>(
      t, "a growth at the same size sends entries to two halves that are one");
  t.seeded({.threads = 1, .operations = 10});
}

HEDDLE_VARIANT(go_map_nan, clear_keeps_era, "iteration", t) {
  declare_growing_nan<go_map_bug::clear_keeps_era>(
      t, "clear() does not tell iterators, which still yield NaN from chains that had migrated");
  t.seeded({.threads = 1, .operations = 4, .source = "after golang/go issue 59411"});
}

HEDDLE_VARIANT(go_map_nan, looks_up_stale_nan, "iteration", t) {
  declare_growing_nan<go_map_bug::looks_up_stale_nan>(
      t, "an iterator looks a NaN up whose chain has migrated, and does not find it");
  t.seeded({.threads = 1, .operations = 3});
}

HEDDLE_VARIANT(go_map_nan, sends_nan_anywhere, "iteration", t) {
  declare_growing_nan<go_map_bug::sends_nan_anywhere>(
      t, "a NaN migrates by chance, not to where iterators expect it");
  t.seeded({.threads = 1, .operations = 4});
}

HEDDLE_VARIANT(go_map_nan_same_size, same_size_checks_bucket, "iteration", t) {
  declare_compacting_nan<go_map_bug::same_size_checks_bucket>(
      t, "an iterator asks to which half a NaN goes although nothing splits");
  t.seeded({.threads = 1, .operations = 4});
}

// ---- small enough for every execution: `heddle check` ----

void insert_eight(heddle::Start& start, Key eighth) {
  insert(start, 1, 8);
  insert(start, eighth, eighth + 1);
}

template <class Subject, class Options>
auto declare_small(heddle::Target& t, Options options, const char* description,
                   const heddle::Contract& contract = heddle::contracts::go_range()) {
  t.describe(description);
  maps::make_programs_small(t);
  auto s = t.subject<Subject>([options] { return std::make_unique<Subject>(options()); });
  add_operations(s, t.ints(0, 1), t.ints(100, 100));
  s.follows(contract);
  return s;
}

/// Four buckets, where the ninth entry starts a growth that takes three writes; or one chain, where
/// it takes an overflow bucket, and the tenth rebuilds the chain.
go_map_options either_small_shape() { return heddle::choose(2) == 0 ? kSmall : kOneChain; }

/// An iteration is under way before the threads come, and has an entry or two to go.
template <class Subject>
void add_growing_starts(heddle::Subject<Subject>& s, Key eighth) {
  s.start("mid-migration, iterator of new buckets", [=](heddle::Start& start) {
    insert_eight(start, eighth);
    insert(start, 9, 10);
    maps::iterate(start, 8);
    erase(start, 2, 3);
  });
  s.start("mid-migration, iterator of old buckets", [=](heddle::Start& start) {
    insert_eight(start, eighth);
    maps::iterate(start, 7);
    insert(start, 9, 10);
  });
  s.start("grows next", [=](heddle::Start& start) {
    insert_eight(start, eighth);
    maps::iterate(start, 7);
  });
}

/// Key 0 comes by the threads only.
template <go_map_bug Bug, template <class> class Subject = Locked>
auto declare_small_numbers(heddle::Target& t, const char* description) {
  auto s = declare_small<Subject<SmallMap<Bug>>>(t, either_small_shape, description);
  add_growing_starts(s, 8);
  return s;
}

HEDDLE_TARGET(go_map_small, t) {
  auto s = declare_small_numbers<go_map_bug::none>(t, "Go's map, small enough to be checked");
  maps::declare_sound(s);
}

HEDDLE_VARIANT(go_map_small, frees_old_buckets_under_iterator, "heap", t) {
  declare_small_numbers<go_map_bug::frees_old_buckets_under_iterator>(t, "as in go_map");
}

HEDDLE_VARIANT(go_map_small, frees_overflow_under_iterator, "heap", t) {
  declare_small_numbers<go_map_bug::frees_overflow_under_iterator>(t, "as in go_map");
}

HEDDLE_VARIANT(go_map_small, advances_mark_before_copy, "iteration", t) {
  declare_small_numbers<go_map_bug::advances_mark_before_copy>(t, "as in go_map");
}

HEDDLE_VARIANT(go_map_small, skips_check_bucket, "iteration", t) {
  declare_small_numbers<go_map_bug::skips_check_bucket>(t, "as in go_map");
}

HEDDLE_VARIANT(go_map_small, reuses_overflow_bucket_early, "iteration", t) {
  declare_small_numbers<go_map_bug::reuses_overflow_bucket_early>(t, "as in go_map");
  t.seeded({.operations = 2});
}

HEDDLE_VARIANT(go_map_small, unpins_only_at_end, "heap", t) {
  declare_small_numbers<go_map_bug::unpins_only_at_end>(t, "as in go_map");
}

HEDDLE_VARIANT(go_map_small, resurrects_cleared_entries, "iteration", t) {
  declare_small_numbers<go_map_bug::resurrects_cleared_entries>(t, "as in go_map");
}

HEDDLE_VARIANT(go_map_small, grows_outside_lock, "race", t) {
  declare_small_numbers<go_map_bug::none, GrowsOutsideLock>(t, "as in go_map");
}

HEDDLE_VARIANT(go_map_small, walks_old_chain_unpinned, "heap", t) {
  declare_small_numbers<go_map_bug::walks_old_chain_unpinned>(t, "as in go_map");
}

HEDDLE_VARIANT(go_map_small, iterates_under_shared_lock, "race", t) {
  declare_small_numbers<go_map_bug::none, SharesReads>(t, "as in go_map");
}

HEDDLE_VARIANT(go_map_small, same_size_splits, "iteration", t) {
  declare_small_numbers<go_map_bug::same_size_splits>(t, "as in go_map_same_size");
}

template <go_map_bug Bug, class Random, class Options>
auto declare_small_nan(heddle::Target& t, Options options, const char* description) {
  using M = maps::go_map<double, Mapped, InPairs<double>, std::equal_to<double>, Random, Bug>;
  return declare_small<Locked<M, ZeroIsNan>>(t, options, description,
                                             heddle::contracts::go_range(kIrreflexive));
}

template <go_map_bug Bug>
auto declare_small_growing_nan(heddle::Target& t, const char* description) {
  auto s = declare_small_nan<Bug, maps::few_random<>>(t, either_small_shape, description);
  add_growing_starts(s, kIrreflexive);
  return s;
}

/// Each of four chains has an overflow bucket, so the next new key, in the second, starts a growth
/// at the same size. A NaN in the last bucket has the tophash of one that would not go to that
/// half.
using FewEvenTops = maps::few_random<0xfeff'ffff>;

template <go_map_bug Bug>
auto declare_small_compacting_nan(heddle::Target& t, const char* description) {
  auto s = declare_small_nan<Bug, FewEvenTops>(t, [] { return kRoomy; }, description);
  s.start("mid-rebuild", [](heddle::Start& start) {
    insert(start, 0, 39);
    insert(start, 42, 43);
    maps::iterate(start, 39);
  });
  return s;
}

HEDDLE_TARGET(go_map_small_nan, t) {
  auto s = declare_small_growing_nan<go_map_bug::none>(t, "the same, with a key unequal to itself");
  maps::declare_sound(s);
}

HEDDLE_VARIANT(go_map_small_nan, clear_keeps_era, "iteration", t) {
  declare_small_growing_nan<go_map_bug::clear_keeps_era>(t, "as in go_map_nan");
}

HEDDLE_VARIANT(go_map_small_nan, looks_up_stale_nan, "iteration", t) {
  declare_small_growing_nan<go_map_bug::looks_up_stale_nan>(t, "as in go_map_nan");
}

HEDDLE_VARIANT(go_map_small_nan, sends_nan_anywhere, "iteration", t) {
  declare_small_growing_nan<go_map_bug::sends_nan_anywhere>(t, "as in go_map_nan");
}

HEDDLE_TARGET(go_map_small_nan_same_size, t) {
  auto s = declare_small_compacting_nan<go_map_bug::none>(t, "the same, rebuilt at the same size");
  maps::declare_sound(s);
}

HEDDLE_VARIANT(go_map_small_nan_same_size, same_size_checks_bucket, "iteration", t) {
  declare_small_compacting_nan<go_map_bug::same_size_checks_bucket>(t,
                                                                    "as in go_map_nan_same_size");
}

// ---- no lock ----

HEDDLE_TARGET(go_map_unlocked, t) { maps::declare_unlocked<Map<go_map_bug::none>>(t, kSmall, 20); }

// ---- a lock that writers let go ----

/// Operations overlap, but no accesses race: in the middle of a write, where it compares keys,
/// others get the lock. What must notice is the map's own detector.
template <go_map_bug Bug, class Random = ScheduledRandom>
class Overlapping {
  /// Not while the map is only looked at: what a write then does to a reader, nobody detects.
  struct LetsGo {
    Overlapping* owner;

    bool operator()(Key a, Key b) const {
      if (owner->map_.writing()) {
        owner->mutex_.unlock();
        owner->mutex_.lock();
      }
      return a == b;
    }
  };
  using M = Map<Bug, maps::seeded_hash, LetsGo, Random>;

 public:
  bool insert(Key key, Mapped value) {
    return detecting([&] { return map_.insert_or_assign(key, value); });
  }
  bool erase(Key key) {
    return detecting([&] { return map_.erase(key); });
  }
  std::optional<Mapped> find(Key key) {
    return detecting([&] { return map_.find(key); });
  }

  class Range {
   public:
    explicit Range(Overlapping& owner) : owner_(&owner) {
      const std::lock_guard lock(owner.mutex_);
      iterator_.emplace(owner.map_.begin_range());
    }
    Range(Range&& other) noexcept = default;
    Range& operator=(Range&&) = delete;
    ~Range() {
      const std::lock_guard lock(owner_->mutex_);
      iterator_.reset();
    }

    bool next() {
      return owner_->detecting([&] {
        const bool met_a_write = owner_->map_.writing();
        const bool yielded = iterator_->next();
        HEDDLE_CHECK(!(yielded && met_a_write));
        return yielded;
      });
    }

   private:
    Overlapping* owner_;
    std::optional<typename M::iterator> iterator_;
  };

 private:
  template <class Work>
  auto detecting(Work work) -> decltype(work()) {
    const std::lock_guard lock(mutex_);
    try {
      return work();
    } catch (const maps::overlap_error&) {
      return {};
    }
  }

  M map_{kSmall, {}, LetsGo{this}};
  std::mutex mutex_;
};

template <class S>
auto declare_overlapping(heddle::Target& t, int keys, int values, const char* description) {
  t.describe(description);
  auto s = t.subject<S>();
  const auto key = t.ints(0, keys - 1);
  s.op("insert", &S::insert, key, t.ints(0, values - 1)).weight(8);
  s.op("erase", &S::erase, key).weight(2);
  s.op("find", &S::find, key);
  auto range = s.template cursor<typename S::Range>("open", "close",
                                                    [](S& m) { return typename S::Range(m); });
  range.op("next", &S::Range::next).weight(8);
  return s;
}

HEDDLE_TARGET(go_map_overlapping, t) {
  declare_overlapping<Overlapping<go_map_bug::none>>(
      t, 20, 100, "writes let their lock go half-way; the map's own detector notices who comes in");
}

HEDDLE_VARIANT(go_map_overlapping, next_ignores_writing_flag, "check", t) {
  declare_overlapping<Overlapping<go_map_bug::next_ignores_writing_flag>>(
      t, 20, 100, "next() does not look for a write in progress");
  t.seeded({.threads = 2, .operations = 2});
}

template <go_map_bug Bug>
void declare_small_overlapping(heddle::Target& t, const char* description) {
  maps::make_programs_small(t);
  auto s = declare_overlapping<Overlapping<Bug, maps::few_random<>>>(t, 2, 1, description);
  s.start("two entries, one yielded", [](heddle::Start& start) {
    insert(start, 0, 2);
    maps::iterate(start, 1);
  });
}

HEDDLE_TARGET(go_map_small_overlapping, t) {
  declare_small_overlapping<go_map_bug::none>(t, "the same, small enough to be checked");
}

HEDDLE_VARIANT(go_map_small_overlapping, next_ignores_writing_flag, "check", t) {
  declare_small_overlapping<go_map_bug::next_ignores_writing_flag>(t, "as in go_map_overlapping");
}

}  // namespace
