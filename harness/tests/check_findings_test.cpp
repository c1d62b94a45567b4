// What exhaustive search finds, and that it repeats.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <pthread.h>
#include <thread>

#include "tests/check_helpers.hpp"
#include "tests/explore_helpers.hpp"

extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);

namespace heddle::testing {
namespace {

using exploration::Census;

TEST(Check, RacesAreFound) {
  const auto body = [](std::memory_order order) {
    return [=] {
      Shared s;
      int data = 0;
      run([&] { data = 1, s.x.store(1, order); },
          [&] {
            if (s.x.load(kAcquire) == 1) {
              HEDDLE_CHECK(data == 1);
            }
          });
    };
  };
  EXPECT_EQ(findings("rc11", body(kRelaxed)), "race");
  EXPECT_EQ(findings("rc11", body(kRelease)), "");
}

TEST(Check, StacksOfThreadsThatHaveEnded) {
  const auto body = [] {
    std::atomic<int*> where{nullptr};
    run(
        [&] {
          int local = 1;
          where = &local;
        },
        [&] {
          if (int* seen = where) {
            *seen = 2;
          }
        });
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body), "heap") << model;
  }
}

/// Whether what is found first repeats as an ordinary execution.
void expect_repeated(const char* model, const std::function<void()>& body) {
  exploration::Settings settings;
  settings.model = model;
  settings.faults = 0;
  exploration::Session session(body, settings);
  const Census census = session.check({},
                                      [&](const exec::Finding&, const Census&) {
                                        exploration::Divergence divergence;
                                        session.record(divergence);
                                        EXPECT_EQ(divergence.message, "") << model;
                                        return false;
                                      },
                                      {});
  EXPECT_EQ(census.with_finding, 1u) << model;
  EXPECT_FALSE(census.diverged) << model;
}

TEST(Check, FindingsBesideThreadsThatAreBlockedRepeat) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    expect_repeated(model, [] {
      Shared s;
      run([&] { heddle_assume(s.x.fetch_add(1, kRelaxed) != 0); },
          [&] { HEDDLE_CHECK(s.x.load(kRelaxed) == 0); });
    });
  }
}

// The search stops who only looks and sleeps; told again, the others must get their turn, too.
TEST(Check, RacesWithThreadsThatPollAreToldAsRaces) {
  EXPECT_EQ(findings("rc11",
                     [] {
                       int flag = 0;
                       std::thread writer([&] { flag = 1; });
                       while (flag == 0) {
                         timespec second = {1, 0};
                         nanosleep(&second, nullptr);
                       }
                       writer.join();
                     }),
            "race");
}

TEST(Check, LargeAtomicObjectsAreRefusedUnderEachModel) {
  struct Large {
    long words[3];
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model,
                       [] {
                         std::atomic<Large> large{};
                         run([&] { large.store({{1, 2, 3}}); }, [&] { large.load(); });
                       }),
              "unsupported")
        << model;
  }
}

// Who was woken takes the mutex in a step of its own.
TEST(Check, FindingsBehindWaitsOfTheFirstThreadRepeat) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    expect_repeated(model, [] {
      std::mutex mutex;
      std::condition_variable begun;
      bool begins = false;
      int data = 0;
      std::thread beginner([&] {
        mutex.lock();
        begins = true;
        begun.notify_one();
        mutex.unlock();
        data = 1;
      });
      std::unique_lock lock(mutex);
      begun.wait(lock, [&] { return begins; });
      HEDDLE_CHECK(data != -1);
      beginner.join();
    });
  }
}

// What libraries tell ThreadSanitizer of their atomics.
TEST(Check, AnnotationsOfAtomics) {
  const auto body = [](bool annotates) {
    return [=] {
      Shared s;
      int data = 0;
      run(
          [&] {
            data = 1;
            if (annotates) {
              __tsan_release(&s.x);
            }
            s.x.store(1, kRelaxed);
          },
          [&] {
            if (s.x.load(kRelaxed) == 1) {
              __tsan_acquire(&s.x);
              HEDDLE_CHECK(data == 1);
            }
          });
    };
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body(true)), "") << model;
    EXPECT_EQ(findings(model, body(false)), "race") << model;
  }
}

// Threads may be switched at an annotation, too.
TEST(Check, WhatIsFoundBesideAnnotationsRepeats) {
  const auto body = [] {
    Shared s;
    int data = 0;
    run(
        [&] {
          s.y.load(kRelaxed);
          __tsan_release(&s.z);
          data = 1;
          s.x.store(1, kRelaxed);
        },
        [&] {
          s.y.store(1, kRelaxed);
          if (s.x.load(kRelaxed) == 1) {
            __tsan_acquire(&s.z);
            HEDDLE_CHECK(data == 1);
          }
        });
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body), "race") << model;
  }
}

TEST(Check, WhoWaitsForABlockedThreadIsNotToBlame) {
  expect_clean(
      [] {
        Shared s;
        run(
            [&] {
              heddle_assume(s.x.load(kRelaxed) == 1);
              s.y.store(1, kRelaxed);
            },
            [&] {
              while (s.y.load(kRelaxed) == 0) {
              }
            });
      },
      {.executions = 20});
}

TEST(Check, FindingsBehindConditionVariablesRepeat) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    expect_repeated(model, [] {
      Shared s;
      std::mutex mutex;
      std::condition_variable condition;
      bool ready = false;
      run(
          [&] {
            std::unique_lock lock(mutex);
            condition.wait(lock, [&] { return ready; });
            s.x.store(1, kRelaxed);
            s.x.store(2, kRelaxed);
          },
          [&] {
            const std::lock_guard lock(mutex);
            ready = true;
            condition.notify_one();
          },
          [&] {
            s.y.store(1, kRelaxed);
            HEDDLE_CHECK(s.x.load(kRelaxed) != 1);
          });
    });
  }
}

// The thread that has found it has added no event there, and the other one's time may be up first.
TEST(Check, FindingsOfWhoJustCameRepeat) {
  const auto wait = [](pthread_mutex_t& mutex, pthread_cond_t& condition) {
    const timespec past = {};
    pthread_mutex_lock(&mutex);
    pthread_cond_timedwait(&condition, &mutex, &past);
    pthread_mutex_unlock(&mutex);
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model,
                       [&] {
                         pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
                         pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;
                         pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
                         run([&] { wait(first, condition); }, [&] { wait(second, condition); });
                       }),
              "misuse")
        << model;
  }
}

// Store buffering: a barrier of the machine's in each thread forbids that both read what was there
// at first.
TEST(Check, BarriersOfTheMachineAreFences) {
  const auto body = [](void (*barrier)()) {
    return [=] {
      std::atomic<int> x{0};
      std::atomic<int> y{0};
      int first = 0;
      int second = 0;
      const auto store_and_load = [&](std::atomic<int>& mine, std::atomic<int>& other, int& read) {
        mine.store(1, kRelaxed);
        barrier();
        read = other.load(kRelaxed);
      };
      run([&] { store_and_load(x, y, first); }, [&] { store_and_load(y, x, second); });
      HEDDLE_CHECK(first != 0 || second != 0);
    };
  };
  void (*const barriers[])() = {
      [] {
        asm volatile("mfence" ::: "memory");
      },
      [] {
        asm volatile("lock; addl $0, -4(%%rsp)" ::: "memory");
      },
      [] {
        asm volatile("lock orq $0x0, (%%rsp)" ::: "memory");
      },
      [] { __builtin_ia32_mfence(); },
  };
  for (const char* model : {"tso", "rc11"}) {
    EXPECT_EQ(findings(model, body([] { asm volatile("" ::: "memory"); })), "check") << model;
    for (const auto barrier : barriers) {
      EXPECT_EQ(findings(model, body(barrier)), "") << model;
    }
  }
}

// Who reads what a compare-exchange has written may do with its place what he likes.
TEST(Check, WritesOfCompareExchangesComeBeforeWhatIsDoneWithTheirValue) {
  EXPECT_EQ(counts([] {
              alignas(8) long place = 0;
              run(
                  [&] {
                    long expected = 0;
                    std::atomic_ref(place).compare_exchange_strong(expected, 5);
                  },
                  [&] {
                    if (std::atomic_ref(place).load(kAcquire) == 5) {
                      place = 7;
                    }
                  });
            }),
            (Counts{2, 2, 2}));
}

TEST(Check, FindingsBehindBarriersRepeat) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    for (const unsigned parties : {3u, 1u}) {
      expect_repeated(model, [parties] {
        Shared s;
        pthread_barrier_t barrier;
        pthread_barrier_init(&barrier, nullptr, parties);
        const auto arrive = [&](std::atomic<int>& serials, std::atomic<int>& before) {
          return [&] {
            if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
              serials.store(1 + before.load(kRelaxed), kRelaxed);
            }
          };
        };
        run(arrive(s.x, s.y), arrive(s.y, s.z), arrive(s.z, s.x));
        HEDDLE_CHECK(s.y.load(kRelaxed) == 0);
      });
    }
  }
}

TEST(Check, FindingsInThreadsOfThreadsRepeat) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    expect_repeated(model, [] {
      Shared s;
      const auto inner = [&](int value) {
        return [&s, value] {
          s.y.fetch_add(1, kRelaxed);
          std::thread([&s, value] { s.x.store(value, kRelaxed); }).join();
        };
      };
      run(inner(1), inner(2));
      HEDDLE_CHECK(s.x.load(kRelaxed) != 1);
    });
    expect_repeated(model, [] {
      Shared s;
      run(
          [&] {
            s.y.fetch_add(1, kRelaxed);
            std::thread([&s] { s.x.store(1, kRelaxed); }).join();
          },
          [&] {
            if (s.y.fetch_add(1, kRelaxed) == 0) {
              std::thread([&s] { s.x.store(s.x.load(kRelaxed) + 2, kRelaxed); }).join();
            }
          });
      HEDDLE_CHECK(s.x.load(kRelaxed) != 3);
    });
  }
}

TEST(Check, WhatIsThereAtFirstDependsOnWhatWasRead) {
  EXPECT_EQ(findings("rc11",
                     [] {
                       Shared s;
                       run([&] { s.x.store(1, kRelaxed); },
                           [&] {
                             const int seen = s.x.load(kRelaxed);
                             const auto copy = std::make_unique<std::atomic<int>>(seen);
                             HEDDLE_CHECK(copy->load(kRelaxed) == seen);
                           });
                     }),
            "");
}

}  // namespace
}  // namespace heddle::testing
