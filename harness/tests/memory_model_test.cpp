// Goal: random search reaches what a memory model allows, nothing else, and seeds keep it.
#include <atomic>
#include <mutex>
#include <optional>

#include "explore/session.hpp"
#include "fuzz/seed.hpp"
#include "report/story.hpp"
#include "tests/explore_helpers.hpp"

namespace heddle::testing {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kSeqCst = std::memory_order_seq_cst;

void store_buffering(std::memory_order order) {
  std::atomic<int> x{0};
  std::atomic<int> y{0};
  int a = 1;
  int b = 1;
  both([&] { x.store(1, order), a = y.load(order); },
       [&] { y.store(1, order), b = x.load(order); });
  HEDDLE_CHECK(a == 1 || b == 1);
}

void message_passing(std::memory_order store, std::memory_order load) {
  std::atomic<int> data{0};
  std::atomic<int> ready{0};
  both([&] { data.store(1, kRelaxed), ready.store(1, store); },
       [&] { HEDDLE_CHECK(ready.load(load) == 0 || data.load(kRelaxed) == 1); });
}

HEDDLE_TEST(memory_model, stale_data) { message_passing(kRelaxed, kRelaxed); }

HEDDLE_TEST(memory_model, late_store) {
  std::atomic<int> x{0};
  std::atomic<int> y{0};
  both([&] { x.store(1, kRelaxed), y.store(2, kRelaxed); },
       [&] { y.store(1, kRelaxed), x.store(2, kRelaxed); });
  HEDDLE_CHECK(x.load(kRelaxed) == 2 || y.load(kRelaxed) == 2);
}

struct Counter {
  std::atomic<int> value{0};

  int add() { return value.fetch_add(1, kRelaxed); }
  int get() { return value.load(kRelaxed); }
};

// Whether the last add had returned when a stale get was called, nobody can tell.
HEDDLE_TARGET(relaxed_counter, t) {
  auto s = t.subject<Counter>();
  s.op("add", &Counter::add);
  s.op("get", &Counter::get);
  s.linearizable();
}

/// A map of one key.
struct Flag {
  std::atomic<int> value{0};

  bool assign(int, int to) { return value.exchange(to, kRelaxed) == 0; }
  std::optional<int> find(int) {
    const int now = value.load(kRelaxed);
    return now != 0 ? std::optional<int>(now) : std::nullopt;
  }
  bool iterate() {
    if (const int now = value.load(kRelaxed); now != 0) {
      heddle::yielded(0, now);
    }
    return true;
  }
};

// Whether an element had been yielded when a stale find of another thread was called, likewise.
HEDDLE_TARGET(relaxed_flag, t) {
  auto s = t.subject<Flag>();
  s.op("assign", &Flag::assign, t.ints(0, 0), t.ints(1, 3)).means(heddle::Role::kAssign);
  s.op("find", &Flag::find, t.ints(0, 0)).means(heddle::Role::kFind);
  s.op("iterate", &Flag::iterate).means(heddle::Role::kIterate);
  s.follows(heddle::contracts::weakly_consistent());
}

ExploreOptions under(const char* model) {
  ExploreOptions options;
  options.model = model;
  options.executions = 2'000;
  return options;
}

/// The models under which `body` fails in some execution, by both strategies alike.
std::string fails_under(const std::function<void()>& body) {
  std::string models;
  for (const char* model : {"sc", "tso", "rc11"}) {
    unsigned found = 0;
    for (const char* strategy : {"random", "pct"}) {
      ExploreOptions options = under(model);
      options.strategy = strategy;
      found += explore(body, options).found ? 1 : 0;
    }
    EXPECT_TRUE(found == 0 || found == 2) << model;
    models += found == 0 ? "" : std::string(model) + " ";
  }
  return models;
}

TEST(MemoryModel, StoresMayComeLate) {
  EXPECT_EQ(fails_under([] { store_buffering(kRelaxed); }), "tso rc11 ");
  EXPECT_EQ(fails_under([] { store_buffering(kRelease); }), "tso rc11 ");
  EXPECT_EQ(fails_under([] { store_buffering(kSeqCst); }), "");
}

TEST(MemoryModel, LoadsMayBeStale) {
  EXPECT_EQ(fails_under([] { message_passing(kRelaxed, kRelaxed); }), "rc11 ");
  EXPECT_EQ(fails_under([] { message_passing(kRelease, kRelaxed); }), "rc11 ");
  EXPECT_EQ(fails_under([] { message_passing(kRelaxed, kAcquire); }), "rc11 ");
  EXPECT_EQ(fails_under([] { message_passing(kRelease, kAcquire); }), "");
}

TEST(MemoryModel, StoresMayBeOrderedAgainstTime) {
  const auto body = [](std::memory_order order) {
    return [order] {
      std::atomic<int> x{0};
      std::atomic<int> y{0};
      both([&] { x.store(1, order), y.store(2, order); },
           [&] { y.store(1, order), x.store(2, order); });
      HEDDLE_CHECK(x.load(kRelaxed) == 2 || y.load(kRelaxed) == 2);
    };
  };
  EXPECT_EQ(fails_under(body(kRelaxed)), "rc11 ");
  EXPECT_EQ(fails_under(body(kSeqCst)), "");
}

TEST(MemoryModel, OneLocationIsCoherent) {
  EXPECT_EQ(fails_under([] {
              std::atomic<int> x{0};
              both([&] { x.store(1, kRelaxed), x.store(2, kRelaxed); },
                   [&] {
                     const int first = x.load(kRelaxed);
                     HEDDLE_CHECK(first <= x.load(kRelaxed));
                   });
            }),
            "");
}

TEST(MemoryModel, UpdatesAreAtomic) {
  EXPECT_EQ(fails_under([] {
              std::atomic<int> x{0};
              const auto increment = [&] { x.fetch_add(1, kRelaxed), x.fetch_add(1, kRelaxed); };
              both(increment, increment);
              HEDDLE_CHECK(x.load(kRelaxed) == 4);
            }),
            "");
}

TEST(MemoryModel, LocksOrderWhatIsRelaxed) {
  EXPECT_EQ(fails_under([] {
              std::atomic<int> x{0};
              std::mutex mutex;
              const auto increment = [&] {
                const std::lock_guard guard(mutex);
                x.store(x.load(kRelaxed) + 1, kRelaxed);
              };
              both(increment, increment);
              HEDDLE_CHECK(x.load(kRelaxed) == 2);
            }),
            "");
}

TEST(MemoryModel, SpinningThreadsSeeTheStoreInTheEnd) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    expect_clean(
        [] {
          std::atomic<int> ready{0};
          int data = 0;
          both([&] { data = 1, ready.store(1, kRelease); },
               [&] {
                 while (ready.load(kAcquire) == 0) {
                 }
                 HEDDLE_CHECK(data == 1);
               });
        },
        under(model));
  }
}

// The kernel compares with what is there. Nobody sleeps because of a value that has been replaced.
TEST(MemoryModel, ThreadsDoNotSleepOnStaleValues) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    expect_clean(
        [] {
          std::atomic<int> turn{0};
          both([&] { turn = 1, turn.notify_all(); }, [&] { turn.wait(0); });
        },
        under(model));
  }
}

// A plain variable handed over by a stale flag is a race.
TEST(MemoryModel, RelaxedFlagsOrderNothing) {
  const auto body = [] {
    std::atomic<int> ready{0};
    int data = 0;
    both([&] { data = 1, ready.store(1, kRelaxed); },
         [&] {
           if (ready.load(kRelaxed) == 1) {
             HEDDLE_CHECK(data == 1);
           }
         });
  };
  expect_found("race", "", body, under("tso"));
  expect_found("race", "", body, under("rc11"));
}

TEST(MemoryModel, OperationsAreOrderedByWhatHappensBefore) {
  for (const char* name : {"relaxed_counter", "relaxed_flag"}) {
    for (const char* model : {"sc", "tso", "rc11"}) {
      exploration::Settings settings;
      settings.model = model;
      exploration::Session session(*target::find_target(name), settings);
      exploration::Budget budget;
      budget.executions = 5'000;
      session.run(
          budget,
          [&](const exec::Finding& finding, const exploration::Tally&) {
            ADD_FAILURE() << name << " under " << model << ": " << finding.message.data;
            return false;
          },
          nullptr);
    }
  }
}

struct Found {
  exploration::Recording recording;
  std::string story;
};

Found find(const char* name, exploration::Session& session) {
  exploration::Budget budget;
  budget.executions = 10'000;
  const exploration::Tally tally = session.run(
      budget, [](const exec::Finding&, const exploration::Tally&) { return false; }, nullptr);
  EXPECT_EQ(tally.with_finding, 1u) << name;
  exploration::Divergence divergence;
  Found found;
  found.recording = session.record(divergence);
  EXPECT_FALSE(divergence.diverged) << divergence.message;
  found.story = report::tell(found.recording, {});
  return found;
}

exploration::Settings settings_of(const char* model) {
  exploration::Settings settings;
  settings.model = model;
  return settings;
}

TEST(MemoryModel, SeedsReplayStaleReads) {
  for (const char* name : {"memory_model.stale_data", "memory_model.late_store"}) {
    target::Definition& target = *target::find_target(name);
    exploration::Session session(target, settings_of("rc11"));
    const Found found = find(name, session);
    exploration::Recording read;
    const fuzz::SeedError error =
        fuzz::from_text(fuzz::to_text(found.recording, found.story), read);
    ASSERT_FALSE(error) << error.message;
    EXPECT_EQ(read.settings.model, "rc11");
    exploration::Session another(target, {});
    exploration::Recording seen;
    const exploration::Divergence divergence = another.replay(read, seen);
    EXPECT_FALSE(divergence.diverged) << divergence.message;
    EXPECT_EQ(seen.digest, found.recording.digest);
    read.settings.model = "sc";
    EXPECT_TRUE(another.replay(read, seen).diverged);
  }
}

TEST(MemoryModel, StoriesMarkWhatIsStale) {
  exploration::Session session(*target::find_target("memory_model.stale_data"),
                               settings_of("rc11"));
  const std::string story = find("memory_model.stale_data", session).story;
  EXPECT_NE(story.find(" under rc11\n"), std::string::npos) << story;
  EXPECT_NE(story.find("-> 0 rlx (initial, older than T1's #"), std::string::npos) << story;
}

TEST(MemoryModel, StoriesMarkStoresThatAreNotTheNewest) {
  exploration::Session session(*target::find_target("memory_model.late_store"),
                               settings_of("rc11"));
  const std::string story = find("memory_model.late_store", session).story;
  EXPECT_NE(story.find(" rlx (initial, older than T"), std::string::npos) << story;
}

}  // namespace
}  // namespace heddle::testing
