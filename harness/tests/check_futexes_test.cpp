// Exhaustive search of programs whose threads wait for atomics and futexes.
#include <atomic>
#include <gtest/gtest.h>
#include <latch>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/check_helpers.hpp"

namespace heddle::testing {
namespace {

TEST(Check, AtomicWaits) {
  EXPECT_GE(check("rc11",
                  [] {
                    Shared s;
                    run([&] { s.x.wait(0, kAcquire); },
                        [&] {
                          s.x.store(1, kSeqCst);
                          s.x.notify_one();
                        });
                  })
                .complete,
            2u);
}

// libstdc++ 12 notifies nobody if nobody is counted as waiting, and looks at the count by a seq_cst
// load. A store before it that is not seq_cst may come later than that, as x86's do: the waiter
// counts itself, finds the old value, and sleeps.
TEST(Check, AtomicNotifyNeedsASeqCstStore) {
  const auto body = [](std::memory_order order) {
    return [=] {
      Shared s;
      run([&] { s.x.wait(0, kAcquire); }, [&] { s.x.store(1, order), s.x.notify_one(); });
    };
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body(kSeqCst)), "") << model;
  }
  EXPECT_EQ(findings("sc", body(kRelease)), "");
  EXPECT_EQ(findings("tso", body(kRelease)), "deadlock");
  EXPECT_EQ(findings("rc11", body(kRelease)), "deadlock");
}

// A latch counts down by a release update, which x86 does not put off; C++ says that it may be.
TEST(Check, LatchesMaySleepForEver) {
  const auto body = [] {
    std::latch latch(1);
    run([&] { latch.wait(); }, [&] { latch.count_down(); });
  };
  EXPECT_EQ(findings("sc", body), "");
  EXPECT_EQ(findings("tso", body), "");
  EXPECT_EQ(findings("rc11", body), "deadlock");
}

TEST(Check, AtomicNotifyIsRightBehindAFence) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model,
                       [] {
                         Shared s;
                         run([&] { s.x.wait(0, kAcquire); },
                             [&] {
                               s.x.store(1, kRelease);
                               std::atomic_thread_fence(kSeqCst);
                               s.x.notify_one();
                             });
                       }),
              "")
        << model;
  }
}

/// Whether it was woken.
bool sleep_while(std::atomic<unsigned>& word, unsigned expected) {
  return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0) == 0;
}

void wake(std::atomic<unsigned>& word, int count) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

// Who finds another value does not sleep, and is not the one that is woken.
TEST(Check, FutexesWakeWhoSleeps) {
  for (const char* model : {"sc", "rc11"}) {
    EXPECT_EQ(findings(model,
                       [] {
                         std::atomic<unsigned> word{0};
                         std::thread sleeps([&] { sleep_while(word, 0); });
                         std::thread passes([&] { sleep_while(word, 5); });
                         word.store(1);
                         wake(word, 1);
                         sleeps.join();
                         passes.join();
                       }),
              "")
        << model;
  }
}

// Whoever goes past it knows the value, and nothing that was before the store.
TEST(Check, FutexesOrderNothing) {
  const auto body = [](std::memory_order order) {
    return [=] {
      std::atomic<unsigned> word{0};
      int data = 0;
      run(
          [&] {
            data = 1;
            word.store(1, kRelease);
            wake(word, 1);
          },
          [&] {
            const bool woken = sleep_while(word, 0);
            if (!woken && word.load(order) == 1) {
              data = 2;
            }
          });
    };
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body(kRelaxed)), "race") << model;
    EXPECT_EQ(findings(model, body(kAcquire)), "") << model;
  }
}

// Which one is part of the notification, wherever the search moves others' events.
TEST(Check, OneOfTwoIsWoken) {
  const auto body = [](u32 wakers) {
    return [=] {
      std::atomic<unsigned> word{0};
      const auto sleep = [&] {
        while (word.load() == 0) {
          sleep_while(word, 0);
        }
      };
      std::vector<std::thread> threads;
      threads.emplace_back(sleep);
      threads.emplace_back(sleep);
      for (u32 i = 0; i < wakers; ++i) {
        threads.emplace_back([&] {
          word.store(1);
          wake(word, 1);
        });
      }
      for (std::thread& thread : threads) {
        thread.join();
      }
    };
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body(1)), "deadlock") << model;
    EXPECT_FALSE(check(model, body(2)).bounded) << model;
  }
}

// To look at a futex that is not as expected is to read it, and no more.
TEST(Check, LoopsAroundFutexesThatLetPass) {
  const auto body = [] {
    std::atomic<unsigned> word{0};
    const auto wait = [&] {
      while (word.load(kAcquire) != 1) {
        sleep_while(word, 5);
      }
    };
    std::thread first(wait);
    std::thread second(wait);
    word.store(1, kRelease);
    first.join();
    second.join();
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_FALSE(check(model, body).bounded) << model;
  }
}

}  // namespace
}  // namespace heddle::testing
