// Goal: whatever a target does to itself becomes a finding of one execution, and the next one runs
// as if nothing had happened.
#include <cassert>
#include <csignal>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <sys/time.h>
#include <thread>

#include "tests/explore_helpers.hpp"

namespace {

using heddle::testing::expect_clean;
using heddle::testing::expect_clean_throughout;
using heddle::testing::expect_found;

template <class T>
T* opaque(T* p) {
  asm volatile("" : "+r"(p));
  return p;
}

int recurse(int depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  return depth == 0 ? 0 : recurse(depth + 1) + frame[0];
}

TEST(Crash, NullPointer) {
  expect_found("crash", "segmentation-fault", [] {
    std::thread a([] { *opaque(static_cast<volatile int*>(nullptr)) = 1; });
    a.join();
  });
}

TEST(Crash, StackOverflow) {
  expect_found("crash", "stack-overflow", [] {
    std::thread a([] { recurse(1); });
    a.join();
  });
}

TEST(Crash, FramesMayBeAsLargeAsElsewhere) {
  expect_clean([] {
    std::thread a([] {
      volatile char frame[7 << 20];
      *opaque(&frame[0]) = 1;
    });
    a.join();
  });
}

TEST(Crash, OneLargeFrameOverflowsToo) {
  expect_found("crash", "stack-overflow", [] {
    std::thread a([] {
      volatile char frame[24 << 20];
      *opaque(&frame[(24 << 20) - 1]) = 1;
    });
    a.join();
  });
}

TEST(Crash, TheHarnessesOwnMemoryIsOutOfBounds) {
  const heddle::ExploreResult result = heddle::explore([] {
    // The shadow memory; see harness/memory/shadow.hpp.
    *opaque(reinterpret_cast<volatile long*>(0x3000'0000'0000)) = -1;
  });
  EXPECT_TRUE(result.found || heddle::testing::kAsan) << "wild write went unnoticed";
}

TEST(Crash, DivisionByZero) {
  expect_found("crash", "arithmetic", [] {
    volatile int zero = 0;
    volatile int result = 7 / zero;
    static_cast<void>(result);
  });
}

TEST(Crash, Abort) {
  expect_found("crash", "abort", [] { std::abort(); });
}

TEST(Crash, FailedAssert) {
  expect_found("crash", "assertion", [] {
    volatile int x = 1;
    assert(x == 2);
  });
}

TEST(Crash, UncaughtException) {
  const heddle::ExploreResult result = heddle::explore([] {
    std::thread a([] { throw std::runtime_error("the reason"); });
    a.join();
  });
  EXPECT_EQ(result.kind, "crash");
  EXPECT_EQ(result.rule, "uncaught-exception");
  EXPECT_NE(result.message.find("std::runtime_error"), std::string::npos) << result.message;
  EXPECT_NE(result.message.find("the reason"), std::string::npos) << result.message;
}

TEST(Crash, JoinableThreadDestroyed) {
  expect_found("crash", "terminate", [] { std::thread a([] {}); });
}

TEST(Crash, ExceptionsCaughtAcrossSwitchesAreFine) {
  expect_clean([] {
    const auto work = [](int id) {
      for (int i = 0; i < 3; ++i) {
        try {
          throw id;
        } catch (int caught) {
          std::this_thread::yield();  // the other thread throws and catches meanwhile
          HEDDLE_CHECK(caught == id);
          HEDDLE_CHECK(std::uncaught_exceptions() == 0);
        }
      }
    };
    std::thread a(work, 1);
    std::thread b(work, 2);
    a.join();
    b.join();
  });
}

TEST(Crash, EndlessComputationIsCutOff) {
  const heddle::ExploreResult result = heddle::explore(
      [] {
        for (;;) {
          asm volatile("");
        }
      },
      {.executions = 1});
  EXPECT_EQ(result.kind, "livelock") << result.report;
}

// Its handler may interrupt anything, a sanitizer's runtime too.
TEST(Crash, TheWatchdogDisturbsNothing) {
  const auto explored = [] {
    expect_clean_throughout([] { std::thread([] { std::this_thread::yield(); }).join(); }, {});
  };
  explored();  // has a watchdog from now on
  itimerval each_second = {};
  const itimerval often = {{0, 500}, {0, 500}};
  ASSERT_EQ(::setitimer(ITIMER_PROF, &often, &each_second), 0);
  EXPECT_EQ(each_second.it_interval.tv_sec, 1);
  explored();
  ::setitimer(ITIMER_PROF, &each_second, nullptr);
}

TEST(Livelock, SpinningOnAPlainVariableIsCutOff) {
  expect_found("livelock", "step-limit",
               [] {
                 static volatile bool forever = true;
                 while (forever) {
                 }
               },
               {.steps_max = 1000});
}

TEST(Livelock, NamesTheLimitAndWhatRaisesIt) {
  const heddle::ExploreResult result = heddle::explore(
      [] {
        for (;;) {
          std::this_thread::yield();
        }
      },
      {.executions = 1, .steps_max = 1000});
  EXPECT_NE(result.message.find("1000 scheduling points (--max-steps"), std::string::npos)
      << result.message;
}

TEST(Crash, CheckThatFails) {
  expect_found("check", "check", [] { HEDDLE_CHECK(1 + 1 == 3); });
}

TEST(Crash, TheProcessGoesOn) {
  for (int i = 0; i < 3; ++i) {
    expect_found("crash", "segmentation-fault",
                 [] { *opaque(static_cast<volatile int*>(nullptr)) = 1; });
    expect_clean([] {
      std::thread a([] {});
      a.join();
    });
  }
}

TEST(Deadlock, LockOrderIsFoundWithItsCycle) {
  std::mutex first;
  std::mutex second;
  const heddle::ExploreResult result = heddle::explore([&] {
    std::thread a([&] {
      const std::lock_guard one(first);
      const std::lock_guard two(second);
    });
    std::thread b([&] {
      const std::lock_guard two(second);
      const std::lock_guard one(first);
    });
    a.join();
    b.join();
  });
  EXPECT_EQ(result.kind, "deadlock");
  EXPECT_EQ(result.rule, "cycle") << result.report;
  EXPECT_NE(result.message.find("held by T1"), std::string::npos) << result.message;
  EXPECT_NE(result.message.find("held by T2"), std::string::npos) << result.message;
}

TEST(Deadlock, SameOrderIsFine) {
  expect_clean([] {
    std::mutex first;
    std::mutex second;
    const auto work = [&] { const std::scoped_lock both(first, second); };
    std::thread a(work);
    std::thread b(work);
    a.join();
    b.join();
  });
}

TEST(Deadlock, SelfLock) {
  expect_found("deadlock", "cycle", [] {
    std::mutex mutex;
    mutex.lock();
    mutex.lock();
  });
}

TEST(Deadlock, LostWakeup) {
  const auto body = [](bool checks_under_lock) {
    std::mutex mutex;
    std::condition_variable ready;
    std::atomic<bool> flag{false};
    std::thread waiter([&] {
      std::unique_lock lock(mutex);
      if (checks_under_lock) {
        ready.wait(lock, [&] { return flag.load(); });
      } else if (!flag.load()) {
        ready.wait(lock);
      }
    });
    std::thread notifier([&] {
      if (checks_under_lock) {
        const std::lock_guard lock(mutex);
        flag = true;
      } else {
        flag = true;
      }
      ready.notify_one();
    });
    waiter.join();
    notifier.join();
  };
  expect_clean([&] { body(true); });
  expect_found("deadlock", "lost-wakeup", [&] { body(false); });
}

TEST(Livelock, TwoThreadsThatGiveWayForEver) {
  expect_found("livelock", "step-limit",
               [] {
                 std::atomic<int> turn{0};
                 const auto work = [&](int mine) {
                   while (turn.load() != 2) {
                     turn.store(mine);  // each undoes the other's
                   }
                 };
                 std::thread a(work, 0);
                 std::thread b(work, 1);
                 a.join();
                 b.join();
               },
               {.executions = 10, .steps_max = 5000});
}

TEST(Livelock, SpinningUntilAnotherWritesIsFine) {
  expect_clean(
      [] {
        std::atomic<bool> go{false};
        std::thread spinner([&] {
          while (!go.load(std::memory_order_acquire)) {
          }
        });
        std::thread yielder([&] {
          while (!go.load(std::memory_order_acquire)) {
            std::this_thread::yield();
          }
        });
        std::thread lock_taker([&] {
          static std::atomic_flag flag;
          while (flag.test_and_set(std::memory_order_acquire)) {
          }
          go.store(true, std::memory_order_release);
          flag.clear(std::memory_order_release);
        });
        spinner.join();
        yielder.join();
        lock_taker.join();
      },
      {.steps_max = 2000});
}

}  // namespace
