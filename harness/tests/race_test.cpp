// Goal: the race oracle reports exactly the races of C++20. Method: pairs of programs that differ
// in the one thing that makes the race; what must be found is found, its sibling stays clean.
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "tests/explore_helpers.hpp"

namespace {

using heddle::testing::expect_clean;
using heddle::testing::expect_found;

using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

// A writer passes `data` to a reader through `flag`, with the memory orders given.
void message_passing(std::memory_order store, std::memory_order load) {
  int data = 0;
  std::atomic<int> flag{0};
  std::thread writer([&] {
    data = 42;
    flag.store(1, store);
  });
  std::thread reader([&] {
    if (flag.load(load) == 1) {
      HEDDLE_CHECK(data == 42);
    }
  });
  writer.join();
  reader.join();
}

TEST(Race, ReleaseAcquireOrders) {
  expect_clean([] { message_passing(memory_order_release, memory_order_acquire); });
  expect_clean([] { message_passing(memory_order_seq_cst, memory_order_seq_cst); });
}

TEST(Race, RelaxedOrdersNothing) {
  expect_found("race", "data-race",
               [] { message_passing(memory_order_relaxed, memory_order_acquire); });
  expect_found("race", "data-race",
               [] { message_passing(memory_order_release, memory_order_relaxed); });
}

void message_passing_by_fences(bool release_fence, bool acquire_fence) {
  int data = 0;
  std::atomic<int> flag{0};
  std::thread writer([&] {
    data = 42;
    if (release_fence) {
      std::atomic_thread_fence(memory_order_release);
    }
    flag.store(1, memory_order_relaxed);
  });
  std::thread reader([&] {
    if (flag.load(memory_order_relaxed) == 1) {
      if (acquire_fence) {
        std::atomic_thread_fence(memory_order_acquire);
      }
      HEDDLE_CHECK(data == 42);
    }
  });
  writer.join();
  reader.join();
}

TEST(Race, FencesOrderInPairsOnly) {
  expect_clean([] { message_passing_by_fences(true, true); });
  expect_found("race", "", [] { message_passing_by_fences(true, false); });
  expect_found("race", "", [] { message_passing_by_fences(false, true); });
}

// One who has a stack object by reference, and its owner who goes to its parts directly.
TEST(Race, PartsOfACapturedLocal) {
  struct Pair {
    int asked = 0;
    int answers[4] = {};
  };
  const auto program = [](bool join_first) {
    Pair shared;
    std::thread thread([&] { shared.answers[2] = 42; });
    if (join_first) {
      thread.join();
    }
    shared.answers[2]++;
    if (!join_first) {
      thread.join();
    }
    HEDDLE_CHECK(shared.asked == 0);
  };
  expect_found("race", "data-race", [&] { program(false); });
  expect_clean([&] { program(true); });
}

// The release sequence: a relaxed update by another thread keeps it, a relaxed store ends it.
void release_sequence(bool by_update) {
  int data = 0;
  std::atomic<int> flag{0};
  std::thread head([&] {
    data = 42;
    flag.store(1, memory_order_release);
  });
  std::thread middle([&] {
    if (by_update) {
      int expected = 1;
      flag.compare_exchange_strong(expected, 2, memory_order_relaxed);
    } else if (flag.load(memory_order_relaxed) == 1) {
      flag.store(2, memory_order_relaxed);
    }
  });
  std::thread reader([&] {
    if (flag.load(memory_order_acquire) == 2) {
      HEDDLE_CHECK(data == 42);
    }
  });
  head.join();
  middle.join();
  reader.join();
}

TEST(Race, UpdatesContinueReleaseSequences) {
  expect_clean([] { release_sequence(true); });
}

TEST(Race, StoresEndReleaseSequences) {
  expect_found("race", "", [] { release_sequence(false); });
}

// C++20 took the same thread's later plain stores out of the release sequence.
TEST(Race, OwnRelaxedStoreEndsReleaseSequence) {
  expect_found("race", "", [] {
    int data = 0;
    std::atomic<int> flag{0};
    std::thread writer([&] {
      data = 42;
      flag.store(1, memory_order_release);
      flag.store(2, memory_order_relaxed);
    });
    std::thread reader([&] {
      if (flag.load(memory_order_acquire) == 2) {
        HEDDLE_CHECK(data == 42);
      }
    });
    writer.join();
    reader.join();
  });
}

TEST(Race, LocksOrder) {
  expect_clean([] {
    std::mutex mutex;
    int counter = 0;
    const auto work = [&] {
      const std::lock_guard lock(mutex);
      ++counter;
    };
    std::thread a(work);
    std::thread b(work);
    a.join();
    b.join();
    HEDDLE_CHECK(counter == 2);
  });
}

TEST(Race, OneForgottenLockIsFound) {
  expect_found("race", "data-race", [] {
    std::mutex mutex;
    int counter = 0;
    std::thread a([&] {
      const std::lock_guard lock(mutex);
      ++counter;
    });
    std::thread b([&] { ++counter; });
    a.join();
    b.join();
  });
}

TEST(Race, TwoReadersUnderSharedLockAreFine) {
  expect_clean([] {
    std::shared_mutex mutex;
    int value = 0;
    std::thread writer([&] {
      const std::unique_lock lock(mutex);
      value = 1;
    });
    const auto read = [&] {
      const std::shared_lock lock(mutex);
      HEDDLE_CHECK(value == 0 || value == 1);
    };
    std::thread a(read);
    std::thread b(read);
    writer.join();
    a.join();
    b.join();
  });
}

TEST(Race, WritingUnderSharedLockIsFound) {
  expect_found("race", "", [] {
    std::shared_mutex mutex;
    int value = 0;
    const auto write = [&] {
      const std::shared_lock lock(mutex);
      ++value;
    };
    std::thread a(write);
    std::thread b(write);
    a.join();
    b.join();
  });
}

TEST(Race, NeighbouringBytesDoNotRace) {
  expect_clean([] {
    alignas(8) char bytes[8] = {};
    std::thread a([&] { bytes[3] = 1; });
    std::thread b([&] { bytes[4] = 1; });
    a.join();
    b.join();
    HEDDLE_CHECK(bytes[3] + bytes[4] == 2);
  });
}

TEST(Race, OverlapOfOneByteIsFound) {
  expect_found("race", "", [] {
    alignas(8) char bytes[16] = {};
    std::thread a([&] { std::memset(bytes, 1, 9); });  // crosses into the second granule
    std::thread b([&] { bytes[8] = 2; });
    a.join();
    b.join();
  });
}

TEST(Race, PlainAgainstAtomicIsFound) {
  expect_found("race", "", [] {
    alignas(4) int value = 0;
    std::thread a([&] { std::atomic_ref<int>(value).store(1, memory_order_relaxed); });
    std::thread b([&] { value = 2; });
    a.join();
    b.join();
  });
}

TEST(Race, AtomicReadAgainstPlainReadIsFine) {
  expect_clean([] {
    alignas(4) int value = 7;
    std::thread a(
        [&] { HEDDLE_CHECK(std::atomic_ref<int>(value).load(memory_order_relaxed) == 7); });
    std::thread b([&] { HEDDLE_CHECK(value == 7); });
    a.join();
    b.join();
  });
}

TEST(Race, CreationAndJoinOrder) {
  expect_clean([] {
    int value = 1;
    std::thread a([&] { value = 2; });
    a.join();
    std::thread b([&] { value = 3; });
    b.join();
    HEDDLE_CHECK(value == 3);
  });
}

TEST(Race, FreeIsAWrite) {
  expect_found("race", "race-with-free",
               [] {
                 int* p = new int(1);
                 std::thread a([&] { HEDDLE_CHECK(*p == 1); });
                 std::thread b([&] { delete p; });
                 // With the free first it is a use after free: let only the other order through.
                 a.join();
                 b.join();
               },
               {.executions = 1, .rng_seed = 3});
}

// A thread passes fresh memory to another one, which does what `use` says with it.
void pass_memory(void (*use)(int*), std::memory_order store, std::memory_order load) {
  std::atomic<int*> passed{nullptr};
  std::thread maker([&] { passed.store(static_cast<int*>(std::calloc(4, sizeof(int))), store); });
  std::thread user([&] {
    if (int* p = passed.load(load)) {
      use(p);
    }
  });
  maker.join();
  user.join();
  std::free(passed.load());
}

constexpr void (*kUses[])(int*) = {
    [](int* p) { *p = 1; },
    [](int* p) { HEDDLE_CHECK(p[2] == 0); },
    [](int* p) { std::atomic_ref(*p).store(1, memory_order_relaxed); },
};

TEST(Race, AllocationIsAWrite) {
  for (const auto use : kUses) {
    expect_found("race", "race-with-allocation",
                 [=] { pass_memory(use, memory_order_relaxed, memory_order_acquire); });
    expect_found("race", "race-with-allocation",
                 [=] { pass_memory(use, memory_order_release, memory_order_relaxed); });
    expect_clean([=] { pass_memory(use, memory_order_release, memory_order_acquire); });
  }
}

TEST(Race, AFreeMustKnowOfTheAllocation) {
  const auto free_elsewhere = [](std::memory_order store) {
    std::atomic<void*> passed{nullptr};
    std::thread maker([&] { passed.store(std::malloc(8), store); });
    std::thread user([&] { std::free(passed.exchange(nullptr, memory_order_acquire)); });
    maker.join();
    user.join();
    std::free(passed.load());
  };
  expect_found("race", "race-with-allocation", [=] { free_elsewhere(memory_order_relaxed); });
  expect_clean([=] { free_elsewhere(memory_order_release); });
}

TEST(Race, EachThreadHasItsOwnErrno) {
  expect_clean([] {
    const auto use = [](int error) {
      errno = error;
      std::this_thread::yield();
      HEDDLE_CHECK(errno == error);
    };
    std::thread a([&] { use(1); });
    std::thread b([&] { use(2); });
    a.join();
    b.join();
  });
}

// More threads than a cell or a clock holds inline.
TEST(Race, ManyReadersThenWriter) {
  const auto body = [](bool wait) {
    int value = 0;
    std::atomic<int> done{0};
    std::thread readers[12];
    for (std::thread& reader : readers) {
      reader = std::thread([&] {
        HEDDLE_CHECK(value == 0 || !wait);
        done.fetch_add(1, memory_order_acq_rel);
      });
    }
    std::thread writer([&] {
      const int needed = wait ? 12 : 11;
      if (done.load(memory_order_acquire) >= needed) {
        value = 1;
      }
    });
    for (std::thread& reader : readers) {
      reader.join();
    }
    writer.join();
  };
  expect_clean([&] { body(true); });
  expect_found("race", "", [&] { body(false); });
}

TEST(Race, ContinueLetsTheExecutionGoOn) {
  bool finished = false;
  const heddle::ExploreResult result = heddle::explore(
      [&] {
        int counter = 0;
        std::thread a([&] { ++counter; });
        std::thread b([&] { ++counter; });
        a.join();
        b.join();
        finished = true;
      },
      {.race_continue = true});
  EXPECT_EQ(result.kind, "race");
  EXPECT_TRUE(finished);
}

}  // namespace
