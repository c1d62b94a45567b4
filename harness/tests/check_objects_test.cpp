// Exhaustive search of programs with locks and their like.
#include <barrier>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <future>
#include <gtest/gtest.h>
#include <mutex>
#include <pthread.h>
#include <semaphore.h>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/check_helpers.hpp"

namespace heddle::testing {
namespace {

TEST(Check, LocksInAnyOrder) {
  for (u64 n = 1, factorial = 1; n <= 4; factorial *= ++n) {
    EXPECT_EQ(counts([n] {
                std::mutex mutex;
                u64 count = 0;
                std::vector<std::thread> threads;
                for (u64 i = 0; i < n; ++i) {
                  threads.emplace_back([&] {
                    const std::lock_guard guard(mutex);
                    ++count;
                  });
                }
                for (std::thread& thread : threads) {
                  thread.join();
                }
                HEDDLE_CHECK(count == n);
              }),
              (Counts{factorial, factorial, factorial}));
  }
}

TEST(Check, ConditionVariables) {
  const auto body = [](bool tells) {
    return [=] {
      std::mutex mutex;
      std::condition_variable condition;
      bool ready = false;
      run(
          [&] {
            std::unique_lock lock(mutex);
            condition.wait(lock, [&] { return ready; });
          },
          [&] {
            {
              const std::lock_guard lock(mutex);
              ready = true;
            }
            if (tells) {
              condition.notify_one();
            }
          });
    };
  };
  EXPECT_GE(check("rc11", body(true)).complete, 2u);
  EXPECT_EQ(findings("rc11", body(false)), "deadlock");
}

// A waiter gives its mutex back behind its place in the queue, and a notification may come between.
TEST(Check, NotificationsOfWhoHasNotGivenItsMutexBack) {
  EXPECT_EQ(counts([] {
              std::mutex mutex;
              std::condition_variable condition;
              bool ready = false;
              run(
                  [&] {
                    std::unique_lock lock(mutex);
                    if (!ready) {
                      condition.wait(lock);
                    }
                  },
                  [&] {
                    condition.notify_one();
                    {
                      const std::lock_guard lock(mutex);
                      ready = true;
                    }
                    condition.notify_all();
                  });
            }),
            (Counts{4, 4, 4}));
}

TEST(Check, TimeOutsHappenAndDoNot) {
  const auto body = [](std::cv_status expected) {
    return [=] {
      std::mutex mutex;
      std::condition_variable condition;
      bool ready = false;
      run(
          [&] {
            std::unique_lock lock(mutex);
            if (!ready) {
              HEDDLE_CHECK(condition.wait_for(lock, std::chrono::seconds(1)) != expected);
            }
          },
          [&] {
            const std::lock_guard lock(mutex);
            ready = true;
            condition.notify_all();
          });
    };
  };
  EXPECT_EQ(findings("sc", body(std::cv_status::timeout)), "check");
  EXPECT_EQ(findings("sc", body(std::cv_status::no_timeout)), "check");
}

// Who waits for a time decides whether it has the patience, and then looks at the lock: before the
// other has it, and behind, in two executions; without patience also meanwhile.
// A wait that nobody ends, in time or at all, times out; to have the patience for more is no
// execution.
TEST(Check, TimedWaitsThatOnlyTimeCanEnd) {
  const auto wait = [](bool notifies) {
    return [=] {
      pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
      pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
      std::thread other([&] {
        pthread_mutex_lock(&mutex);
        if (notifies) {
          pthread_cond_signal(&changed);
        }
        pthread_mutex_unlock(&mutex);
      });
      const timespec past = {5, 0};
      pthread_mutex_lock(&mutex);
      const int error = pthread_cond_timedwait(&changed, &mutex, &past);
      pthread_mutex_unlock(&mutex);
      other.join();
      HEDDLE_CHECK(error == (notifies ? error : ETIMEDOUT));
    };
  };
  const auto take = [] {
    sem_t semaphore;
    sem_init(&semaphore, 0, 0);
    const timespec past = {5, 0};
    HEDDLE_CHECK(sem_timedwait(&semaphore, &past) == -1 && errno == ETIMEDOUT);
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, wait(false)), "") << model;
    EXPECT_EQ(findings(model, wait(true)), "") << model;
    EXPECT_EQ(findings(model, take), "") << model;
    EXPECT_EQ(check(model, take).complete, 1u) << model;
  }
}

// What waits for its time is no part of a deadlock, but others may be.
TEST(Check, DeadlocksBesideTimedWaits) {
  const auto body = [](bool deadlocks) {
    return [=] {
      std::timed_mutex first;
      std::timed_mutex second;
      run(
          [&] {
            const std::lock_guard lock(first);
            if (deadlocks) {
              const std::lock_guard other(second);
            } else if (second.try_lock_for(std::chrono::seconds(1))) {
              second.unlock();
            }
          },
          [&] {
            const std::lock_guard lock(second);
            const std::lock_guard other(first);
          });
    };
  };
  for (const char* model : {"sc", "rc11"}) {
    EXPECT_EQ(findings(model, body(false)), "") << model;
    EXPECT_EQ(findings(model, body(true)), "deadlock") << model;
  }
}

// Whoever is chosen while another one is awaited must not take a lock out of turn.
TEST(Check, YieldsBesideLocks) {
  EXPECT_EQ(counts([] {
              std::mutex mutex;
              const auto pass = [&] {
                mutex.lock();
                mutex.unlock();
                std::this_thread::yield();
              };
              run(pass, pass, pass, pass);
            }),
            (Counts{24, 24, 24}));
}

TEST(Check, TimedLocks) {
  const auto contest = [](auto lock_for, auto unlock) {
    return [=] {
      std::shared_timed_mutex mutex;
      run(
          [&] {
            if (lock_for(mutex, std::chrono::seconds(1))) {
              unlock(mutex);
            }
          },
          [&] { const std::lock_guard lock(mutex); });
    };
  };
  EXPECT_EQ(counts(contest([](auto& mutex, auto time) { return mutex.try_lock_for(time); },
                           [](auto& mutex) { mutex.unlock(); })),
            (Counts{5, 5, 5}));
  EXPECT_EQ(counts(contest([](auto& mutex, auto time) { return mutex.try_lock_shared_for(time); },
                           [](auto& mutex) { mutex.unlock_shared(); })),
            (Counts{5, 5, 5}));
}

TEST(Check, TimedWaitsForAPost) {
  EXPECT_EQ(counts([] {
              sem_t semaphore;
              sem_init(&semaphore, 0, 0);
              run(
                  [&] {
                    timespec until = {};
                    clock_gettime(CLOCK_REALTIME, &until);
                    ++until.tv_sec;
                    sem_timedwait(&semaphore, &until);
                  },
                  [&] { sem_post(&semaphore); });
              sem_destroy(&semaphore);
            }),
            (Counts{3, 3, 3}));
}

TEST(Check, Semaphores) {
  EXPECT_EQ(counts([] {
              sem_t semaphore;
              sem_init(&semaphore, 0, 1);
              int count = 0;
              const auto use = [&] {
                sem_wait(&semaphore);
                ++count;
                sem_post(&semaphore);
              };
              run(use, use, use);
              HEDDLE_CHECK(count == 3);
            })[0] >= 6u,
            true);
}

TEST(Check, Barriers) {
  EXPECT_GE(check("rc11",
                  [] {
                    std::barrier<> barrier(2);
                    int a = 0;
                    int b = 0;
                    run([&] { a = 1, barrier.arrive_and_wait(), HEDDLE_CHECK(b == 1); },
                        [&] { b = 1, barrier.arrive_and_wait(), HEDDLE_CHECK(a == 1); });
                  })
                .complete,
            1u);
}

TEST(Check, ReaderWriterLocks) {
  EXPECT_GE(check("rc11",
                  [] {
                    std::shared_mutex mutex;
                    int value = 0;
                    const auto read = [&] {
                      const std::shared_lock lock(mutex);
                      HEDDLE_CHECK(value == 0 || value == 1);
                    };
                    run(
                        [&] {
                          const std::unique_lock lock(mutex);
                          value = 1;
                        },
                        read, read);
                  })
                .complete,
            6u);
}

TEST(Check, TryLock) {
  const auto body = [](bool expected) {
    return [=] {
      std::mutex mutex;
      run([&] { const std::lock_guard lock(mutex); },
          [&] {
            const bool got = mutex.try_lock();
            if (got) {
              mutex.unlock();
            }
            HEDDLE_CHECK(got != expected);
          });
    };
  };
  EXPECT_EQ(findings("rc11", body(true)), "check");
  EXPECT_EQ(findings("rc11", body(false)), "check");
}

// A free mutex goes to whoever waits or to who tries, also if who tries came before it was free.
TEST(Check, TryLockBesideWaitingThread) {
  const auto body = [](bool same_order) {
    return [=] {
      std::mutex mutex;
      std::string order;
      const auto try_it = [&](char name) {
        if (mutex.try_lock()) {
          order += name;
          mutex.unlock();
        }
      };
      std::thread a([&] { try_it('a'); });
      std::thread b([&] { try_it('b'); });
      mutex.lock();
      order += 'm';
      mutex.unlock();
      a.join();
      b.join();
      HEDDLE_CHECK(!same_order || order != "bma");
    };
  };
  EXPECT_EQ(findings("rc11", body(true)), "check");
  EXPECT_EQ(counts(body(false)), (Counts{16, 16, 16}));  // failing attempts come in an order, too
}

TEST(Check, OnceOnly) {
  EXPECT_GE(check("rc11",
                  [] {
                    std::once_flag flag;
                    int count = 0;
                    const auto once = [&] {
                      std::call_once(flag, [&] { ++count; });
                      HEDDLE_CHECK(count == 1);
                    };
                    run(once, once);
                  })
                .complete,
            2u);
}

// Who is still initialising has not let others in before it is told to the search that it does.
TEST(Check, OnceBehindAFlag) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model,
                       [] {
                         std::once_flag flag;
                         std::atomic<bool> done = false;
                         int value = 0;
                         const auto once = [&] {
                           if (!done.load(kAcquire)) {
                             std::call_once(flag, [&] {
                               value = 42;
                               done.store(true, kRelease);
                             });
                           }
                           HEDDLE_CHECK(value == 42);
                         };
                         run(once, once, once);
                       }),
              "")
        << model;
  }
}

// The same of readers who leave.
TEST(Check, ReadersLeaveOneByOne) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model,
                       [] {
                         std::shared_mutex mutex;
                         Shared s;
                         int value = 0;
                         const auto reader = [&] {
                           if (s.x.load(kRelaxed) == 0) {
                             const std::shared_lock lock(mutex);
                             HEDDLE_CHECK(value == s.x.load(kRelaxed));
                           }
                         };
                         run(reader, reader, [&] {
                           const std::lock_guard lock(mutex);
                           value = 1;
                           s.x.store(1, kRelaxed);
                         });
                       }),
              "")
        << model;
  }
}

int who_came_first(int who) {
  static const int first = [who] { return who; }();
  return first;
}

TEST(Check, StaticLocals) {
  const auto body = [](bool assumes) {
    return [=] {
      int seen[2] = {};
      run([&] { seen[0] = who_came_first(1); }, [&] { seen[1] = who_came_first(2); });
      HEDDLE_CHECK(seen[0] == seen[1] && (!assumes || seen[0] == 1));
    };
  };
  // Who comes second finds it done, or waits for that.
  EXPECT_EQ(counts(body(false)), (Counts{4, 4, 4}));
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body(true)), "check") << model;
  }
}

TEST(Check, OneOfTwoIsNotified) {
  const auto body = [] {
    std::mutex mutex;
    std::condition_variable condition;
    u32 tokens = 0;
    const auto take = [&] {
      std::unique_lock lock(mutex);
      condition.wait(lock, [&] { return tokens > 0; });
      --tokens;
    };
    const auto give = [&] {
      {
        const std::lock_guard lock(mutex);
        ++tokens;
      }
      condition.notify_one();
    };
    std::thread threads[] = {std::thread(take), std::thread(take), std::thread(give)};
    give();
    for (std::thread& thread : threads) {
      thread.join();
    }
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_FALSE(check(model, body).bounded) << model;
  }
}

TEST(Check, FuturesOfTwo) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model,
                       [] {
                         std::promise<int> promise;
                         const std::shared_future<int> future = promise.get_future().share();
                         std::thread sets([&] { promise.set_value(7); });
                         std::thread waits([&] { future.wait(); });
                         HEDDLE_CHECK(future.get() == 7);
                         sets.join();
                         waits.join();
                       }),
              "")
        << model;
  }
}

TEST(Check, ValuesOfSemaphores) {
  const auto values = [](bool waits) {
    unsigned seen = 0;
    check("rc11", [&] {
      sem_t semaphore;
      sem_init(&semaphore, 0, 0);
      int value = 0;
      run([&] { sem_post(&semaphore); },
          [&] {
            do {
              sem_getvalue(&semaphore, &value);
            } while (waits && value == 0);
          });
      seen |= 1u << value;
      sem_destroy(&semaphore);
    });
    return seen;
  };
  EXPECT_EQ(values(false), 0b11u);
  EXPECT_EQ(values(true), 0b10u);
}

// The end of a thread that owns a robust mutex is an event: another one may try before it.
TEST(Check, OwnersOfRobustMutexesEndAtAnyTime) {
  int results = 0;
  check("rc11", [&] {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_t mutex;
    pthread_mutex_init(&mutex, &attributes);
    run([&] { pthread_mutex_lock(&mutex); },
        [&] {
          const int result = pthread_mutex_trylock(&mutex);
          results |= result == EBUSY ? 1 : result == EOWNERDEAD ? 2 : 4;
          if (result == EOWNERDEAD) {
            pthread_mutex_consistent(&mutex);
          }
          if (result != EBUSY) {
            pthread_mutex_unlock(&mutex);
          }
        });
  });
  EXPECT_EQ(results, 7);
}

TEST(Check, WhoSharesALockLearnsFromThoseWhoHadItAlone) {
  const auto body = [](bool first_shares, bool second_shares) {
    return [=] {
      Shared s;
      std::shared_mutex mutex;
      const auto pass = [&](bool shares) {
        if (shares) {
          const std::shared_lock lock(mutex);
        } else {
          const std::unique_lock lock(mutex);
        }
      };
      run(
          [&] {
            s.x.store(1, kRelaxed);
            pass(first_shares);
            s.y.store(1, kRelaxed);
          },
          [&] {
            const bool is_second = s.y.load(kRelaxed) == 1;
            pass(second_shares);
            HEDDLE_CHECK(!is_second || s.x.load(kRelaxed) == 1);
          },
          [&] { pass(true); });  // may come between them
    };
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    const char* allowed = std::string(model) == "rc11" ? "check" : "";
    EXPECT_EQ(findings(model, body(true, true)), allowed) << model;
    EXPECT_EQ(findings(model, body(true, false)), "") << model;
    EXPECT_EQ(findings(model, body(false, true)), "") << model;
  }
}

// Fences order atomics; an attempt that fails orders nothing.
TEST(Check, AFenceBeforeAnAttemptThatFailsIsNoRelease) {
  const auto body = [] {
    Shared s;
    std::mutex mutex;
    bool was_first = false;
    bool failed = false;
    bool is_second = false;
    int seen = 0;
    run(
        [&] {
          s.x.store(1, kRelaxed);
          std::atomic_thread_fence(kRelease);
          failed = !mutex.try_lock();
          if (!failed) {
            mutex.unlock();
          }
        },
        [&] {
          const std::lock_guard lock(mutex);
          was_first = true;
        },
        [&] {
          const std::lock_guard lock(mutex);
          is_second = was_first;
          seen = s.x.load(kRelaxed);
        });
    HEDDLE_CHECK(!failed || !is_second || seen == 1);
  };
  EXPECT_EQ(findings("rc11", body), "check");
}

}  // namespace
}  // namespace heddle::testing
