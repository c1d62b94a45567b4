// transfer_map under Heddle: the map in the middle of its growth, and the seeded bugs.
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string>

#include "../common/iterations.hpp"
#include "../common/structure.hpp"
#include "heddle/heddle.hpp"
#include "transfer_map.hpp"

namespace {

using Key = int;
using Mapped = int;
using maps::transfer_map_bug;

/// Chains are longer than in a good hash: as long as the table has fewer than eight bins, half of
/// them or more are empty.
struct TwiceTheKey {
  std::uint64_t operator()(Key key) const { return static_cast<std::uint64_t>(key) * 2; }
};

// What is retired is freed by the next operation that may.
using Epochs = maps::epochs<8, 1>;

template <transfer_map_bug Bug, class T = Mapped>
using Map = maps::transfer_map<Key, T, TwiceTheKey, std::equal_to<Key>, Epochs, Bug>;

// The second, the third and the fourth key start a transfer each.
constexpr maps::transfer_map_options kTiny{.initial_bins = 1, .stride = 1};

template <transfer_map_bug Bug>
void declare(heddle::Target& t, const char* description) {
  using M = Map<Bug>;
  t.describe(description);
  auto s = t.subject<M>([] { return std::make_unique<M>(kTiny); });
  const auto key = t.ints(0, 3);
  const auto value = t.ints(0, 3);
  s.op("insert", &M::insert, key, value).means(heddle::Role::kInsert);
  s.op("assign", &M::insert_or_assign, key, value).means(heddle::Role::kAssign);
  s.op("exchange", &M::exchange, key, value).means(heddle::Role::kExchange).weight(2);
  s.op("find_or_insert", &M::find_or_insert, key, value).means(heddle::Role::kFindOrInsert);
  s.op("erase", &M::erase, key).means(heddle::Role::kErase);
  s.op("take", &M::take, key).means(heddle::Role::kTake).weight(2);
  s.op("compare_exchange", &M::compare_exchange, key, value, value)
      .means(heddle::Role::kCompareExchange)
      .weight(2);
  s.op("compare_erase", &M::compare_erase, key, value).means(heddle::Role::kCompareErase).weight(2);
  s.op("find", &M::find, key).means(heddle::Role::kFind).weight(8);
  s.op("contains", &M::contains, key).means(heddle::Role::kContains).weight(2);
  s.op("clear", &M::clear).means(heddle::Role::kClearEach).weight(1);
  maps::declare_iterations(s);
  s.action("reclaim", &M::reclaim);
  s.follows(heddle::contracts::weakly_consistent());
  maps::declare_sound(s);
  s.linearizable();
  s.start("about to grow", [](heddle::Start& start) {
    start.run("insert", 0, 0);
    start.run("insert", 1, 1);
  });
  t.threads(2, 3);
  t.operations_per_thread(4);
  t.setup_operations(3);
}

/// Nothing but growth: six keys more start three transfers, one soon after the other. Without the
/// invariant, which would often speak before the damage is done.
template <transfer_map_bug Bug>
void declare_growing(heddle::Target& t, const char* description) {
  using M = Map<Bug>;
  t.describe(description);
  auto s = t.subject<M>([] { return std::make_unique<M>(kTiny); });
  const auto key = t.ints(0, 7);
  s.op("insert", &M::insert, key, t.ints(0, 1)).means(heddle::Role::kInsert);
  s.linearizable();
  s.start("about to grow", [](heddle::Start& start) { start.run("insert", 0, 0); });
  t.threads(3, 3);
  t.operations_per_thread(3);
}

/// A value that can not always be copied, and a map whose users then try again.
struct Scarce {
  explicit Scarce(int v) : value(v) {}

  Scarce(const Scarce& other) : value(other.value) {
    if (heddle::choose(8) == 0) {
      throw std::bad_alloc();
    }
  }

  Scarce(Scarce&&) noexcept = default;

  int value;
};

template <transfer_map_bug Bug>
class Persistent {
 public:
  bool insert(Key key, int value) {
    const Scarce scarce(value);
    return retry([&] { return map_.insert(key, scarce); });
  }

  bool erase(Key key) {
    return retry([&] { return map_.erase(key); });
  }

  bool contains(Key key) { return map_.contains(key); }

  std::string validate() { return map_.validate(); }

 private:
  template <class Work>
  static bool retry(Work work) {
    for (;;) {
      try {
        return work();
      } catch (const std::bad_alloc&) {
      }
    }
  }

  Map<Bug, Scarce> map_{kTiny};
};

template <transfer_map_bug Bug>
void declare_scarce(heddle::Target& t, const char* description) {
  using P = Persistent<Bug>;
  t.describe(description);
  auto s = t.subject<P>();
  const auto key = t.ints(0, 3);
  s.op("insert", &P::insert, key, t.ints(0, 3)).means(heddle::Role::kInsert).weight(8);
  s.op("erase", &P::erase, key).means(heddle::Role::kErase).weight(2);
  s.op("contains", &P::contains, key).means(heddle::Role::kContains);
  s.invariant([](P& p) { return p.validate(); });
  s.linearizable();
  t.threads(2, 3);
  t.operations_per_thread(4);
}

HEDDLE_TARGET(transfer_map, t) {
  declare<transfer_map_bug::none>(t, "bins with locks, growth by threads that help");
}

HEDDLE_TARGET(transfer_map_growing, t) {
  declare_growing<transfer_map_bug::none>(t, "the same, where nothing but growth happens");
}

HEDDLE_TARGET(transfer_map_scarce, t) {
  declare_scarce<transfer_map_bug::none>(t, "the same, where copies of values may fail");
}

HEDDLE_VARIANT(transfer_map_growing, joins_any_transfer, "race", t) {
  t.seeded({.threads = 3, .operations = 3, .source = "JDK-8214427"});
  declare_growing<transfer_map_bug::joins_any_transfer>(
      t, "a helper does not compare its table with the one in transfer");
}

HEDDLE_VARIANT(transfer_map, starts_from_stale_table, "race", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<transfer_map_bug::starts_from_stale_table>(
      t, "a transfer starts from a table that another transfer has replaced in the meantime");
}

HEDDLE_VARIANT(transfer_map, does_not_wait_for_helpers, "race", t) {
  t.seeded({.threads = 2, .operations = 2});
  declare<transfer_map_bug::does_not_wait_for_helpers>(
      t, "who has started a transfer ends it although helpers are still at their bins");
}

HEDDLE_VARIANT(transfer_map_scarce, forgets_bins_left_over, "contract", t) {
  t.seeded({.threads = 2, .operations = 2});
  declare_scarce<transfer_map_bug::forgets_bins_left_over>(
      t, "a transfer ends although bins are left over where a helper gave up");
}

HEDDLE_VARIANT(transfer_map, forwards_before_copying, "contract", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<transfer_map_bug::forwards_before_copying>(
      t, "a bin is marked as forwarded before its entries are in the new table");
}

HEDDLE_VARIANT(transfer_map, skips_check_under_lock, "contract", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<transfer_map_bug::skips_check_under_lock>(
      t, "a writer that waited for the lock does not look again whether the bin is forwarded");
}

HEDDLE_VARIANT(transfer_map, frees_table_at_once, "race", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<transfer_map_bug::frees_table_at_once>(
      t, "the old table is freed at the end of its transfer, not retired");
}

HEDDLE_VARIANT(transfer_map, retires_shared_run, "heap", t) {
  t.seeded({.threads = 1, .operations = 1});
  declare<transfer_map_bug::retires_shared_run>(
      t, "a split retires the nodes at the end of the chain, which are in the new table, too");
}

HEDDLE_VARIANT(transfer_map, iterates_one_half, "iteration", t) {
  t.seeded({.threads = 1, .operations = 4});
  declare<transfer_map_bug::iterates_one_half>(
      t, "an iteration that meets a forwarded bin visits one of the two bins it was split into");
}

HEDDLE_VARIANT(transfer_map, publishes_relaxed, "race", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<transfer_map_bug::publishes_relaxed>(t, "nodes are linked in without release");
}

HEDDLE_VARIANT(transfer_map, looks_up_relaxed, "race", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<transfer_map_bug::looks_up_relaxed>(t,
                                              "a lookup finds the head of a chain without acquire");
}

HEDDLE_VARIANT(transfer_map, leaves_as_the_last, "livelock", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<transfer_map_bug::leaves_as_the_last>(
      t, "each of those who help with a transfer waits for the others to leave it first");
}

HEDDLE_VARIANT(transfer_map, assigns_in_place, "race", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<transfer_map_bug::assigns_in_place>(t, "a value is overwritten under its readers");
}

HEDDLE_VARIANT(transfer_map, computes_outside_lock, "linearizability", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<transfer_map_bug::computes_outside_lock>(
      t, "compute_if_absent looks, computes and then assigns, without a lock around them");
}

HEDDLE_VARIANT(transfer_map, grows_under_lock, "deadlock", t) {
  t.seeded({.threads = 1,
            .operations = 1,
            .source = "JDK-8062841: computeIfAbsent that comes back to its own bin"});
  declare<transfer_map_bug::grows_under_lock>(
      t, "who inserts takes part in a transfer and holds the lock of its bin all the while");
}

HEDDLE_VARIANT(transfer_map, counts_in_two_steps, "contract", t) {
  t.seeded({.threads = 2, .operations = 1});
  declare<transfer_map_bug::counts_in_two_steps>(t, "the number of entries is read, then written");
}

HEDDLE_VARIANT(transfer_map, forgets_waiters, "deadlock", t) {
  t.seeded({.threads = 3,
            .operations = 1,
            .source = "Drepper, Futexes Are Tricky, 2011: the first mutex and the second"});
  declare<transfer_map_bug::forgets_waiters>(
      t, "who has waited for a bin's lock does not wake the next one who waits");
}

}  // namespace
