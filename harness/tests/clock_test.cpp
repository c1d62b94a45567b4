// Goal: clocks share most of what they hold, and still say of each thread what clocks would say
// that hold it all. Method: random programs of threads and variables, beside the obvious twin.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/rng.hpp"
#include "exec/clock.hpp"

namespace {

using namespace heddle;  // NOLINT(google-build-using-namespace)
using exec::EpochMap;
using exec::VectorClock;

using Twin = std::vector<u32>;

void join(Twin& twin, const Twin& other) {
  for (u32 i = 0; i < twin.size(); ++i) {
    twin[i] = other[i] > twin[i] ? other[i] : twin[i];
  }
}

/// What a thread or a variable has, kept in both ways.
struct Both {
  VectorClock clock;
  Twin twin;

  explicit Both(u32 threads) : twin(threads) { clock.clear(); }

  void clear() {
    clock.clear();
    twin.assign(twin.size(), 0);
  }

  void assign(const Both& other) {
    clock.assign(other.clock);
    twin = other.twin;
  }

  void learn(const Both& other) {
    clock.learn(other.clock);
    ::join(twin, other.twin);
  }

  void join(const Both& other) {
    clock.join(other.clock);
    ::join(twin, other.twin);
  }
};

struct Thread {
  Both now;
  Both fence;    // what it had at its last release fence
  Both pending;  // what its relaxed loads have seen
  u32 epoch = 0;

  explicit Thread(u32 threads) : now(threads), fence(threads), pending(threads) {}
};

/// Threads do at random what the engine does with clocks.
class RandomProgram {
 public:
  RandomProgram(u64 seed, u32 threads, u32 variables) : rng_(seed) {
    exec::clock_memory().reset();
    for (u32 i = 0; i < threads; ++i) {
      threads_.emplace_back(threads);
    }
    for (u32 i = 0; i < variables; ++i) {
      variables_.emplace_back(threads);
    }
    start(0);
  }

  void step() {
    const u32 id = rng_.below(started_);
    Thread& thread = threads_[id];
    Both& variable = variables_[rng_.below(static_cast<u32>(variables_.size()))];
    switch (rng_.below(11)) {
      case 0:
      case 1: thread.now.learn(variable); break;
      case 2:
        variable.assign(thread.now);
        tick(id);
        break;
      case 3:
        variable.join(thread.now);
        tick(id);
        break;
      case 4:
      case 5:
        thread.now.learn(variable);
        variable.join(thread.now);
        tick(id);
        break;
      case 6: thread.pending.join(variable); break;
      case 7: thread.now.learn(thread.pending); break;
      case 8:
        thread.fence.assign(thread.now);
        tick(id);
        break;
      case 9:
        rng_.below(2) == 0 ? variable.join(thread.fence) : variable.assign(thread.fence);
        break;
      case 10: rng_.below(8) == 0 ? variable.clear() : start_another(id); break;
    }
    ++steps_;
    check(thread.now);
    check(thread.pending);
    check(variable);
    EXPECT_EQ(thread.now.clock.has_all_of(variable.clock), has_all_of(thread.now, variable));
  }

 private:
  static bool has_all_of(const Both& a, const Both& b) {
    Twin joined = a.twin;
    join(joined, b.twin);
    return joined == a.twin;
  }

  void check(const Both& both) const {
    for (u32 i = 0; i < both.twin.size(); ++i) {
      ASSERT_EQ(both.clock.get(to_thread_id(i)), both.twin[i])
          << "thread " << i << ", step " << steps_;
    }
  }

  void tick(u32 id) {
    threads_[id].now.clock.advance(++threads_[id].epoch);
    threads_[id].now.twin[id] = threads_[id].epoch;
  }

  void start(u32 id) {
    threads_[id].epoch = 1;
    threads_[id].now.clock.start(to_thread_id(id), 1);
    threads_[id].now.twin[id] = 1;
    ++started_;
  }

  void start_another(u32 creator) {
    if (started_ < threads_.size()) {
      threads_[started_].now.assign(threads_[creator].now);
      start(started_);
      tick(creator);
    }
  }

  Rng rng_;
  std::vector<Thread> threads_;
  std::vector<Both> variables_;
  u32 started_ = 0;
  u32 steps_ = 0;
};

TEST(VectorClock, SaysWhatItsTwinSays) {
  const u32 thread_counts[] = {2, 8, 9, 20, 40, 41, 100, 300};
  u64 seed = 0;
  for (const u32 threads : thread_counts) {
    for (const u32 variables : {1u, 3u, 16u, 100u}) {
      RandomProgram program(++seed, threads, variables);
      for (u32 i = 0; i < 10'000; ++i) {
        program.step();
        ASSERT_FALSE(::testing::Test::HasFailure())
            << threads << " threads, " << variables << " variables";
      }
    }
  }
}

TEST(VectorClock, OneThreadAloneTakesNoMemory) {
  exec::clock_memory().reset();
  VectorClock thread;
  thread.clear();
  thread.start(to_thread_id(200), 1);
  VectorClock variable;
  variable.clear();
  const auto* before = static_cast<u8*>(exec::clock_memory().take(8));
  for (u32 epoch = 2; epoch < 1000; ++epoch) {
    thread.learn(variable);
    variable.join(thread);
    thread.advance(epoch);
  }
  EXPECT_EQ(static_cast<u8*>(exec::clock_memory().take(8)), before + 8);
  EXPECT_EQ(variable.get(to_thread_id(200)), 998u);
}

TEST(EpochMap, NamesTheFirstThreadThatWasNotSeen) {
  exec::clock_memory().reset();
  EpochMap map;
  map.clear();
  std::vector<u32> twin(300);
  Rng rng(5);
  for (u32 i = 0; i < 2'000; ++i) {
    const u32 id = rng.below(300);
    map.set(to_thread_id(id), i + 1);
    twin[id] = i + 1;
    ASSERT_EQ(map.get(to_thread_id(id)), i + 1);
    VectorClock seen;
    seen.clear();
    seen.start(to_thread_id(rng.below(300)), rng.below(i + 1));
    u32 first = 0;
    while (first < 300 && twin[first] <= seen.get(to_thread_id(first))) {
      ++first;
    }
    ASSERT_EQ(to_index(map.first_unseen(seen)), first < 300 ? first : to_index(ThreadId::kNone));
  }
}

}  // namespace
