// Goal: each primitive of the thread library is scheduled: both outcomes of a two-thread contest
// are reached, it excludes and orders as it must, and its misuse is reported.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <pthread.h>
#include <semaphore>
#include <shared_mutex>
#include <thread>

#include "tests/explore_helpers.hpp"

namespace {

using heddle::testing::both;
using heddle::testing::expect_clean;
using heddle::testing::expect_found;
using heddle::testing::outcomes;

TEST(Atomic, BothOrdersOfTwoStores) {
  EXPECT_EQ(outcomes([] {
              std::atomic<unsigned> x{0};
              both([&] { x = 1; }, [&] { x = 2; });
              return x.load();
            }),
            0b110u);
}

TEST(Atomic, StoreBufferingUnderSequentialConsistency) {
  EXPECT_EQ(outcomes([] {
              std::atomic<unsigned> x{0};
              std::atomic<unsigned> y{0};
              unsigned a = 0;
              unsigned b = 0;
              both(
                  [&] {
                    x = 1;
                    a = y;
                  },
                  [&] {
                    y = 1;
                    b = x;
                  });
              return a * 2 + b;
            }),
            0b1110u);
}

template <class T>
void lost_update_of() {
  EXPECT_EQ(outcomes([] {
              std::atomic<T> x{0};
              const auto add = [&] { x.store(static_cast<T>(x.load() + 1)); };
              both(add, add);
              return static_cast<unsigned>(x.load());
            }),
            0b110u);
  EXPECT_EQ(outcomes([] {
              std::atomic<T> x{0};
              const auto add = [&] {
                T seen = x.load();
                while (!x.compare_exchange_weak(seen, static_cast<T>(seen + 1))) {
                }
              };
              both(add, add);
              return static_cast<unsigned>(x.load());
            }),
            0b100u);
}

TEST(Atomic, AllSizes) {
  lost_update_of<std::uint8_t>();
  lost_update_of<std::uint16_t>();
  lost_update_of<std::uint32_t>();
  lost_update_of<std::uint64_t>();
}

__extension__ using Sixteen = unsigned __int128;

TEST(Atomic, SixteenBytes) {
  EXPECT_EQ(outcomes([] {
              alignas(16) static Sixteen x;
              const auto add = [] {
                for (Sixteen seen = __atomic_load_n(&x, __ATOMIC_SEQ_CST);;) {
                  if (__atomic_compare_exchange_n(&x, &seen, seen + 1, false, __ATOMIC_SEQ_CST,
                                                  __ATOMIC_SEQ_CST)) {
                    return;
                  }
                }
              };
              both(add, add);
              return static_cast<unsigned>(__atomic_load_n(&x, __ATOMIC_SEQ_CST));
            }),
            0b100u);
}

TEST(Atomic, AllUpdates) {
  expect_clean([] {
    std::atomic<int> x{12};
    HEDDLE_CHECK(x.fetch_add(3) == 12);
    HEDDLE_CHECK(x.fetch_sub(5) == 15);
    HEDDLE_CHECK(x.fetch_and(6) == 10);
    HEDDLE_CHECK(x.fetch_or(9) == 2);
    HEDDLE_CHECK(x.fetch_xor(1) == 11);
    HEDDLE_CHECK(x.exchange(-1) == 10);
    HEDDLE_CHECK(__atomic_fetch_nand(reinterpret_cast<int*>(&x), 5, __ATOMIC_SEQ_CST) == -1);
    HEDDLE_CHECK(x.load() == ~5);
    std::atomic<std::int8_t> small{127};
    ++small;
    HEDDLE_CHECK(small.load() == -128);
  });
}

TEST(Mutex, ExcludesAndBothGoFirst) {
  EXPECT_EQ(outcomes([] {
              std::mutex mutex;
              unsigned last = 0;
              bool inside = false;
              const auto work = [&](unsigned id) {
                const std::lock_guard lock(mutex);
                HEDDLE_CHECK(!inside);
                inside = true;
                std::this_thread::yield();
                inside = false;
                last = id;
              };
              both([&] { work(1); }, [&] { work(2); });
              return last;
            }),
            0b110u);
}

TEST(Mutex, TryLockFailsAndSucceeds) {
  EXPECT_EQ(outcomes([] {
              std::mutex mutex;
              unsigned got = 0;
              both([&] { const std::lock_guard lock(mutex); },
                   [&] {
                     if (mutex.try_lock()) {
                       got = 1;
                       mutex.unlock();
                     }
                   });
              return got;
            }),
            0b11u);
}

TEST(Mutex, RecursiveCounts) {
  expect_clean([] {
    std::recursive_mutex mutex;
    int depth = 0;
    const auto work = [&] {
      mutex.lock();
      mutex.lock();
      HEDDLE_CHECK(mutex.try_lock());
      HEDDLE_CHECK(++depth == 1);
      mutex.unlock();
      mutex.unlock();
      --depth;
      mutex.unlock();
    };
    both(work, work);
  });
}

TEST(Mutex, UnlockByAStranger) {
  expect_found("misuse", "unlock-not-owner", [] {
    std::mutex mutex;
    mutex.lock();
    std::thread other([&] { mutex.unlock(); });
    other.join();
  });
}

TEST(Mutex, DestroyedWhileHeld) {
  expect_found("misuse", "destroy-in-use", [] {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_destroy(&mutex);
  });
}

TEST(Thread, JoinedTwice) {
  expect_found("misuse", "bad-join", [] {
    pthread_t thread;
    pthread_create(&thread, nullptr, [](void* argument) { return argument; }, nullptr);
    pthread_join(thread, nullptr);
    pthread_join(thread, nullptr);
  });
}

TEST(Thread, ResultAndIdentity) {
  expect_clean([] {
    pthread_t thread;
    int token = 0;
    pthread_create(&thread, nullptr, [](void* argument) { return argument; }, &token);
    void* result = nullptr;
    HEDDLE_CHECK(!pthread_equal(thread, pthread_self()));
    pthread_join(thread, &result);
    HEDDLE_CHECK(result == &token);
  });
}

TEST(Thread, DetachedThreadsRunToTheirEnd) {
  EXPECT_EQ(outcomes([] {
              static std::atomic<unsigned> seen{0};
              std::thread([] { seen = 1; }).detach();
              return seen.load();
            }),
            0b11u);
}

TEST(Thread, ManyThreads) {
  expect_clean(
      [] {
        std::atomic<int> count{0};
        std::thread threads[100];
        for (std::thread& thread : threads) {
          thread = std::thread([&] { ++count; });
        }
        for (std::thread& thread : threads) {
          thread.join();
        }
        HEDDLE_CHECK(count == 100);
      },
      {.executions = 50});
}

TEST(ConditionVariable, HandsOver) {
  expect_clean([] {
    std::mutex mutex;
    std::condition_variable changed;
    int turn = 0;
    const auto play = [&](int mine) {
      for (int i = 0; i < 2; ++i) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return turn == mine; });
        turn = 1 - mine;
        changed.notify_all();
      }
    };
    both([&] { play(0); }, [&] { play(1); });
  });
}

TEST(ConditionVariable, EitherWaiterIsWoken) {
  EXPECT_EQ(outcomes([] {
              std::mutex mutex;
              std::condition_variable changed;
              int waiting = 0;
              bool open = false;
              unsigned first = 0;
              const auto wait = [&](unsigned id) {
                std::unique_lock lock(mutex);
                ++waiting;
                while (!open) {
                  changed.wait(lock);
                }
                first = first == 0 ? id : first;
              };
              std::thread a(wait, 1);
              std::thread b(wait, 2);
              {
                const std::lock_guard lock(mutex);
                open = true;
              }
              changed.notify_one();
              changed.notify_one();
              a.join();
              b.join();
              return first;
            }),
            0b110u);
}

TEST(ConditionVariable, TimedWaitTimesOutAndIsWoken) {
  EXPECT_EQ(outcomes([] {
              std::mutex mutex;
              std::condition_variable changed;
              bool open = false;
              unsigned result = 0;
              both(
                  [&] {
                    std::unique_lock lock(mutex);
                    result = changed.wait_for(lock, std::chrono::seconds(1), [&] { return open; })
                                 ? 1
                                 : 2;
                  },
                  [&] {
                    const std::lock_guard lock(mutex);
                    open = true;
                    changed.notify_one();
                  });
              return result;
            }),
            0b110u);
}

TEST(ConditionVariable, WaitWithoutTheLock) {
  expect_found("misuse", "wait-without-lock", [] {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    pthread_cond_wait(&condition, &mutex);
  });
}

TEST(SharedMutex, ReadersShareWritersDoNot) {
  EXPECT_EQ(outcomes([] {
              std::shared_mutex mutex;
              std::atomic<unsigned> inside{0};
              std::atomic<unsigned> most{0};
              const auto read = [&] {
                const std::shared_lock lock(mutex);
                const unsigned now = ++inside;
                if (now > most) {
                  most = now;
                }
                --inside;
              };
              std::thread writer([&] {
                const std::unique_lock lock(mutex);
                HEDDLE_CHECK(inside == 0);
                std::this_thread::yield();
                HEDDLE_CHECK(inside == 0);
              });
              both(read, read);
              writer.join();
              return most.load();
            }),
            0b110u);
}

TEST(SharedMutex, TryLocks) {
  EXPECT_EQ(outcomes([] {
              std::shared_mutex mutex;
              unsigned got = 0;
              both([&] { const std::shared_lock lock(mutex); },
                   [&] {
                     HEDDLE_CHECK(mutex.try_lock_shared());
                     mutex.unlock_shared();
                     if (mutex.try_lock()) {
                       got = 1;
                       mutex.unlock();
                     }
                   });
              return got;
            }),
            0b11u);
}

TEST(SpinLock, Excludes) {
  expect_clean([] {
    pthread_spinlock_t lock;
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    int counter = 0;
    const auto work = [&] {
      pthread_spin_lock(&lock);
      ++counter;
      pthread_spin_unlock(&lock);
    };
    both(work, work);
    HEDDLE_CHECK(counter == 2);
    pthread_spin_destroy(&lock);
  });
}

struct Counted {
  static inline int made = 0;
  static inline int gone = 0;
  int value = ++made;
  ~Counted() { ++gone; }
};

TEST(ThreadLocal, OneForEachThreadDestroyedAtItsEnd) {
  expect_clean([] {
    static std::mutex mutex;
    const auto use = [] {
      const std::lock_guard lock(mutex);
      thread_local Counted counted;
      HEDDLE_CHECK(counted.value == Counted::made);
    };
    std::thread a(use);
    a.join();
    HEDDLE_CHECK(Counted::made == 1 && Counted::gone == 1);
    std::thread b(use);
    b.join();
    HEDDLE_CHECK(Counted::made == 2 && Counted::gone == 2);
  });
  EXPECT_EQ(Counted::made, 0);
}

thread_local int plain_thread_local = 5;

TEST(ThreadLocal, InitialValueInEachThreadAndExecution) {
  expect_clean([] {
    const auto use = [] {
      HEDDLE_CHECK(plain_thread_local == 5);
      plain_thread_local = 6;
    };
    use();
    both(use, use);
    HEDDLE_CHECK(plain_thread_local == 6);
  });
}

TEST(StaticLocal, InitialisedOnceInEachExecution) {
  EXPECT_EQ(outcomes([] {
              static std::atomic<int> calls{0};
              static std::atomic<unsigned> who{0};
              const auto get = [](unsigned id) {
                static const unsigned value = [id] {
                  ++calls;
                  std::this_thread::yield();
                  return id;
                }();
                who = value;
              };
              both([&] { get(1); }, [&] { get(2); });
              HEDDLE_CHECK(calls == 1);
              return who.load();
            }),
            0b110u);
}

TEST(StaticLocal, ExceptionLetsTheOtherTry) {
  expect_clean([] {
    static std::atomic<int> calls{0};
    const auto get = [] {
      try {
        static const int value = [] {
          if (++calls == 1) {
            throw 1;
          }
          return 2;
        }();
        HEDDLE_CHECK(value == 2);
      } catch (int) {
      }
    };
    both(get, get);
    HEDDLE_CHECK(calls == 2);
  });
}

TEST(StaticLocal, DestroyedAtTheEndOfTheExecution) {
  struct Loud {
    bool alive = true;
    ~Loud() { HEDDLE_CHECK(!alive); }
  };
  // The destructor's own complaint shows that it ran.
  expect_found("check", "check", [] {
    static const Loud loud;
    static_cast<void>(loud);
  });
}

TEST(CallOnce, Once) {
  EXPECT_EQ(outcomes([] {
              std::once_flag flag;
              unsigned first = 0;
              int calls = 0;
              const auto call = [&](unsigned id) {
                std::call_once(flag, [&] {
                  first = id;
                  ++calls;
                });
                HEDDLE_CHECK(calls == 1);
              };
              both([&] { call(1); }, [&] { call(2); });
              return first;
            }),
            0b110u);
}

TEST(Keys, ValuesAndDestructors) {
  expect_clean([] {
    static int destroyed = 0;
    pthread_key_t key;
    HEDDLE_CHECK(pthread_key_create(&key, [](void*) { ++destroyed; }) == 0);
    static pthread_key_t shared_key;
    shared_key = key;
    std::thread a([] {
      HEDDLE_CHECK(pthread_getspecific(shared_key) == nullptr);
      pthread_setspecific(shared_key, &destroyed);
      HEDDLE_CHECK(pthread_getspecific(shared_key) == &destroyed);
    });
    a.join();
    HEDDLE_CHECK(destroyed == 1);
    HEDDLE_CHECK(pthread_getspecific(key) == nullptr);
  });
}

TEST(AtomicWait, WakesTheWaiter) {
  expect_clean([] {
    std::atomic<int> x{0};
    both(
        [&] {
          x.wait(0);
          HEDDLE_CHECK(x == 1);
        },
        [&] {
          x = 1;
          x.notify_one();
        });
  });
}

TEST(AtomicWait, ForgottenNotifyIsADeadlock) {
  expect_found("deadlock", "lost-wakeup", [] {
    std::atomic<int> x{0};
    both([&] { x.wait(0); }, [&] { x = 1; });
  });
}

TEST(Time, SleepersRunByDecision) {
  EXPECT_EQ(outcomes([] {
              std::atomic<unsigned> x{0};
              both(
                  [&] {
                    std::this_thread::sleep_for(std::chrono::hours(1));
                    x = 1;
                  },
                  [&] { x = 2; });
              return x.load();
            }),
            0b110u);
}

TEST(Time, PollingAClockEnds) {
  expect_clean([] {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
    while (std::chrono::steady_clock::now() < end) {
    }
  });
}

}  // namespace
