// Exhaustive search of loops that wait: rounds that change nothing are no executions of their own.
#include <algorithm>
#include <atomic>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <pthread.h>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "tests/check_helpers.hpp"
#include "tests/explore_helpers.hpp"

namespace heddle::testing {
namespace {

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

// A round that writes what was there changes nothing; one that counts, something.
TEST(Check, RoundsThatWriteTheSamePlainValueAreCut) {
  const auto body = [](bool counts) {
    return [=] {
      Shared s;
      struct {
        int cached = 0;
        int tries = 0;
        char copy[24] = {};
      } ring;
      run([&] { s.x.store(1, kRelease); },
          [&, own = &ring] {
            while (own->cached == 0) {
              own->cached = s.x.load(kAcquire);
              std::fill_n(own->copy, sizeof own->copy, 'x');
              own->tries += counts ? 1 : 0;
            }
            HEDDLE_CHECK(own->copy[23] == 'x');
          });
    };
  };
  EXPECT_EQ(counts(body(false)), (Counts{2, 2, 2}));
  EXPECT_FALSE(check("rc11", body(false)).bounded);
  EXPECT_TRUE(check("rc11", body(true), 1'000).bounded);
}

// What a round writes was there before it, at first; and what others have written since is gone.
TEST(Check, RoundsThatOverwriteOthersValuesAreNot) {
  const auto body = [](int times) {
    return [=] {
      Shared s;
      std::mutex mutex;
      int copy = 0;
      int overwritten = 0;
      run(
          [&] {
            for (int i = 0; i < 4; ++i) {
              const std::lock_guard lock(mutex);
              overwritten += i > 0 && copy == 0 ? 1 : 0;
              copy = 5;
            }
            s.x.store(1, kRelease);
          },
          [&] {
            for (bool waits = true; waits;) {
              const std::lock_guard lock(mutex);
              copy = s.x.load(kAcquire);
              waits = copy == 0;
            }
          });
      HEDDLE_CHECK(overwritten != times);
    };
  };
  for (const int times : {0, 1, 2, 3}) {
    EXPECT_EQ(findings("sc", body(times)), "check") << times;
  }
  EXPECT_EQ(findings("sc", body(4)), "");
}

/// One thread goes round in `loop` until the other has stored to y. Rounds that change something
/// are executions of their own, without number; what comes behind them is seen all the same.
void expect_bounded(const char* model, u64 steps_max, void (*loop)(Shared& s)) {
  const auto body = [=](bool good) {
    return [=] {
      Shared s;
      run([&] { loop(s), HEDDLE_CHECK(good); }, [&] { s.y.store(1, kRelaxed); });
    };
  };
  EXPECT_EQ(findings(model, body(true), 0, steps_max), "");
  EXPECT_TRUE(check(model, body(true), steps_max).bounded);
  EXPECT_EQ(findings(model, body(false), 0, steps_max), "check");
}

// The others may have taken the steps, and be done.
TEST(Check, TheLastThreadMayComeToItsEnd) {
  const auto body = [](int times) {
    return [=] {
      Shared s;
      const auto add = [&] { s.x.fetch_add(1); };
      run([&] {
        for (int i = 0; i < 20; ++i) {
          add();
        }
      });
      for (int i = 0; i < times; ++i) {
        add();
      }
    };
  };
  EXPECT_EQ(findings("rc11", body(110), 0, 100), "");
  EXPECT_EQ(findings("rc11", body(300), 0, 100), "livelock");
}

TEST(Check, RoundsThatComeBackInTheSameStateAreBounded) {
  // Each round changes the lock, and changes it back.
  expect_bounded("rc11", 100'000, [](Shared& s) {
    for (bool ready = false; !ready;) {
      while (s.x.exchange(1, kAcquire) != 0) {
      }
      ready = s.y.load(kRelaxed) != 0;
      s.x.store(0, kRelease);
    }
  });
  expect_bounded("sc", 100'000, [](Shared& s) {
    while (s.y.load(kRelaxed) == 0) {
      s.x.fetch_add(1, kRelaxed);
    }
  });
}

TEST(Check, RoundsInEverNewStatesAreBoundedByTheLimitOfSteps) {
  expect_bounded("sc", 100, [](Shared& s) {
    for (int n = 1; s.y.load(kRelaxed) == 0; ++n) {
      s.x.store(n, kRelaxed);
    }
  });
}

// Who is cut where it holds a lock gives it back, if it is let run on: that is no livelock.
TEST(Check, SpinsThatHoldLocks) {
  const auto two_locks = [] {
    std::mutex a;
    std::mutex b;
    run([&] { const std::scoped_lock lock(a, b); }, [&] { const std::scoped_lock lock(b, a); });
  };
  const auto polling = [](bool ends) {
    return [=] {
      Shared s;
      std::mutex mutex;
      s.x.store(1);
      run(
          [&] {
            while (s.x.load() != s.y.load()) {
              const std::lock_guard lock(mutex);
              if (s.x.load() > 5) {
                s.x.store(5);
              }
            }
          },
          [&] {
            const std::lock_guard lock(mutex);
            s.y.store(ends ? 1 : 2);
          });
    };
  };
  const auto three_locks = [] {
    std::mutex a;
    std::mutex b;
    std::mutex c;
    run([&] { const std::scoped_lock lock(a, b, c); },
        [&] { const std::scoped_lock lock(c, b, a); });
  };
  for (const char* model : {"sc", "rc11"}) {
    EXPECT_EQ(findings(model, two_locks), "") << model;
    EXPECT_EQ(findings(model, three_locks), "") << model;
    EXPECT_EQ(findings(model, polling(true)), "") << model;
    EXPECT_EQ(findings(model, polling(false)), "livelock") << model;
  }
}

// With nobody to change what it reads, a loop ends by itself or not at all.
TEST(Check, LoopsOfOneThread) {
  EXPECT_EQ(findings("rc11",
                     [] {
                       pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
                       for (int i = 0; i < 1000; ++i) {
                         pthread_rwlock_rdlock(&lock);
                         pthread_rwlock_unlock(&lock);
                       }
                       HEDDLE_CHECK(false);
                     }),
            "check");
}

// Who polls so often that run() would let others go first does not have to, here; nor when what
// was found is told.
TEST(Check, WhoPollsManyTimesGivesUp) {
  EXPECT_EQ(findings("sc",
                     [] {
                       Shared s;
                       run([&] { s.x.store(1); },
                           [&] {
                             int left = 100;
                             while (s.x.load() == 0 && left > 0) {
                               --left;
                               std::this_thread::yield();
                             }
                             HEDDLE_CHECK(left > 0);
                           });
                     }),
            "check");
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

// So many rounds are not all explored, but what comes behind them is: a lock that spins for a while
// before it waits.
TEST(Check, SpinsThatCountForLong) {
  const auto waiting = [](std::memory_order order) {
    return [=] {
      std::atomic<int> state = 0;
      int data = 0;
      const auto lock = [&] {
        for (int i = 0; i < 300; ++i) {
          int expected = 0;
          if (state.compare_exchange_strong(expected, 1, kAcquire, kRelaxed)) {
            return;
          }
        }
        while (state.exchange(2, order) != 0) {
          state.wait(2, kRelaxed);
        }
      };
      const auto once = [&] {
        lock();
        ++data;
        if (state.exchange(0) == 2) {
          state.notify_one();
        }
      };
      run(once, once);
      HEDDLE_CHECK(data == 2);
    };
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, waiting(kRelaxed)), "race") << model;
    EXPECT_EQ(findings(model, waiting(kAcquire)), "") << model;
  }
}

// Of two values that are read in turn, one may have changed since: what the others wrote came
// later.
TEST(Check, SpinsThatCountAndReadTwoValues) {
  const auto body = [](int expected) {
    return [=] {
      Shared s;
      run(
          [&] {
            s.x.store(1, kRelaxed);
            s.y.store(1, kRelaxed);
          },
          [&] {
            int seen = 0;
            for (int i = 0; i < 1000 && seen == 0; ++i) {
              seen = 2 * s.y.load(kRelaxed) + s.x.load(kRelaxed);
            }
            const int after = s.x.load(kRelaxed);
            HEDDLE_CHECK(seen != 0 || after != expected);
          });
    };
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body(0)), "check") << model;
    EXPECT_EQ(findings(model, body(1)), "check") << model;
    EXPECT_EQ(findings(model, body(2)), "") << model;
  }
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

// Another thread shares it, too, and will not let a writer in.
TEST(Check, LoopsThatShareALock) {
  const auto body = [](bool somebody_writes) {
    return [=] {
      std::shared_mutex mutex;
      std::atomic<bool> seen{false};
      std::shared_lock<std::shared_mutex> held;
      if (!somebody_writes) {
        held = std::shared_lock(mutex);
      }
      run(
          [&] {
            while (mutex.try_lock_shared()) {
              mutex.unlock_shared();
            }
            seen = true;
          },
          [&] {
            if (somebody_writes) {
              const std::lock_guard lock(mutex);
              while (!seen) {
              }
            }
          });
    };
  };
  for (const char* model : {"sc", "rc11"}) {
    EXPECT_EQ(findings(model, body(true)), "") << model;
    EXPECT_EQ(findings(model, body(false)), "livelock") << model;
  }
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

}  // namespace
}  // namespace heddle::testing
