// Goal:   the steps of iterations and of migrations have names that a trace shows; and who enters
//         an iterator that is in the middle of a step is found out.
// Method: one thread uses each map so that it passes all its places, and the events of that
//         execution are asked for. Re-entry: a second thread, or a hash that calls back.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "chained_map/chained_map.hpp"
#include "deferred_map/deferred_map.hpp"
#include "dict_map/dict_map.hpp"
#include "exec/execution.hpp"
#include "go_map/go_map.hpp"
#include "hash_trie_map/hash_trie_map.hpp"
#include "heddle/heddle.hpp"
#include "relocating_map/relocating_map.hpp"
#include "rwlock_map/rwlock_map.hpp"
#include "sharded_map/sharded_map.hpp"
#include "snapshot_map/snapshot_map.hpp"
#include "split_ordered_map/split_ordered_map.hpp"
#include "swiss_map/swiss_map.hpp"
#include "sync_map/sync_map.hpp"
#include "transfer_map/transfer_map.hpp"
#include "versioned_map/versioned_map.hpp"

namespace {

using heddle::exec::Event;
using heddle::exec::EventKind;
using Names = std::set<std::string>;

/// The names of the places that `body` passes.
Names passed(const std::function<void()>& body) {
  const auto with_a_finding = [&] {
    body();
    HEDDLE_CHECK(false);
  };
  const heddle::ExploreResult result = heddle::explore(with_a_finding, {.executions = 1});
  EXPECT_EQ(result.kind, "check") << result.report;
  Names names;
  for (const Event& event : heddle::exec::engine().events()) {
    if (event.kind == EventKind::kProbe) {
      names.insert(reinterpret_cast<const char*>(event.address));
    }
  }
  return names;
}

template <class Map>
void insert(Map& map, int from, int to) {
  for (int key = from; key < to; ++key) {
    map.insert_or_assign(key, key);
  }
}

template <class Iterator>
void finish(Iterator it) {
  while (it.next()) {
  }
}

TEST(Probes, GoMap) {
  EXPECT_EQ(passed([] {
              maps::go_map<int, int> map({.initial_log2 = 1, .load_numerator = 10});
              insert(map, 0, 20);  // chains of more than eight
              auto before = map.begin_range();
              insert(map, 20, 42);
              finish(map.begin_range());
              finish(std::move(before));
              insert(map, 42, 60);
            }),
            (Names{"go_map.next", "go_map.next.chain", "go_map.next.old_chain",
                   "go_map.next.overflow", "go_map.next.lookup", "go_map.migrate.begin",
                   "go_map.migrate.copy", "go_map.migrate.mark", "go_map.migrate.end"}));
}

TEST(Probes, SwissMap) {
  EXPECT_EQ(
      passed([] {
        maps::swiss_map<int, int> map({.max_table_slots = 8});
        insert(map, 0, 4);
        auto before = map.begin_range();
        before.next();
        insert(map, 4, 20);
        finish(std::move(before));
      }),
      (Names{"swiss_map.next", "swiss_map.next.table", "swiss_map.next.lookup",
             "swiss_map.migrate.begin", "swiss_map.migrate.copy", "swiss_map.migrate.directory",
             "swiss_map.migrate.install", "swiss_map.migrate.end"}));
}

TEST(Probes, DictMap) {
  const Names iterations{"dict_map.next", "dict_map.next.table", "dict_map.next.bucket"};
  const Names resizes{"dict_map.migrate.begin", "dict_map.migrate.bucket", "dict_map.migrate.end"};
  const auto resize = [](auto& map) {
    insert(map, 0, 6);
    for (int i = 0; map.rehashing(); ++i) {
      map.find(i);
    }
  };
  EXPECT_EQ(passed([&] {
              maps::dict_map<int, int> map;
              resize(map);
            }),
            resizes);
  Names all = resizes;
  all.insert(iterations.begin(), iterations.end());
  EXPECT_EQ(passed([&] {
              maps::dict_map<int, int> map;
              resize(map);
              insert(map, 6, 9);
              finish(map.begin_range());
            }),
            all);
  EXPECT_TRUE(passed([&] {
                maps::dict_map<int, int> map;
                insert(map, 0, 3);
                finish(map.begin_unsafe_range());
                map.scan(0, [](int, int) {});
              }).contains("dict_map.next.bucket"));
}

TEST(Probes, ChainedMap) {
  EXPECT_EQ(passed([] {
              maps::chained_map<int, int> map(2);
              insert(map, 0, 3);
              for (auto it = map.begin(); it != map.end(); ++it) {
              }
            }),
            (Names{"chained_map.next", "chained_map.next.bucket", "chained_map.migrate.begin",
                   "chained_map.migrate.bucket", "chained_map.migrate.end"}));
}

TEST(Probes, DeferredMap) {
  const Names names = passed([] {
    maps::deferred_map<int, int> map(2);
    insert(map, 0, 3);
    finish(map.begin_range());
    map.erase(1);
    map.sweep(1);
  });
  for (const char* name : {"deferred_map.next", "deferred_map.next.entry",
                           "deferred_map.migrate.sweep", "deferred_map.migrate.dig_out"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(Probes, RwlockMap) {
  EXPECT_EQ(passed([] {
              maps::rwlock_map<int, int> map;
              insert(map, 0, 2);
              for (auto it = map.begin_range(); it.next();) {
              }
            }),
            (Names{"rwlock_map.next", "rwlock_map.next.close"}));
}

TEST(Probes, ShardedMap) {
  EXPECT_EQ(passed([] {
              maps::sharded_map<int, int, 2> map;
              insert(map, 0, 2);
              finish(map.begin_range());
            }),
            (Names{"sharded_map.next", "sharded_map.next.shard"}));
}

TEST(Probes, VersionedMap) {
  const Names names = passed([] {
    maps::versioned_map<int, int> map;
    insert(map, 0, 2);
    for (auto it = map.begin_range(); it.next() == maps::versioned_step::element;) {
    }
  });
  EXPECT_TRUE(names.contains("versioned_map.next"));
  EXPECT_TRUE(names.contains("versioned_map.next.entry"));
}

TEST(Probes, TransferMap) {
  const auto fill_from_two_threads = [] {
    maps::transfer_map<int, int> map({.initial_bins = 1, .stride = 1});
    std::thread other([&] { insert(map, 0, 8); });
    insert(map, 8, 16);
    other.join();
    finish(map.begin_range());
  };
  const Names names = passed(fill_from_two_threads);
  for (const char* name :
       {"transfer_map.next", "transfer_map.next.bin", "transfer_map.migrate.begin",
        "transfer_map.migrate.bin", "transfer_map.migrate.forward", "transfer_map.migrate.end"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(Probes, SyncMap) {
  EXPECT_EQ(passed([] {
              maps::sync_map<int, int> map;
              insert(map, 0, 2);
              finish(map.begin_range());
              insert(map, 2, 3);
            }),
            (Names{"sync_map.next", "sync_map.next.slot", "sync_map.migrate.begin",
                   "sync_map.migrate.copy", "sync_map.migrate.promote"}));
}

TEST(Probes, HashTrieMap) {
  struct Sixteenths {
    std::uint64_t operator()(int key) const { return static_cast<std::uint64_t>(key) << 56; }
  };
  EXPECT_EQ(passed([] {
              maps::hash_trie_map<int, int, Sixteenths> map;
              insert(map, 0, 2);  // under one slot of the root
              finish(map.begin_range());
              map.erase(0);
              map.erase(1);
            }),
            (Names{"hash_trie_map.next", "hash_trie_map.next.slot", "hash_trie_map.migrate.expand",
                   "hash_trie_map.migrate.prune"}));
}

TEST(Probes, RelocatingMap) {
  EXPECT_EQ(
      passed([] {
        maps::relocating_map<int, int> map({.initial_cells = 4, .stride = 2});
        insert(map, 0, 8);
        finish(map.begin_range());
      }),
      (Names{"relocating_map.next", "relocating_map.next.entry", "relocating_map.migrate.begin",
             "relocating_map.migrate.help", "relocating_map.migrate.freeze",
             "relocating_map.migrate.copy", "relocating_map.migrate.end"}));
}

TEST(Probes, SplitOrderedMap) {
  EXPECT_EQ(passed([] {
              maps::split_ordered_map<int, int> map;
              insert(map, 0, 4);
              auto it = map.begin_range();
              it.next();
              map.erase(it.key());
              finish(std::move(it));
            }),
            (Names{"split_ordered_map.next", "split_ordered_map.next.search",
                   "split_ordered_map.migrate.begin", "split_ordered_map.migrate.sentinel"}));
}

TEST(Probes, SnapshotMap) {
  EXPECT_EQ(passed([] {
              maps::snapshot_map<int, int> map;
              insert(map, 0, 1);
              map.snapshot();
            }),
            (Names{"snapshot_map.next.snapshot", "snapshot_map.migrate.copy",
                   "snapshot_map.migrate.publish"}));
}

TEST(Probes, AreInTheStory) {
  const heddle::ExploreResult result = heddle::explore([] {
    maps::sharded_map<int, int, 2> map;
    finish(map.begin_range());
    HEDDLE_CHECK(false);
  });
  EXPECT_NE(result.report.find("probe sharded_map.next"), std::string::npos) << result.report;
}

// ---- one step of an iterator at a time ----

void expect_reentry(const std::function<void()>& body) {
  const heddle::ExploreResult result = heddle::explore(body, {.race_continue = true});
  EXPECT_EQ(result.kind, "misuse") << result.report;
  EXPECT_EQ(result.rule, "re-entry") << result.report;
}

template <class Map>
void share_an_iterator(Map& map) {
  map.insert_or_assign(1, 1);
  auto it = map.begin_range();
  std::thread other([&] { it.next(); });
  it.next();
  other.join();
}

TEST(Reentry, OfAnIteratorThatTwoThreadsShare) {
  expect_reentry([] {
    maps::deferred_map<int, int> map;
    share_an_iterator(map);
  });
  expect_reentry([] {
    maps::sharded_map<int, int, 2> map;
    share_an_iterator(map);
  });
  expect_reentry([] {
    maps::versioned_map<int, int> map;
    share_an_iterator(map);
  });
  expect_reentry([] {
    maps::sync_map<int, int> map;
    share_an_iterator(map);
  });
  expect_reentry([] {
    maps::hash_trie_map<int, int> map;
    share_an_iterator(map);
  });
  expect_reentry([] {
    maps::transfer_map<int, int> map;
    share_an_iterator(map);
  });
  expect_reentry([] {
    maps::relocating_map<int, int> map;
    share_an_iterator(map);
  });
  expect_reentry([] {
    maps::split_ordered_map<int, int> map;
    share_an_iterator(map);
  });
}

TEST(Reentry, OfMapsWithoutLocksOfTheirOwn) {
  expect_reentry([] {
    maps::go_map<int, int> map;
    share_an_iterator(map);
  });
  expect_reentry([] {
    maps::swiss_map<int, int> map;
    share_an_iterator(map);
  });
  expect_reentry([] {
    maps::dict_map<int, int> map;
    share_an_iterator(map);
  });
}

/// Looks keys up as std::equal_to does, and steps an iterator that asks for that.
struct SteppingEqual {
  bool operator()(int a, int b) const {
    if (step) {
      step();
    }
    return a == b;
  }

  static inline std::function<void()> step;
};

TEST(Reentry, FromWithinAStep) {
  expect_reentry([] {
    maps::go_map<int, int, maps::seeded_hash, SteppingEqual> map;
    insert(map, 0, 8);
    auto it = map.begin_range();
    insert(map, 8, 9);  // grows: the iterator has to look keys up
    SteppingEqual::step = [&] { it.next(); };
    it.next();
  });
}

TEST(Reentry, StepsOneAfterAnotherAreFine) {
  const heddle::ExploreResult result = heddle::explore([] {
    maps::sharded_map<int, int, 2> map;
    auto it = map.begin_range();
    std::thread([&] { it.next(); }).join();
    it.next();
  });
  EXPECT_FALSE(result) << result.report;
}

}  // namespace
