// Goal: everything that C++20 synchronises with is scheduled, from unmodified standard headers:
// both outcomes of a contest are reached, and blocking for ever is a deadlock.
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <random>
#include <semaphore>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "tests/explore_helpers.hpp"

namespace {

using heddle::testing::both;
using heddle::testing::expect_clean;
using heddle::testing::expect_deadlock;
using heddle::testing::expect_found;
using heddle::testing::outcomes;
using namespace std::chrono_literals;

// ---- mutexes ----

template <class Mutex>
unsigned timed_lock_outcomes() {
  return outcomes([] {
    Mutex mutex;
    unsigned result = 0;
    both([&] { const std::lock_guard lock(mutex); },
         [&] {
           const auto count = [&](bool locked) {
             if (locked) {
               mutex.unlock();
             }
             return locked ? 1u : 0u;
           };
           result += count(mutex.try_lock_for(1s));
           result += count(mutex.try_lock_until(std::chrono::steady_clock::now() + 1s));
           result += count(mutex.try_lock_until(std::chrono::system_clock::now() + 1s));
         });
    return result;
  });
}

TEST(TimedMutex, AllKinds) {
  EXPECT_EQ(timed_lock_outcomes<std::timed_mutex>(), 0b1111u);
  EXPECT_EQ(timed_lock_outcomes<std::recursive_timed_mutex>(), 0b1111u);
  EXPECT_EQ(timed_lock_outcomes<std::shared_timed_mutex>(), 0b1111u);
}

TEST(TimedMutex, SharedTimedLocks) {
  EXPECT_EQ(outcomes([] {
              std::shared_timed_mutex mutex;
              unsigned result = 0;
              both([&] { const std::lock_guard lock(mutex); },
                   [&] {
                     const std::shared_lock lock(mutex, 1s);
                     result = lock.owns_lock() ? 1 : 2;
                   });
              return result;
            }),
            0b110u);
}

TEST(TimedMutex, Deadlocks) {
  expect_deadlock("mutex", [] {
    std::timed_mutex mutex;
    mutex.lock();
    mutex.lock();
  });
  expect_deadlock("reader-writer lock", [] {
    std::shared_timed_mutex mutex;
    both([&] { mutex.lock_shared(); }, [&] { mutex.lock(); });
  });
}

TEST(ScopedLock, AvoidsTheDeadlockThatTwoGuardsHave) {
  expect_clean([] {
    std::mutex a;
    std::mutex b;
    both([&] { const std::scoped_lock lock(a, b); }, [&] { const std::scoped_lock lock(b, a); });
  });
  expect_deadlock("held by", [] {
    std::mutex a;
    std::mutex b;
    const auto lock = [](std::mutex& first, std::mutex& second) {
      const std::lock_guard outer(first);
      const std::lock_guard inner(second);
    };
    both([&] { lock(a, b); }, [&] { lock(b, a); });
  });
}

// ---- condition variables ----

TEST(ConditionVariableAny, EveryWait) {
  EXPECT_EQ(outcomes([] {
              std::shared_mutex mutex;
              std::condition_variable_any changed;
              bool open = false;
              unsigned result = 0;
              both(
                  [&] {
                    std::shared_lock lock(mutex);
                    const bool first = changed.wait_for(lock, 1s, [&] { return open; });
                    const bool second = changed.wait_until(
                        lock, std::chrono::system_clock::now() + 1s, [&] { return open; });
                    result = (first ? 1u : 0u) + (second ? 1u : 0u);
                    changed.wait(lock, [&] { return open; });
                  },
                  [&] {
                    {
                      const std::lock_guard lock(mutex);
                      open = true;
                    }
                    changed.notify_all();
                  });
              return result;
            }),
            0b111u);
}

TEST(ConditionVariableAny, StopTokenEndsTheWait) {
  EXPECT_EQ(outcomes([] {
              std::mutex mutex;
              std::condition_variable_any changed;
              bool open = false;
              unsigned result = 0;
              std::jthread waiter([&](std::stop_token stop) {
                std::unique_lock lock(mutex);
                result = changed.wait(lock, stop, [&] { return open; }) ? 1 : 2;
                if (!changed.wait_for(lock, stop, 1s, [&] { return open; })) {
                  ++result;
                }
              });
              std::thread opener([&] {
                const std::lock_guard lock(mutex);
                open = true;
                changed.notify_one();
              });
              waiter.request_stop();
              waiter.join();
              opener.join();
              return result;
            }),
            0b1010u);
}

TEST(ConditionVariableAny, NobodyNotifies) {
  expect_deadlock("condition variable", [] {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    changed.wait(lock);
  });
}

TEST(ConditionVariable, NotifiedAtThreadExit) {
  expect_clean([] {
    static std::mutex mutex;
    static std::condition_variable changed;
    static bool ready;
    std::thread([] {
      std::unique_lock lock(mutex);
      ready = true;
      std::notify_all_at_thread_exit(changed, std::move(lock));
    }).detach();
    std::unique_lock lock(mutex);
    changed.wait(lock, [] { return ready; });
  });
}

// ---- jthread and stop tokens ----

TEST(JThread, StopIsSeenOrNot) {
  EXPECT_EQ(
      outcomes([] {
        unsigned seen = 0;
        {
          std::jthread thread([&](std::stop_token stop) { seen = stop.stop_requested() ? 1 : 2; });
        }
        return seen;
      }),
      0b110u);
}

TEST(StopCallback, RunsOnceAndIsWaitedFor) {
  EXPECT_EQ(outcomes([] {
              std::stop_source source;
              std::atomic<unsigned> runs{0};
              unsigned seen = 0;
              both([&] { source.request_stop(); },
                   [&] {
                     {
                       const std::stop_callback callback(source.get_token(), [&] { ++runs; });
                     }
                     seen = runs;  // nothing runs after the destructor
                   });
              HEDDLE_CHECK(runs == seen);
              return seen;
            }),
            0b11u);
}

// ---- semaphores, latches, barriers ----

TEST(Semaphore, CountingAndBinary) {
  EXPECT_EQ(outcomes([] {
              std::counting_semaphore<3> full(0);
              unsigned item = 0;
              unsigned result = 0;
              both(
                  [&] {
                    item = 1;
                    full.release();
                  },
                  [&] {
                    result = full.try_acquire() ? 0 : full.try_acquire_for(1s) ? 1 : 2;
                    if (result == 2) {
                      full.acquire();
                    }
                    HEDDLE_CHECK(item == 1);
                  });
              return result;
            }),
            0b111u);
}

#if defined(_GLIBCXX_RELEASE) && _GLIBCXX_RELEASE < 13
// A waiter of libstdc++ 12 remembers the count 1, sees it go to 0, spins, and then sleeps for as
// long as the count is 1: GCC's bug 104928.
TEST(Semaphore, OldLibstdcxxCanSleepForEver) {
  const heddle::ExploreResult result = heddle::explore([] {
    std::binary_semaphore mutex(1);
    const auto work = [&] {
      mutex.acquire();
      mutex.release();
    };
    both(work, work);
  });
  EXPECT_EQ(result.kind, "deadlock") << result.report;
}
#endif

TEST(Semaphore, NobodyReleases) {
  expect_deadlock("waits for", [] {
    std::binary_semaphore full(0);
    full.acquire();
  });
}

TEST(Latch, AllArrive) {
  EXPECT_EQ(outcomes([] {
              std::latch latch(2);
              std::array<int, 2> data = {0, 0};
              unsigned open = 0;
              both(
                  [&] {
                    data[0] = 1;
                    latch.arrive_and_wait();
                    HEDDLE_CHECK(data[1] == 1);
                  },
                  [&] {
                    data[1] = 1;
                    latch.count_down();
                    open = latch.try_wait() ? 1 : 0;
                    latch.wait();
                    HEDDLE_CHECK(data[0] == 1);
                  });
              return open;
            }),
            0b11u);
  expect_deadlock("waits for", [] {
    std::latch latch(2);
    latch.arrive_and_wait();
  });
}

TEST(Barrier, CompletionRunsBetweenTheRounds) {
  expect_clean([] {
    int rounds = 0;
    std::barrier barrier(2, [&]() noexcept { ++rounds; });
    std::barrier all_have_read(2);
    const auto work = [&] {
      for (int round = 1; round <= 2; ++round) {
        barrier.arrive_and_wait();
        HEDDLE_CHECK(rounds == round);
        all_have_read.arrive_and_wait();
      }
    };
    both(work, work);
  });
}

TEST(Barrier, SomebodyDropsOut) {
  expect_clean([] {
    std::barrier barrier(2);
    both([&] { barrier.arrive_and_drop(); },
         [&] {
           barrier.arrive_and_wait();
           barrier.arrive_and_wait();
         });
  });
  expect_deadlock("waits for", [] {
    std::barrier barrier(2);
    barrier.arrive_and_wait();
  });
}

// ---- futures ----

TEST(Future, PromiseHandsOver) {
  EXPECT_EQ(outcomes([] {
              std::promise<int> promise;
              std::future<int> future = promise.get_future();
              std::thread setter([&] { promise.set_value(5); });
              const unsigned timed_out = future.wait_for(1s) == std::future_status::timeout ? 1 : 0;
              HEDDLE_CHECK(future.get() == 5);
              setter.join();
              return timed_out;
            }),
            0b11u);
}

TEST(Future, AsyncPackagedTaskAndSharedFuture) {
  expect_clean([] {
    std::future<int> made = std::async(std::launch::async, [] { return 1; });
    std::future<int> lazy = std::async(std::launch::deferred, [] { return 2; });
    std::packaged_task<int(int)> task([](int x) { return x + 1; });
    const std::shared_future<int> shared = task.get_future().share();
    std::thread runner(std::ref(task), 2);
    std::thread reader([shared] { HEDDLE_CHECK(shared.get() == 3); });
    HEDDLE_CHECK(made.get() + lazy.get() + shared.get() == 6);
    runner.join();
    reader.join();
  });
}

TEST(Future, ReadyAtTheEndOfTheThread) {
  expect_clean([] {
    std::promise<int> promise;
    std::packaged_task<int()> task([] { return 3; });
    std::future<int> value = promise.get_future();
    std::future<int> result = task.get_future();
    std::thread setter([own = std::move(promise), work = std::move(task)]() mutable {
      own.set_value_at_thread_exit(5);
      work.make_ready_at_thread_exit();
    });
    HEDDLE_CHECK(value.get() == 5);
    HEDDLE_CHECK(result.get() == 3);
    setter.join();
  });
}

// Who looks at the exception last need not be who frees it.
TEST(Future, ExceptionsBelongToAllWhoHoldThem) {
  expect_clean([] {
    std::promise<int> promise;
    std::future<int> future = promise.get_future();
    std::thread setter(
        [own = std::move(promise)]() mutable { own.set_exception(std::make_exception_ptr(7)); });
    try {
      future.get();
      HEDDLE_CHECK(false);
    } catch (int value) {
      HEDDLE_CHECK(value == 7);
    }
    setter.join();
  });
  expect_clean([] {
    std::exception_ptr thrown =
        std::make_exception_ptr(std::string("a string beyond its own space"));
    const auto look = [](std::exception_ptr mine) {
      try {
        std::rethrow_exception(std::move(mine));
      } catch (const std::string& text) {
        HEDDLE_CHECK(text[0] == 'a');
      }
    };
    std::thread a(look, thrown);
    std::thread b(look, std::move(thrown));
    a.join();
    b.join();
  });
}

TEST(Future, ExceptionsTravelAndBrokenPromisesTell) {
  expect_clean([] {
    std::future<int> thrower = std::async(std::launch::async, []() -> int { throw 7; });
    try {
      thrower.get();
      HEDDLE_CHECK(false);
    } catch (int value) {
      HEDDLE_CHECK(value == 7);
    }
    std::future<int> orphan = std::promise<int>().get_future();
    try {
      orphan.get();
      HEDDLE_CHECK(false);
    } catch (const std::future_error&) {
    }
  });
}

TEST(Future, NobodySetsIt) {
  expect_deadlock("waits for", [] {
    std::promise<int> promise;
    promise.get_future().get();
  });
}

// ---- atomics ----

struct Wide {
  std::uint64_t words[3] = {0, 0, 0};
};

TEST(Atomic, LargerThanAnyInstruction) {
  EXPECT_EQ(outcomes([] {
              std::atomic<Wide> wide{Wide{}};
              const auto add = [&] {
                Wide seen = wide.load();
                Wide next = seen;
                for (std::uint64_t& word : next.words) {
                  ++word;
                }
                wide.store(next);
              };
              both(add, add);
              const Wide last = wide;
              HEDDLE_CHECK(last.words[0] == last.words[1] && last.words[1] == last.words[2]);
              return static_cast<unsigned>(last.words[0]);
            }),
            0b110u);
  expect_clean([] {
    std::atomic<Wide> wide{Wide{}};
    const auto add = [&] {
      Wide seen = wide.load();
      for (Wide next = seen;; next = seen) {
        ++next.words[2];
        if (wide.compare_exchange_strong(seen, next)) {
          return;
        }
      }
    };
    both(add, add);
    HEDDLE_CHECK(wide.load().words[2] == 2);
    HEDDLE_CHECK(wide.exchange(Wide{}).words[2] == 2);
  });
}

TEST(Atomic, LargeOnesOrder) {
  expect_clean([] {
    std::atomic<Wide> wide{Wide{}};
    int data = 0;
    both(
        [&] {
          data = 1;
          wide.store(Wide{{1, 1, 1}});
        },
        [&] {
          if (wide.load().words[0] == 1) {
            HEDDLE_CHECK(data == 1);
          }
        });
  });
  expect_found("race", "data-race", [] {
    std::atomic<Wide> wide{Wide{}};
    int data = 0;
    both(
        [&] {
          data = 1;
          wide.store(Wide{{1, 1, 1}}, std::memory_order_relaxed);
        },
        [&] {
          if (wide.load(std::memory_order_relaxed).words[0] == 1) {
            ++data;
          }
        });
  });
}

TEST(AtomicRef, SharesPlainObjects) {
  EXPECT_EQ(outcomes([] {
              unsigned x = 0;
              const auto add = [&] {
                std::atomic_ref<unsigned> ref(x);
                ref.store(ref.load() + 1);
              };
              both(add, add);
              return x;
            }),
            0b110u);
  expect_found("race", "data-race", [] {
    int x = 0;
    both([&] { std::atomic_ref<int>(x).store(1); }, [&] { x = 2; });
  });
}

TEST(AtomicFlag, TestSetClearWait) {
  EXPECT_EQ(outcomes([] {
              std::atomic_flag flag;
              std::atomic<unsigned> first{0};
              const auto set = [&](unsigned id) {
                if (!flag.test_and_set()) {
                  first = id;
                }
                flag.notify_one();
              };
              std::thread waiter([&] { flag.wait(false); });
              both([&] { set(1); }, [&] { set(2); });
              waiter.join();
              HEDDLE_CHECK(flag.test());
              flag.clear();
              HEDDLE_CHECK(!flag.test());
              return first.load();
            }),
            0b110u);
}

TEST(AtomicSharedPtr, LoadStoreExchange) {
  EXPECT_EQ(outcomes([] {
              std::atomic<std::shared_ptr<int>> shared{std::make_shared<int>(1)};
              unsigned seen = 0;
              both([&] { shared.store(std::make_shared<int>(2)); },
                   [&] {
                     const std::shared_ptr<int> mine = shared.load();
                     seen = static_cast<unsigned>(*mine);
                   });
              HEDDLE_CHECK(*shared.exchange(nullptr) == 2);
              return seen;
            }),
            0b110u);
}

// Its lock is given back in any case.
TEST(AtomicSharedPtr, CompareExchangeThatFails) {
  expect_clean([] {
    std::atomic<std::shared_ptr<int>> shared{std::make_shared<int>(1)};
    both([&] { shared.store(std::make_shared<int>(2)); },
         [&] {
           std::shared_ptr<int> expected;
           HEDDLE_CHECK(!shared.compare_exchange_strong(
               expected, nullptr, std::memory_order_acq_rel, std::memory_order_acquire));
           HEDDLE_CHECK(*expected == 1 || *expected == 2);
         });
  });
}

TEST(AtomicSharedPtr, WaitSeesTheChange) {
  expect_clean([] {
    std::atomic<std::shared_ptr<int>> shared;
    both(
        [&] {
          shared.wait(nullptr);
          HEDDLE_CHECK(*shared.load() == 3);
        },
        [&] {
          shared = std::make_shared<int>(3);
          shared.notify_all();
        });
  });
}

TEST(SharedPtr, TheLastOneDeletesOnce) {
  expect_clean([] {
    static int deleted = 0;
    struct Counted {
      ~Counted() { ++deleted; }
    };
    auto owner = std::make_shared<Counted>();
    std::weak_ptr<Counted> weak = owner;
    both([copy = owner] {}, [&] { static_cast<void>(weak.lock()); });
    owner.reset();
    HEDDLE_CHECK(deleted == 1 && weak.expired());
  });
}

TEST(Fence, OrdersAndSignalFenceDoesNot) {
  const auto publish = [](auto fence) {
    return [fence] {
      std::atomic<int> ready{0};
      int data = 0;
      both(
          [&] {
            data = 1;
            fence(std::memory_order_release);
            ready.store(1, std::memory_order_relaxed);
          },
          [&] {
            if (ready.load(std::memory_order_relaxed) == 1) {
              fence(std::memory_order_acquire);
              HEDDLE_CHECK(data == 1);
            }
          });
    };
  };
  expect_clean(publish([](std::memory_order order) { std::atomic_thread_fence(order); }));
  expect_found("race", "data-race",
               publish([](std::memory_order order) { std::atomic_signal_fence(order); }));
}

TEST(OldBuiltins, Sync) {
  EXPECT_EQ(outcomes([] {
              static unsigned lock;
              static unsigned last;
              const auto work = [](unsigned id) {
                while (__sync_lock_test_and_set(&lock, 1) != 0) {
                }
                last = id;
                __sync_lock_release(&lock);
              };
              both([&] { work(1); }, [&] { work(2); });
              __sync_synchronize();
              return last;
            }),
            0b110u);
  expect_clean([] {
    unsigned x = 1;
    HEDDLE_CHECK(__sync_fetch_and_add(&x, 2) == 1 && __sync_add_and_fetch(&x, 1) == 4);
    HEDDLE_CHECK(__sync_bool_compare_and_swap(&x, 4, 5) && !__sync_bool_compare_and_swap(&x, 4, 6));
    HEDDLE_CHECK(__sync_val_compare_and_swap(&x, 5, 7) == 5 && __sync_or_and_fetch(&x, 8) == 15);
  });
}

// ---- randomness and time ----

TEST(Entropy, VariesFromExecutionToExecutionAndRepeatsWithin) {
  unsigned seen = 0;
  expect_clean([&] {
    std::random_device device;
    seen |= 1u << (device() % 8);
  });
  EXPECT_EQ(seen, 0xffu);
  expect_found("check", "check", [] {
    // Any replay that drew another number would not be the same finding.
    std::random_device device;
    HEDDLE_CHECK(device() % 64 != 17);
  });
}

TEST(Entropy, PseudoRandomSequencesStartAnew) {
  int first = -1;
  expect_clean([&] {
    const int now = std::rand();
    HEDDLE_CHECK(first == -1 || first == now);
    first = now;
    std::srand(7);
    const int again = std::rand();
    std::srand(7);
    HEDDLE_CHECK(again == std::rand());
  });
}

TEST(Time, StandsStillButForWaits) {
  expect_clean([] {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i) {
      std::this_thread::yield();
    }
    HEDDLE_CHECK(std::chrono::steady_clock::now() == start);
    std::this_thread::sleep_for(1h);
    HEDDLE_CHECK(std::chrono::steady_clock::now() - start >= 1h);
  });
}

TEST(Time, APollerOfAnyClockGetsThere) {
  expect_clean(
      [] {
        const auto end = std::chrono::system_clock::now() + 24h;
        while (std::chrono::system_clock::now() < end) {
        }
        const time_t later = std::time(nullptr) + 5;
        while (std::time(nullptr) < later) {
          std::this_thread::yield();
        }
      },
      {.executions = 100});
}

// ---- faults ----

TEST(Faults, WeakCompareExchangeFailsSpuriously) {
  const auto body = [] {
    std::atomic<int> x{0};
    int expected = 0;
    return x.compare_exchange_weak(expected, 1) ? 1u : 0u;
  };
  EXPECT_EQ(outcomes(body), 0b11u);
  EXPECT_EQ(outcomes(body, {.faults = "none"}), 0b10u);
  EXPECT_EQ(outcomes([] {
              std::atomic<int> x{0};
              int expected = 0;
              return x.compare_exchange_strong(expected, 1) ? 1u : 0u;
            }),
            0b10u);
}

TEST(Faults, AWaitWithoutALoopIsFound) {
  const auto body = [] {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    both(
        [&] {
          std::unique_lock lock(mutex);
          if (!open) {
            changed.wait(lock);
          }
          HEDDLE_CHECK(open);
        },
        [&] {
          const std::lock_guard lock(mutex);
          open = true;
          changed.notify_one();
        });
  };
  expect_clean(body);
  expect_found("check", "check", body, {.faults = "spurious-wakeup"});
}

TEST(Faults, AllocationsFail) {
  const auto body = [] {
    unsigned failed = 0;
    try {
      int* volatile made = new int(1);  // volatile: or the compiler sees that nobody needs it
      delete made;
    } catch (const std::bad_alloc&) {
      failed += 1;
    }
    void* volatile memory = std::malloc(8);
    failed += memory == nullptr ? 2 : 0;
    std::free(memory);
    return failed;
  };
  EXPECT_EQ(outcomes(body), 0b1u);
  EXPECT_EQ(outcomes(body, {.faults = "bad-alloc"}), 0b1111u);
}

TEST(Faults, ThreadsCannotBeMade) {
  EXPECT_EQ(outcomes(
                [] {
                  try {
                    std::thread([] {}).join();
                    return 1u;
                  } catch (const std::system_error&) {
                    return 2u;
                  }
                },
                {.faults = "thread-creation"}),
            0b110u);
}

}  // namespace
