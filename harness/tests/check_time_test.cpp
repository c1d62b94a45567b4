// Exhaustive search of threads that wait for a value or for a time, by looking again and again.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <pthread.h>
#include <sched.h>
#include <thread>

#include "tests/check_helpers.hpp"
#include "tests/explore_helpers.hpp"

namespace heddle::testing {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// One thread waits until the other has come, and gives up after `patience`. The other one must not
/// have come too late.
std::function<void()> with_patience(steady_clock::duration patience) {
  return [=] {
    Shared s;
    run([&] { s.x.store(1, kRelease), HEDDLE_CHECK(s.y.load(kRelaxed) == 0); },
        [&] {
          const auto deadline = steady_clock::now() + patience;
          while (s.x.load(kAcquire) == 0) {
            if (steady_clock::now() >= deadline) {
              s.y.store(1, kRelaxed);
              break;
            }
          }
        });
  };
}

TEST(Time, DeadlinesOfPollersPass) {
  for (const auto patience : {steady_clock::duration(1), steady_clock::duration(1h)}) {
    for (const char* model : {"sc", "tso", "rc11"}) {
      EXPECT_EQ(findings(model, with_patience(patience)), "check") << model;
    }
    expect_found("check", "", with_patience(patience));
  }
}

TEST(Time, DeadlinesUnderLocksPass) {
  const auto body = [] {
    std::mutex mutex;
    bool came = false;
    bool gave_up = false;
    run(
        [&] {
          const std::lock_guard lock(mutex);
          came = true;
          HEDDLE_CHECK(!gave_up);
        },
        [&] {
          const auto deadline = steady_clock::now() + 1ms;
          for (bool waits = true; waits;) {
            const std::lock_guard lock(mutex);
            gave_up = !came && steady_clock::now() >= deadline;
            waits = !came && !gave_up;
          }
        });
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body), "check") << model;
  }
  expect_found("check", "", body);
}

// Who tries to lock for a while comes in, or does not; never both.
TEST(Time, AttemptsGiveUp) {
  const auto body = [](bool looks) {
    return [=] {
      std::atomic_flag flag;
      int count = 0;
      const auto add = [&](bool for_ever) {
        const auto deadline = steady_clock::now() + 1ms;
        while (flag.test_and_set(kAcquire)) {
          if (!for_ever && steady_clock::now() >= deadline) {
            if (looks) {
              return;
            }
            break;
          }
        }
        ++count;
        flag.clear(kRelease);
      };
      run([&] { add(true); }, [&] { add(false); });
    };
  };
  EXPECT_EQ(findings("rc11", body(true)), "");
  EXPECT_EQ(findings("rc11", body(false)), "race");
}

// The first deadline may have passed while the second has not.
TEST(Time, OneDeadlinePassesBeforeAnother) {
  const auto body = [](int wrong) {
    return [=] {
      Shared s;
      run([&] { s.x.store(1, kSeqCst), HEDDLE_CHECK(s.y.load(kSeqCst) != wrong); },
          [&] {
            const auto start = steady_clock::now();
            while (s.x.load(kSeqCst) == 0 && s.y.load(kSeqCst) != 2) {
              const auto passed = steady_clock::now() - start;
              s.y.store(passed >= 10s ? 2 : passed >= 1us ? 1 : 0, kSeqCst);
            }
          });
    };
  };
  for (const int wrong : {1, 2}) {
    EXPECT_EQ(findings("sc", body(wrong)), "check") << wrong;
    expect_found("check", "", body(wrong));
  }
}

// Nobody will come: that is no livelock, since somebody gives up in the end.
TEST(Time, WhoGivesUpNeedsNobody) {
  const auto body = [](bool gives_up) {
    return [=] {
      Shared s;
      run([&] { s.y.store(1, kRelaxed); },
          [&] {
            const auto deadline = steady_clock::now() + 24h * 300;
            while (s.x.load(kAcquire) == 0) {
              if (steady_clock::now() >= deadline && gives_up) {
                break;
              }
            }
          });
    };
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    const exploration::Census census = check(model, body(true));
    EXPECT_EQ(census.complete, 1u);
    EXPECT_FALSE(census.bounded);
    EXPECT_EQ(findings(model, body(false)), "livelock");
  }
  expect_found("livelock", "", body(false));
}

// Who renews a deadline gets to know how often it has passed.
TEST(Time, RenewedDeadlinesPassAgain) {
  const auto body = [](int times) {
    return [=] {
      Shared s;
      int passed = 0;
      run([&] { s.x.store(1, kRelease); },
          [&] {
            auto deadline = steady_clock::now() + 1ms;
            while (s.x.load(kAcquire) == 0 && passed < 20) {
              if (steady_clock::now() >= deadline) {
                ++passed;
                deadline = steady_clock::now() + 1ms;
              }
            }
          });
      HEDDLE_CHECK(passed != times);
    };
  };
  for (const int times : {0, 1, 20}) {
    EXPECT_EQ(findings("rc11", body(times)), "check") << times;
  }
  EXPECT_EQ(findings("rc11", body(21)), "");
  EXPECT_FALSE(check("rc11", body(21)).bounded);
}

// For ever, if nobody comes; that is not explored to its end.
TEST(Time, DeadlinesRenewedForEverAreABound) {
  const auto body = [] {
    Shared s;
    run([&] { s.x.store(1, kRelease); },
        [&] {
          auto deadline = steady_clock::now() + 1ms;
          while (s.x.load(kAcquire) == 0) {
            if (steady_clock::now() >= deadline) {
              deadline = steady_clock::now() + 1ms;
              s.y.fetch_add(1, kRelaxed);
            }
          }
        });
  };
  EXPECT_TRUE(check("rc11", body).bounded);
}

u64 cycles_by_halves() {
  u32 low = 0;
  u32 high = 0;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return u64{high} << 32 | low;
}

u64 cycles_behind_all() {
  u32 low = 0;
  u32 high = 0;
  asm volatile("rdtscp\n\tlfence" : "=a"(low), "=d"(high)::"rcx", "memory");
  return u64{high} << 32 | low;
}

u64 cycles_as_a_whole() {
  u64 cycles = 0;
  asm volatile("rdtsc; shl $32, %%rdx; or %%rdx, %%rax" : "=a"(cycles)::"rdx");
  return cycles;
}

u64 cycles_between_fences() {
  u64 cycles = 0;
  asm volatile("mfence; rdtsc; shlq $32, %%rdx; orq %%rdx, %0; lfence" : "=a"(cycles)::"rdx");
  return cycles;
}

u64 cycles_by_code() {
  u32 low = 0;
  u32 high = 0;
  asm volatile(".byte 0x0f, 0x31" : "=a"(low), "=d"(high));
  return u64{high} << 32 | low;
}

u64 cycles_and_processor() {
  unsigned processor = 1;
  const u64 cycles = __builtin_ia32_rdtscp(&processor);
  return cycles + processor;
}

// The processor's counter is a clock like others.
TEST(Time, CyclesAreTime) {
  u64 (*const counters[])() = {cycles_by_halves,
                               cycles_behind_all,
                               cycles_as_a_whole,
                               cycles_between_fences,
                               cycles_by_code,
                               cycles_and_processor,
                               [] { return u64{__builtin_ia32_rdtsc()}; },
                               [] { return u64{__builtin_readcyclecounter()}; }};
  for (const auto cycles : counters) {
    const u64 before = __builtin_ia32_rdtsc();
    EXPECT_GE(cycles(), before);  // outside of executions it is the real one
    const auto body = [=](bool good) {
      return [=] {
        Shared s;
        const auto start = static_cast<u64>(steady_clock::now().time_since_epoch().count());
        HEDDLE_CHECK(cycles() == start);
        run([&] { s.x.store(1, kRelease), HEDDLE_CHECK(s.y.load(kRelaxed) == 0 || good); },
            [&] {
              while (s.x.load(kAcquire) == 0) {
                if (cycles() > start + 1'000'000) {
                  s.y.store(1, kRelaxed);
                  break;
                }
              }
            });
      };
    };
    EXPECT_EQ(findings("rc11", body(true)), "");
    EXPECT_EQ(findings("rc11", body(false)), "check");
  }
}

// What a thread has learned of is past.
TEST(Time, ClocksFollowWhatIsRead) {
  const auto by = [](void (*publish)(Shared& s, std::mutex& mutex)) {
    return [=] {
      Shared s;
      std::mutex mutex;
      const auto start = steady_clock::now();
      run(
          [&] {
            std::this_thread::sleep_for(10ms);
            publish(s, mutex);
          },
          [&] {
            const std::lock_guard lock(mutex);
            HEDDLE_CHECK(s.x.load(kRelaxed) == 0 || steady_clock::now() >= start + 10ms);
          });
      HEDDLE_CHECK(steady_clock::now() >= start + 10ms);
    };
  };
  const auto store = by([](Shared& s, std::mutex&) { s.x = 1; });
  const auto unlock = by([](Shared& s, std::mutex& mutex) {
    const std::lock_guard lock(mutex);
    s.x.store(1, kRelaxed);
  });
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, store), "") << model;
    EXPECT_EQ(findings(model, unlock), "") << model;
  }
}

// A lease is tried for a while: no loop that spins, and yet a matter of time.
TEST(Time, PassesWhereverSomebodyLooksAgain) {
  const auto body = [] {
    Shared s;
    run([&] { s.x.store(1, kRelease); },
        [&] {
          const auto start = steady_clock::now();
          bool late = false;
          for (int i = 0; i < 3 && !late; ++i) {
            late = steady_clock::now() > start;
          }
          HEDDLE_CHECK(!late || s.x.load(kAcquire) == 0);
        });
  };
  EXPECT_EQ(findings("rc11", body), "check");
}

// The deadline may come in a round that is not like the one before it.
TEST(Time, PassesInEachRound) {
  const auto body = [] {
    Shared s;
    run([&] { s.x = 1, s.y = 1; },
        [&] {
          const auto deadline = steady_clock::now() + 1us;
          int seen = 0;
          bool late = false;
          while (s.y == 0 && !late) {
            seen = s.x;
            late = steady_clock::now() >= deadline;
          }
          HEDDLE_CHECK(!late || seen == 0);
        });
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body), "check") << model;
  }
}

// Two slots are polled in turn, and the deadline comes at the second one.
TEST(Time, PassesAtEachLookOfARound) {
  const auto body = [](steady_clock::duration patience) {
    return [=] {
      Shared s;
      run([&] { s.x = 1; },
          [&] {
            const auto deadline = steady_clock::now() + patience;
            bool second = false;
            while ((second ? s.y : s.x) == 0) {
              if (steady_clock::now() >= deadline) {
                HEDDLE_CHECK(!second);
                break;
              }
              second = !second;
            }
          });
    };
  };
  for (const auto patience : {steady_clock::duration(1ms), steady_clock::duration(24h * 300)}) {
    EXPECT_EQ(findings("sc", body(patience)), "check");
    EXPECT_EQ(findings("rc11", body(patience)), "check");
  }
}

// Who looks twice does not wait yet.
TEST(Time, WhoMeasuresFindsNoTimePassed) {
  const auto body = [] {
    Shared s;
    run([&] { s.x.store(1, kRelaxed); },
        [&] {
          const auto start = steady_clock::now();
          (void)s.x.load(kRelaxed);
          HEDDLE_CHECK(steady_clock::now() == start);
        });
  };
  EXPECT_EQ(counts(body), (Counts{2, 2, 2}));
}

// Time is let pass at a thread's first looks, and where it waits; at others it might as well.
TEST(Time, LooksWhereItIsNotLetPassAreABound) {
  const auto body = [](int looks) {
    return [=] {
      for (int i = 0; i < looks; ++i) {
        (void)steady_clock::now();
      }
    };
  };
  EXPECT_FALSE(check("rc11", body(6)).untimed);
  EXPECT_TRUE(check("rc11", body(7)).untimed);
}

int join_within_a_second(pthread_t thread, void** result) {
  const timespec until = in_a_second();
  return pthread_timedjoin_np(thread, result, &until);
}

// Who is joined may have done all that it does, and take its time to end.
void expect_joins_to_fail_beside_what_is_done(int (*join)(pthread_t thread, void** result)) {
  const auto body = [join](int expected) {
    return [=] {
      static std::atomic<int> x;
      x = 0;
      const pthread_t thread = thread_running([](void*) -> void* {
        x = 1;
        return nullptr;
      });
      void* result = nullptr;
      const bool late = join(thread, &result) != 0;
      const int seen = x + (late ? 2 : 0);
      if (late) {
        pthread_join(thread, &result);
      }
      HEDDLE_CHECK(seen != expected);
    };
  };
  for (const int possible : {1, 2, 3}) {
    for (const char* model : {"sc", "tso", "rc11"}) {
      EXPECT_EQ(findings(model, body(possible)), "check") << model << ' ' << possible;
    }
    expect_found("check", "", body(possible));
  }
  EXPECT_EQ(findings("rc11", body(0)), "");
}

TEST(Time, JoinsTimeOutBesideWhatIsDone) {
  expect_joins_to_fail_beside_what_is_done(join_within_a_second);
}

TEST(Time, AttemptsToJoinFailBesideWhatIsDone) {
  expect_joins_to_fail_beside_what_is_done(pthread_tryjoin_np);
}

// How often they fail nobody knows.
TEST(Time, LoopsAroundAttemptsToJoinAreCutShort) {
  const auto body = [] {
    const pthread_t thread = thread_running([](void*) -> void* { return nullptr; });
    while (pthread_tryjoin_np(thread, nullptr) == EBUSY) {
      sched_yield();
    }
  };
  EXPECT_TRUE(check("rc11", body).bounded);
  EXPECT_EQ(counts(body), (Counts{5, 5, 5}));
}

}  // namespace
}  // namespace heddle::testing
