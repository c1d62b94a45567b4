// Exhaustive search: it must see each class of executions once, and no other.
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <functional>
#include <gtest/gtest.h>
#include <latch>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <semaphore.h>
#include <set>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "explore/session.hpp"
#include "heddle/heddle.hpp"
#include "tests/explore_helpers.hpp"

extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);

namespace heddle::testing {
namespace {

using exploration::Census;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kSeqCst = std::memory_order_seq_cst;

Census check(const char* model, const std::function<void()>& body) {
  exploration::Settings settings;
  settings.model = model;
  settings.faults = 0;
  exploration::Session session(body, settings);
  std::string findings;
  const Census census = session.check({},
                                      [&](const exec::Finding& finding, const Census&) {
                                        findings += finding.message.data;
                                        return true;
                                      },
                                      {});
  EXPECT_EQ(findings, "");
  EXPECT_FALSE(census.diverged);
  EXPECT_TRUE(census.finished);
  return census;
}

/// The kinds of all findings, each once. All of them repeat.
std::string findings(const char* model, const std::function<void()>& body,
                     exec::Faults faults = 0) {
  exploration::Settings settings;
  settings.model = model;
  settings.faults = faults;
  exploration::Session session(body, settings);
  std::set<std::string> kinds;
  const Census census = session.check({},
                                      [&](const exec::Finding& finding, const Census&) {
                                        kinds.insert(exec::name_of(finding.kind));
                                        exploration::Divergence divergence;
                                        session.record(divergence);
                                        EXPECT_FALSE(divergence.diverged) << divergence.message;
                                        return true;
                                      },
                                      {});
  EXPECT_TRUE(census.finished && !census.diverged);
  std::string all;
  for (const std::string& kind : kinds) {
    all += (all.empty() ? "" : " ") + kind;
  }
  return all;
}

/// Complete executions under SC, TSO and RC11.
using Counts = std::vector<u64>;
Counts counts(const std::function<void()>& body) {
  Counts all;
  for (const char* model : {"sc", "tso", "rc11"}) {
    all.push_back(check(model, body).complete);
  }
  return all;
}

struct Shared {
  std::atomic<int> x{0};
  std::atomic<int> y{0};
  std::atomic<int> z{0};
};

template <class... Threads>
void run(Threads... threads) {
  std::vector<std::thread> all;
  (all.emplace_back(threads), ...);
  for (std::thread& thread : all) {
    thread.join();
  }
}

TEST(Check, StoreBuffering) {
  const auto body = [](std::memory_order order) {
    return [=] {
      Shared s;
      run([&] { s.x.store(1, order), s.y.load(order); },
          [&] { s.y.store(1, order), s.x.load(order); });
    };
  };
  EXPECT_EQ(counts(body(kRelaxed)), (Counts{3, 4, 4}));
  EXPECT_EQ(counts(body(kSeqCst)), (Counts{3, 3, 3}));
}

TEST(Check, LoadBuffering) {
  EXPECT_EQ(counts([] {
              Shared s;
              run([&] { s.x.load(kRelaxed), s.y.store(1, kRelaxed); },
                  [&] { s.y.load(kRelaxed), s.x.store(1, kRelaxed); });
            }),
            (Counts{3, 3, 3}));
}

TEST(Check, MessagePassing) {
  const auto body = [](std::memory_order store, std::memory_order load) {
    return [=] {
      Shared s;
      run([&] { s.x.store(1, kRelaxed), s.y.store(1, store); },
          [&] { s.y.load(load), s.x.load(kRelaxed); });
    };
  };
  EXPECT_EQ(counts(body(kRelaxed, kRelaxed)), (Counts{3, 3, 4}));
  EXPECT_EQ(counts(body(kRelease, kAcquire)), (Counts{3, 3, 3}));
}

TEST(Check, CoherenceOfReads) {
  EXPECT_EQ(counts([] {
              Shared s;
              run([&] { s.x.store(1, kRelaxed); }, [&] { s.x.load(kRelaxed), s.x.load(kRelaxed); });
            }),
            (Counts{3, 3, 3}));
}

TEST(Check, TwoPlusTwoWrites) {
  EXPECT_EQ(counts([] {
              Shared s;
              run([&] { s.x.store(1, kRelaxed), s.y.store(2, kRelaxed); },
                  [&] { s.y.store(1, kRelaxed), s.x.store(2, kRelaxed); });
            }),
            (Counts{3, 3, 4}));
}

TEST(Check, IndependentReadsOfIndependentWrites) {
  const auto body = [](std::memory_order order) {
    return [=] {
      Shared s;
      run([&] { s.x.store(1, order); }, [&] { s.y.store(1, order); },
          [&] { s.x.load(order), s.y.load(order); }, [&] { s.y.load(order), s.x.load(order); });
    };
  };
  EXPECT_EQ(counts(body(kSeqCst)), (Counts{15, 15, 15}));
  EXPECT_EQ(counts(body(kRelaxed)), (Counts{15, 15, 16}));
}

TEST(Check, UpdatesAndStoresInAnyOrder) {
  for (u64 n = 1, factorial = 1; n <= 5; factorial *= ++n) {
    EXPECT_EQ(counts([n] {
                Shared s;
                std::vector<std::thread> threads;
                for (u64 i = 0; i < n; ++i) {
                  threads.emplace_back([&] { s.x.fetch_add(1, kRelaxed); });
                }
                for (std::thread& thread : threads) {
                  thread.join();
                }
                HEDDLE_CHECK(s.x.load(kRelaxed) == static_cast<int>(n));
              }),
              (Counts{factorial, factorial, factorial}));
    EXPECT_EQ(counts([n] {
                Shared s;
                std::vector<std::thread> threads;
                for (u64 i = 0; i < n; ++i) {
                  threads.emplace_back([&s, i] { s.x.store(static_cast<int>(i), kRelaxed); });
                }
                for (std::thread& thread : threads) {
                  thread.join();
                }
              }),
              (Counts{factorial, factorial, factorial}));
  }
}

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

TEST(Check, SpinsAreCut) {
  const auto body = [] {
    Shared s;
    int data = 0;
    run([&] { data = 1, s.x.store(1, kRelease); },
        [&] {
          while (s.x.load(kAcquire) == 0) {
          }
          HEDDLE_CHECK(data == 1);
        });
  };
  EXPECT_EQ(counts(body), (Counts{1, 1, 1}));
  EXPECT_EQ(check("rc11", body).blocked, 1u);
}

TEST(Check, SpinsForEverAreFound) {
  const auto body = [](bool helps) {
    return [=] {
      Shared s;
      run([&] { s.x.store(helps ? 1 : 2, kRelease); },
          [&] {
            while (s.x.load(kAcquire) != 1) {
            }
          });
    };
  };
  EXPECT_EQ(findings("rc11", body(false)), "livelock");
  EXPECT_EQ(findings("rc11", body(true)), "");
}

// Each round changes the lock, and changes it back: how many there are before the other thread
// comes is a matter of executions without number.
TEST(Check, PollingInsideOfASpinLockIsBounded) {
  const auto body = [](bool good) {
    return [=] {
      Shared s;
      run(
          [&] {
            for (bool ready = false; !ready;) {
              while (s.x.exchange(1, kAcquire) != 0) {
              }
              ready = s.y.load(kRelaxed) != 0;
              s.x.store(0, kRelease);
            }
            HEDDLE_CHECK(good);
          },
          [&] { s.y.store(1, kRelaxed); });
    };
  };
  EXPECT_EQ(findings("rc11", body(true)), "");
  EXPECT_TRUE(check("rc11", body(true)).bounded);
  EXPECT_EQ(findings("rc11", body(false)), "check");
}

// Nor does it end if it is let run alone, though its state changes.
TEST(Check, CountingUntilSomebodySaysSoIsBounded) {
  const auto body = [](bool good) {
    return [=] {
      Shared s;
      run(
          [&] {
            while (s.y.load(kRelaxed) == 0) {
              s.x.fetch_add(1, kRelaxed);
            }
            HEDDLE_CHECK(good);
          },
          [&] { s.y.store(1, kRelaxed); });
    };
  };
  EXPECT_EQ(findings("sc", body(true)), "");
  EXPECT_TRUE(check("sc", body(true)).bounded);
  EXPECT_EQ(findings("sc", body(false)), "check");
}

TEST(Check, SpinsThatCount) {
  EXPECT_EQ(counts([] {
              Shared s;
              run([&] { s.x.store(1, kRelaxed); },
                  [&] {
                    for (int i = 0; i < 3 && s.x.load(kRelaxed) == 0; ++i) {
                    }
                  });
            }),
            (Counts{4, 4, 4}));
}

// That a weak compare-exchange fails is explored, that it fails for ever is not: to go round once
// more and read the same is no other execution.
TEST(Check, WeakCompareExchangesFailAndAreRepeated) {
  const exec::Faults faults = exec::fault(exec::DecisionKind::kWeakCas);
  const auto add = [](std::atomic<int>& x) {
    int seen = x.load(kRelaxed);
    while (!x.compare_exchange_weak(seen, seen + 1, kRelaxed)) {
    }
  };
  const auto lock = [](std::atomic<int>& x) {
    for (int free = 0; !x.compare_exchange_weak(free, 1, kAcquire, kRelaxed); free = 0) {
    }
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(
                  model,
                  [&] {
                    Shared s;
                    run([&] { add(s.x); }, [&] { add(s.x); });
                    HEDDLE_CHECK(s.x.load(kRelaxed) == 2);
                  },
                  faults),
              "");
    EXPECT_EQ(findings(
                  model,
                  [&] {
                    Shared s;
                    int data = 0;
                    const auto work = [&] { lock(s.x), ++data, s.x.store(0, kRelease); };
                    run(work, work);
                    HEDDLE_CHECK(data == 2);
                  },
                  faults),
              "");
    EXPECT_EQ(findings(
                  model,
                  [&] {
                    Shared s;
                    lock(s.x), lock(s.x);
                  },
                  faults),
              "livelock");
    EXPECT_EQ(findings(
                  model,
                  [&] {
                    Shared s;
                    int seen = 0;
                    HEDDLE_CHECK(s.x.compare_exchange_weak(seen, 1, kRelaxed));
                  },
                  faults),
              "check");
  }
}

// One thread looks under a lock whether the others are done: an execution for each order of those,
// or more: registers that are not used any more may make the first round look different.
TEST(Check, LocksOfThoseWhoOnlyLook) {
  const auto body = [](bool enough) {
    return [=] {
      std::mutex mutex;
      int done = 0;
      const auto work = [&] {
        for (int i = 0; i < 2; ++i) {
          const std::lock_guard lock(mutex);
          ++done;
        }
      };
      run(
          [&] {
            for (;;) {
              const std::lock_guard lock(mutex);
              if (done == (enough ? 4 : 5)) {
                break;
              }
            }
          },
          work, work);
    };
  };
  const auto census = check("rc11", body(true));
  EXPECT_GE(census.complete, 6u);
  EXPECT_TRUE(census.finished && !census.bounded);
  EXPECT_EQ(findings("rc11", body(true)), "");
  EXPECT_EQ(findings("rc11", body(false)), "livelock");
}

// An update that writes what it has read is no news, not even to itself the next time round.
TEST(Check, LoopsOfUpdatesThatChangeNothing) {
  const auto body = [](bool gives_back) {
    return [=] {
      Shared s;
      int data = 0;
      const auto work = [&] {
        while (s.x.exchange(1, kAcquire) == 1) {
          if (s.y.load(kRelaxed) == 1) {
            return;
          }
        }
        ++data;
        s.x.store(gives_back ? 0 : 1, kRelease);
      };
      run(work, work);
      HEDDLE_CHECK(data == 2);
    };
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body(true)), "") << model;
    EXPECT_EQ(findings(model, body(false)), "livelock") << model;
    EXPECT_FALSE(check(model, body(true)).bounded) << model;
  }
}

// Rounds that end by themselves are gone through, be it by many places or many times one.
TEST(Check, LongLoopsEnd) {
  EXPECT_EQ(counts([] {
              std::atomic<int> places[300] = {};
              Shared s;
              run([&] { s.x.store(1, kRelaxed); },
                  [&] {
                    for (std::atomic<int>& place : places) {
                      HEDDLE_CHECK(place.load(kRelaxed) == 0);
                    }
                    for (int i = 0; i < 100; ++i) {
                      s.x.load(kAcquire);
                    }
                  });
            }),
            (Counts{101, 101, 101}));
}

TEST(Check, SpinLocks) {
  for (u64 n = 1, factorial = 1; n <= 4; factorial *= ++n) {
    const auto body = [n](const std::function<void(Shared&)>& lock) {
      return [n, lock] {
        Shared s;
        u64 count = 0;
        std::vector<std::thread> threads;
        for (u64 i = 0; i < n; ++i) {
          threads.emplace_back([&] {
            lock(s);
            ++count;
            s.y.store(s.y.load(kRelaxed) + 1, kRelaxed);
            s.x.store(0, kRelease);
          });
        }
        for (std::thread& thread : threads) {
          thread.join();
        }
        HEDDLE_CHECK(count == n && s.y.load(kRelaxed) == static_cast<int>(n));
      };
    };
    EXPECT_EQ(counts(body([](Shared& s) {
                while (s.x.exchange(1, kAcquire) != 0) {
                }
              })),
              (Counts{factorial, factorial, factorial}));
    EXPECT_EQ(counts(body([](Shared& s) {
                int free = 0;
                while (!s.x.compare_exchange_weak(free, 1, kAcquire, kRelaxed)) {
                  free = 0;
                }
              })),
              (Counts{factorial, factorial, factorial}));
  }
}

TEST(Check, TicketLocks) {
  for (u64 n = 1, factorial = 1; n <= 4; factorial *= ++n) {
    const Counts seen = counts([n] {
      Shared s;
      u64 count = 0;
      std::vector<std::thread> threads;
      for (u64 i = 0; i < n; ++i) {
        threads.emplace_back([&] {
          const int ticket = s.x.fetch_add(1, kRelaxed);
          while (s.y.load(kAcquire) != ticket) {
            std::this_thread::yield();
          }
          ++count;
          s.y.store(ticket + 1, kRelease);
        });
      }
      for (std::thread& thread : threads) {
        thread.join();
      }
      HEDDLE_CHECK(count == n);
    });
    // AddressSanitizer leaves more in frames that is not used any more, so that a state may repeat
    // one round later.
    EXPECT_TRUE(testing::kAsan ? seen[0] >= factorial
                               : seen == (Counts{factorial, factorial, factorial}));
  }
}

TEST(Check, ThreadsKeepTheirNamesWhoeverIsFirst) {
  EXPECT_EQ(counts([] {
              Shared s;
              const auto two = [&](int value) {
                return [&s, value] {
                  std::thread inner([&s, value] { s.x.store(value, kRelaxed); });
                  s.y.fetch_add(1, kRelaxed);
                  inner.join();
                };
              };
              run(two(1), two(2));
            }),
            (Counts{4, 4, 4}));
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

TEST(Check, Choices) {
  EXPECT_EQ(counts([] {
              Shared s;
              run([&] { s.x.store(static_cast<int>(heddle_choose(3)), kRelaxed); },
                  [&] { s.x.load(kRelaxed); });
            }),
            (Counts{6, 6, 6}));
}

TEST(Check, MixedSizesAreRefused) {
  const auto body = [](bool ends) {
    return [=] {
      alignas(8) unsigned char bytes[8];
      auto* whole = new (bytes) std::atomic<u64>(0);
      std::thread thread([&] { whole->fetch_add(1, kRelaxed); });
      if (ends) {
        thread.join();
        new (bytes) u64(0);  // its life ends
      }
      auto* half = reinterpret_cast<std::atomic<u32>*>(bytes + 4);
      half->load(kRelaxed);
      if (!ends) {
        thread.join();
      }
    };
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body(false)), "unsupported") << model;
    EXPECT_EQ(findings(model, body(true)), "") << model;
  }
}

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
          });
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

// Of threads that come in one order and leave in another; and of rounds that make each other wait.
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
