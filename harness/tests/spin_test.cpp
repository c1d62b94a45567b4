// Goal: the ways in which programs wait by looking again and again are no livelock while another
// thread will let them go on, and are found where nobody will.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "explore/session.hpp"
#include "tests/explore_helpers.hpp"

namespace {

using heddle::testing::both;
using heddle::testing::expect_clean;
using heddle::testing::expect_found;

void expect_livelock(const std::function<void()>& body, heddle::ExploreOptions options = {}) {
  options.executions = 200;
  options.steps_max = 20'000;
  expect_found("livelock", "", body, options);
}

/// Critical sections that exclude each other, under a lock that spins.
template <class Lock>
void expect_excludes() {
  expect_clean([] {
    Lock lock;
    int counter = 0;
    const auto work = [&](int self) {
      for (int i = 0; i < 2; ++i) {
        lock.lock(self);
        ++counter;
        lock.unlock(self);
      }
    };
    both([&] { work(0); }, [&] { work(1); });
    HEDDLE_CHECK(counter == 4);
  });
}

/// One thread forgets to unlock.
template <class Lock>
void expect_forgotten_unlock_found() {
  expect_livelock([] {
    Lock lock;
    both([&] { lock.lock(0); },
         [&] {
           lock.lock(1);
           lock.unlock(1);
         });
    lock.lock(0);
  });
}

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

struct TestAndSet {
  std::atomic<bool> held{false};
  void lock(int) {
    while (held.exchange(true, std::memory_order_acquire)) {
    }
  }
  void unlock(int) { held.store(false, std::memory_order_release); }
};

struct TestTestAndSetWithPause {
  std::atomic<bool> held{false};
  void lock(int) {
    while (held.exchange(true, std::memory_order_acquire)) {
      while (held.load(std::memory_order_relaxed)) {
        pause();
      }
    }
  }
  void unlock(int) { held.store(false, std::memory_order_release); }
};

struct BackoffWithYield {
  std::atomic<int> held{0};
  void lock(int) {
    for (int free = 0; !held.compare_exchange_weak(free, 1); free = 0) {
      std::this_thread::yield();
    }
  }
  void unlock(int) { held = 0; }
};

struct BackoffWithSleep {
  std::atomic<int> held{0};
  void lock(int) {
    for (auto pause = std::chrono::microseconds(1); held.exchange(1) != 0; pause *= 2) {
      std::this_thread::sleep_for(pause);
      pause = pause > std::chrono::milliseconds(1) ? std::chrono::microseconds(1) : pause;
    }
  }
  void unlock(int) { held = 0; }
};

struct Ticket {
  std::atomic<unsigned> next{0};
  std::atomic<unsigned> serving{0};
  void lock(int) {
    const unsigned mine = next.fetch_add(1);
    while (serving.load(std::memory_order_acquire) != mine) {
    }
  }
  void unlock(int) { serving.fetch_add(1, std::memory_order_release); }
};

struct Peterson {
  std::atomic<bool> wants[2] = {false, false};
  std::atomic<int> turn{0};
  void lock(int self) {
    wants[self] = true;
    turn = 1 - self;
    while (wants[1 - self] && turn == 1 - self) {
    }
  }
  void unlock(int self) { wants[self] = false; }
};

struct Dekker {
  std::atomic<bool> wants[2] = {false, false};
  std::atomic<int> turn{0};
  void lock(int self) {
    wants[self] = true;
    while (wants[1 - self]) {
      if (turn != self) {
        wants[self] = false;
        while (turn != self) {
        }
        wants[self] = true;
      }
    }
  }
  void unlock(int self) {
    turn = 1 - self;
    wants[self] = false;
  }
};

struct WaitByHand {
  std::atomic<int> held{0};
  void lock(int) {
    int free = 0;
    while (!held.compare_exchange_strong(free, 1)) {
      for (int i = 0; i < 10 && held != 0; ++i) {
        std::this_thread::yield();
      }
      free = 0;
    }
  }
  void unlock(int) { held = 0; }
};

template <class Lock>
class SpinLocks : public ::testing::Test {};
using Locks = ::testing::Types<TestAndSet, TestTestAndSetWithPause, BackoffWithYield,
                               BackoffWithSleep, Ticket, Peterson, Dekker, WaitByHand>;
TYPED_TEST_SUITE(SpinLocks, Locks);

TYPED_TEST(SpinLocks, Excludes) { expect_excludes<TypeParam>(); }
TYPED_TEST(SpinLocks, ForgottenUnlockIsALivelock) { expect_forgotten_unlock_found<TypeParam>(); }

TEST(Seqlock, ReaderRetries) {
  const auto body = [](bool forgets) {
    std::atomic<unsigned> version{0};
    std::atomic<int> a{0};
    std::atomic<int> b{0};
    both(
        [&] {
          version.fetch_add(1);
          a = 1;
          b = 1;
          version.fetch_add(forgets ? 2 : 1);
        },
        [&] {
          for (;;) {
            const unsigned before = version;
            const int x = a;
            const int y = b;
            if (before % 2 == 0 && version == before) {
              HEDDLE_CHECK(x == y);
              return;
            }
          }
        });
  };
  expect_clean([&] { body(false); });
  expect_livelock([&] { body(true); });
}

TEST(DoubleCheckedInitialisation, SpinsUntilReady) {
  const auto body = [](bool forgets) {
    std::atomic<int> state{0};  // 0 nothing, 1 being made, 2 ready
    int value = 0;
    const auto get = [&] {
      int nothing = 0;
      if (state.load(std::memory_order_acquire) != 2) {
        if (state.compare_exchange_strong(nothing, 1)) {
          value = 7;
          state.store(forgets ? 1 : 2, std::memory_order_release);
        }
        while (state.load(std::memory_order_acquire) != 2) {
        }
      }
      HEDDLE_CHECK(value == 7);
    };
    both(get, get);
  };
  expect_clean([&] { body(false); });
  expect_livelock([&] { body(true); });
}

// A volatile flag is a data race, and reported as one; a program that gets by with it must come to
// its end all the same.
TEST(VolatileFlag, IsARaceAndNoLivelock) {
  const auto body = [] {
    volatile bool ready = false;
    volatile int data = 0;
    both(
        [&] {
          data = 1;
          ready = true;
        },
        [&] {
          while (!ready) {
          }
          HEDDLE_CHECK(data == 1);
        });
  };
  expect_found("race", "data-race", body);
  for (const bool preempt_all : {false, true}) {
    expect_found("race", "data-race", body,
                 {.executions = 300, .preempt_all = preempt_all, .race_continue = true});
  }
}

TEST(VolatileFlag, NobodySetsIt) {
  for (const bool preempt_all : {false, true}) {
    expect_livelock(
        [] {
          volatile bool ready = false;
          std::thread([&] {
            while (!ready) {
            }
          }).join();
        },
        {.preempt_all = preempt_all});
  }
}

/// A spinner that writes, as by taking a lock to look, seems to get somewhere each time.
class FlagUnderLock {
 public:
  void set(bool value) {
    const std::lock_guard lock(mutex_);
    ready_ = value;
  }
  void wait(bool yields = false) {
    while (!is_ready()) {
      if (yields) {
        std::this_thread::yield();
      }
    }
  }

 private:
  bool is_ready() {
    const std::lock_guard lock(mutex_);
    return ready_;
  }

  std::mutex mutex_;
  bool ready_ = false;
};

void poll_under_lock(bool somebody_sets_it) {
  FlagUnderLock flag;
  both([&] { flag.wait(); }, [&] { flag.set(somebody_sets_it); });
}

TEST(FlagUnderLock, IsNoLivelock) {
  expect_clean([] { poll_under_lock(true); });
}

TEST(FlagUnderLock, NobodySetsIt) {
  expect_livelock([] { poll_under_lock(false); });
}

// When a fuzzer's bytes have run out, nobody is preempted, but for spinning.
TEST(FlagUnderLock, EverySpinnerGivesWayInTurnWithoutBytes) {
  for (const bool yields : {false, true}) {
    const std::function<void()> body = [yields] {
      FlagUnderLock flag;
      const auto wait = [&] { flag.wait(yields); };
      std::thread first(wait);
      std::thread second(wait);
      std::thread sets_it([&] { flag.set(true); });
      first.join();
      second.join();
      sets_it.join();
    };
    heddle::exploration::Session session(body, {});
    const heddle::exec::Finding& finding = session.run_bytes(nullptr, 0);
    EXPECT_FALSE(finding) << finding.message.data;
  }
}

// Gives the outer lock back when it does not get the inner one, and tries again.
TEST(NestedSpinLocks, RetryIsNoLivelock) {
  expect_clean([] {
    TestAndSet outer;
    std::atomic<bool> inner{false};
    const auto work = [&](int self) {
      for (int i = 0; i < 2; ++i) {
        outer.lock(self);
        while (inner.exchange(true)) {
          outer.unlock(self);
          std::this_thread::yield();
          outer.lock(self);
        }
        outer.unlock(self);
        inner = false;
      }
    };
    both([&] { work(0); }, [&] { work(1); });
  });
}

// The window lies between two plain accesses: no synchronisation is there to switch at. Once the
// location was seen to race, it is a scheduling point by itself.
// A thread that reads a lot is taken to spin; who then really spins, for it, must not do so for
// ever.
TEST(Parked, GoesOnWhenTheOthersSpin) {
  expect_clean([] {
    std::atomic<int> numbers[8] = {};
    std::atomic<bool> done{false};
    both(
        [&] {
          int sum = 0;
          for (unsigned i = 0; i < 400; ++i) {
            sum += numbers[i % 8];
          }
          done = sum == 0;
        },
        [&] {
          while (!done) {
          }
        });
  });
}

// A thread gives way after so many reads, wherever it then is: at its end, or about to wait.
TEST(ManyReads, MayBeTheLastThatIsDone) {
  const auto reading = [](const std::function<void()>& end) {
    expect_clean([&] {
      std::atomic<int> number{0};
      std::atomic<int> other{0};
      std::thread reader([&] {
        for (int i = other; i < 300; ++i) {
          (void)number.load();
        }
        end();
      });
      for (int i = 0; i < 100; ++i) {
        other = i;
      }
      reader.join();
    });
  };
  std::mutex mutex;
  std::condition_variable condition;
  reading([] {});
  reading([] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); });
  reading([&] {
    std::unique_lock lock(mutex);
    condition.wait_for(lock, std::chrono::milliseconds(1));
  });
}

// A lock that spins many times before it does something else.
TEST(ManyReads, GetToWhatComesBehindThem) {
  for (const int most : {100, 2000}) {
    const auto body = [=] {
      std::atomic<bool> here{false};
      both([&] { here = true; },
           [&] {
             bool seen = false;
             for (int i = 0; i < most && !seen; ++i) {
               seen = here;
             }
             HEDDLE_CHECK(seen);
           });
    };
    expect_found("check", "", body);
  }
}

// Two threads wait for a third one, and let each other go on. A strategy that does not care who has
// waited for how long may run them for ever.
TEST(Fairness, IsKeptBeforeThereIsALivelock) {
  const auto waiting = [](bool comes) {
    return [=] {
      std::atomic<int> here{0};
      std::mutex mutex;
      int number = 0;
      std::thread flipping([&] {
        while (here.load() == 0) {
          number ^= 1;
        }
      });
      std::thread locking([&] {
        while (here.load() == 0) {
          const std::lock_guard lock(mutex);
        }
      });
      {
        const std::lock_guard lock(mutex);
      }
      here = comes;
      flipping.join();
      locking.join();
    };
  };
  expect_clean(waiting(true), {.executions = 200, .steps_max = 20'000});
  expect_livelock(waiting(false));
}

// Deadlines that many sleeps away come, too.
TEST(Fairness, LetsTimePass) {
  using namespace std::chrono_literals;
  const auto polling = [](bool gives_up) {
    return [=] {
      std::atomic<int> here{0};
      const auto deadline = std::chrono::steady_clock::now() + 1h;
      while (here.load() == 0) {
        std::this_thread::sleep_for(1us);
        if (std::chrono::steady_clock::now() >= deadline && gives_up) {
          break;
        }
      }
    };
  };
  expect_clean(polling(true), {.executions = 200, .steps_max = 20'000});
  expect_livelock(polling(false));
}

// To come in between two plain writes, both have to be known; each execution has the first race.
TEST(RacedLocation, BesideAnotherOneBecomesASchedulingPoint) {
  expect_found("check", "check",
               [] {
                 volatile int first = 0;
                 volatile int second = 0;
                 both(
                     [&] {
                       first = 1;
                       second = 1;
                     },
                     [&] {
                       const int seen = first;
                       HEDDLE_CHECK(seen == second);
                     });
               },
               {.race_continue = true});
}

TEST(RacedLocation, BecomesASchedulingPoint) {
  expect_found("check", "check",
               [] {
                 int counter = 0;
                 const auto add = [&] { counter = counter + 1; };
                 both(add, add);
                 HEDDLE_CHECK(counter == 2);
               },
               {.race_continue = true});
}

}  // namespace
