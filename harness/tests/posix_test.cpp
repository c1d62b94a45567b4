// Goal: each function of POSIX threads is scheduled: both outcomes of a contest are
// reached, its misuse is reported, and blocking on it for ever is a deadlock that names it.
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <ctime>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "tests/explore_helpers.hpp"

namespace {

using heddle::testing::both;
using heddle::testing::expect_clean;
using heddle::testing::expect_deadlock;
using heddle::testing::expect_found;
using heddle::testing::in_a_second;
using heddle::testing::outcomes;

pthread_t thread_running(void* (*entry)(void*), void* argument = nullptr) {
  pthread_t thread;
  HEDDLE_CHECK(pthread_create(&thread, nullptr, entry, argument) == 0);
  return thread;
}

/// A mutex of the given kind.
class Mutex {
 public:
  explicit Mutex(int type, int robust = PTHREAD_MUTEX_STALLED) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutexattr_setrobust(&attributes, robust);
    HEDDLE_CHECK(pthread_mutex_init(&mutex_, &attributes) == 0);
    pthread_mutexattr_destroy(&attributes);
  }
  ~Mutex() { pthread_mutex_destroy(&mutex_); }
  pthread_mutex_t* operator&() { return &mutex_; }

 private:
  pthread_mutex_t mutex_;
};

// ---- mutexes ----

TEST(PosixMutex, TimedLocksTimeOutOrGetIt) {
  for (const bool clock : {false, true}) {
    EXPECT_EQ(outcomes([clock] {
                pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
                unsigned result = 0;
                both(
                    [&] {
                      pthread_mutex_lock(&mutex);
                      pthread_mutex_unlock(&mutex);
                    },
                    [&] {
                      const timespec until = in_a_second();
                      const int error =
                          clock ? pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &until)
                                : pthread_mutex_timedlock(&mutex, &until);
                      HEDDLE_CHECK(error == 0 || error == ETIMEDOUT);
                      result = error == 0 ? 1 : 2;
                      if (error == 0) {
                        pthread_mutex_unlock(&mutex);
                      }
                    });
                return result;
              }),
              0b110u);
  }
}

TEST(PosixMutex, AnImpossibleTimeIsRefused) {
  expect_clean([] {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    const timespec impossible = {0, 2'000'000'000};
    HEDDLE_CHECK(pthread_mutex_timedlock(&mutex, &impossible) == EINVAL);
  });
}

TEST(PosixMutex, ErrorCheckingTells) {
  expect_clean([] {
    Mutex mutex(PTHREAD_MUTEX_ERRORCHECK);
    HEDDLE_CHECK(pthread_mutex_unlock(&mutex) == EPERM);
    HEDDLE_CHECK(pthread_mutex_lock(&mutex) == 0);
    HEDDLE_CHECK(pthread_mutex_lock(&mutex) == EDEADLK);
    HEDDLE_CHECK(pthread_mutex_trylock(&mutex) == EBUSY);
    HEDDLE_CHECK(pthread_mutex_unlock(&mutex) == 0);
  });
}

TEST(PosixMutex, NormalLockedTwiceIsADeadlock) {
  expect_deadlock("mutex", [] {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_lock(&mutex);
  });
}

TEST(PosixMutex, AbandonedIsADeadlockThatSaysSo) {
  expect_deadlock("which has finished", [] {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_join(thread_running([](void*) -> void* {
                   pthread_mutex_lock(&mutex);
                   return nullptr;
                 }),
                 nullptr);
    pthread_mutex_lock(&mutex);
  });
}

TEST(PosixMutex, RecursiveUnlockedByAStranger) {
  expect_found("misuse", "unlock-not-owner", [] {
    Mutex mutex(PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_lock(&mutex);
    std::thread([&] { pthread_mutex_unlock(&mutex); }).join();
    pthread_mutex_unlock(&mutex);
  });
}

TEST(PosixMutex, FreedWhileHeld) {
  expect_found("misuse", "destroy-in-use", [] {
    auto* mutex = new pthread_mutex_t(PTHREAD_MUTEX_INITIALIZER);
    pthread_mutex_lock(mutex);
    delete mutex;
  });
}

TEST(PosixMutex, AFrameMayBeUsedAgain) {
  const auto once = [](int& counter) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    ++counter;  // leaves without unlocking: nobody else can know the mutex
  };
  expect_clean([&] {
    int counter = 0;
    once(counter);
    once(counter);
    HEDDLE_CHECK(counter == 2);
  });
}

TEST(RobustMutex, TheNextOwnerRepairs) {
  expect_clean([] {
    Mutex mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
    pthread_join(thread_running(
                     [](void* argument) -> void* {
                       pthread_mutex_lock(static_cast<pthread_mutex_t*>(argument));
                       return nullptr;
                     },
                     &mutex),
                 nullptr);
    HEDDLE_CHECK(pthread_mutex_lock(&mutex) == EOWNERDEAD);
    HEDDLE_CHECK(pthread_mutex_consistent(&mutex) == 0);
    HEDDLE_CHECK(pthread_mutex_unlock(&mutex) == 0);
    HEDDLE_CHECK(pthread_mutex_lock(&mutex) == 0);
    HEDDLE_CHECK(pthread_mutex_consistent(&mutex) == EINVAL);
    HEDDLE_CHECK(pthread_mutex_unlock(&mutex) == 0);
  });
}

TEST(RobustMutex, UnrepairedIsLostAndWaitersAreTold) {
  expect_clean([] {
    Mutex mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
    std::atomic<int> dead{0};
    std::atomic<int> lost{0};
    std::thread dies([&] { pthread_mutex_lock(&mutex); });
    const auto use = [&] {
      const int error = pthread_mutex_lock(&mutex);
      dead += error == EOWNERDEAD;
      lost += error == ENOTRECOVERABLE;
      if (error != ENOTRECOVERABLE) {
        pthread_mutex_unlock(&mutex);
      }
    };
    dies.join();
    both(use, use);
    HEDDLE_CHECK(dead == 1 && lost == 1);
  });
}

TEST(SpinLock, TryAndMisuse) {
  EXPECT_EQ(outcomes([] {
              pthread_spinlock_t lock;
              pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
              unsigned got = 0;
              both(
                  [&] {
                    pthread_spin_lock(&lock);
                    pthread_spin_unlock(&lock);
                  },
                  [&] {
                    if (pthread_spin_trylock(&lock) == 0) {
                      got = 1;
                      pthread_spin_unlock(&lock);
                    }
                  });
              pthread_spin_destroy(&lock);
              return got;
            }),
            0b11u);
  expect_found("misuse", "unlock-not-owner", [] {
    pthread_spinlock_t lock;
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    pthread_spin_unlock(&lock);
  });
  expect_found("misuse", "destroy-in-use", [] {
    pthread_spinlock_t lock;
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    pthread_spin_lock(&lock);
    pthread_spin_destroy(&lock);
  });
}

// ---- condition variables ----

TEST(PosixCondition, ClockWaitTimesOutAndIsWoken) {
  EXPECT_EQ(outcomes([] {
              pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
              pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
              bool open = false;
              unsigned result = 0;
              both(
                  [&] {
                    pthread_mutex_lock(&mutex);
                    const timespec until = in_a_second();
                    int error = 0;
                    while (!open && error == 0) {
                      error = pthread_cond_clockwait(&changed, &mutex, CLOCK_MONOTONIC, &until);
                    }
                    result = open ? 1 : 2;
                    pthread_mutex_unlock(&mutex);
                  },
                  [&] {
                    pthread_mutex_lock(&mutex);
                    open = true;
                    pthread_cond_signal(&changed);
                    pthread_mutex_unlock(&mutex);
                  });
              return result;
            }),
            0b110u);
}

TEST(PosixCondition, LostSignalIsADeadlock) {
  expect_deadlock("condition variable", [] {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    both(
        [&] {
          pthread_mutex_lock(&mutex);
          pthread_cond_wait(&changed, &mutex);
          pthread_mutex_unlock(&mutex);
        },
        [&] { pthread_cond_signal(&changed); });
  });
}

TEST(PosixCondition, TwoMutexesAtOnce) {
  expect_found("misuse", "two-mutexes", [] {
    std::array<pthread_mutex_t, 2> mutexes = {
        {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER}};
    pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    const auto wait = [&](pthread_mutex_t& mutex) {
      const timespec until = in_a_second();
      pthread_mutex_lock(&mutex);
      pthread_cond_timedwait(&changed, &mutex, &until);
      pthread_mutex_unlock(&mutex);
    };
    both([&] { wait(mutexes[0]); }, [&] { wait(mutexes[1]); });
  });
}

TEST(PosixCondition, DestroyedWhileWaitedFor) {
  expect_found("misuse", "destroy-in-use", [] {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    both(
        [&] {
          pthread_mutex_lock(&mutex);
          const timespec until = in_a_second();
          pthread_cond_timedwait(&changed, &mutex, &until);
          pthread_mutex_unlock(&mutex);
        },
        [&] { pthread_cond_destroy(&changed); });
  });
}

// ---- reader-writer locks ----

TEST(PosixRwlock, TimedLocks) {
  EXPECT_EQ(outcomes([] {
              pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
              unsigned result = 0;
              both(
                  [&] {
                    pthread_rwlock_wrlock(&lock);
                    pthread_rwlock_unlock(&lock);
                  },
                  [&] {
                    const timespec until = in_a_second();
                    const auto count = [&](int error) {
                      HEDDLE_CHECK(error == 0 || error == ETIMEDOUT);
                      if (error == 0) {
                        pthread_rwlock_unlock(&lock);
                      }
                      return error == 0 ? 1u : 0u;
                    };
                    result += count(pthread_rwlock_timedrdlock(&lock, &until));
                    result += count(pthread_rwlock_timedwrlock(&lock, &until));
                    result += count(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &until));
                    result += count(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &until));
                  });
              return result;
            }),
            0b11111u);
}

TEST(PosixRwlock, AReaderThatWantsToWriteIsADeadlock) {
  expect_deadlock("reader T", [] {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    pthread_rwlock_rdlock(&lock);
    pthread_rwlock_wrlock(&lock);
  });
}

TEST(PosixRwlock, ReadersNest) {
  expect_clean([] {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    const auto read = [&] {
      HEDDLE_CHECK(pthread_rwlock_rdlock(&lock) == 0 && pthread_rwlock_rdlock(&lock) == 0);
      HEDDLE_CHECK(pthread_rwlock_unlock(&lock) == 0 && pthread_rwlock_unlock(&lock) == 0);
    };
    both(read, read);
    HEDDLE_CHECK(pthread_rwlock_wrlock(&lock) == 0 && pthread_rwlock_wrlock(&lock) == EDEADLK);
    pthread_rwlock_unlock(&lock);
  });
}

TEST(PosixRwlock, UnlockedByAStranger) {
  expect_found("misuse", "unlock-not-owner", [] {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    pthread_rwlock_rdlock(&lock);
    std::thread([&] { pthread_rwlock_unlock(&lock); }).join();
  });
}

TEST(PosixRwlock, DestroyedWhileRead) {
  expect_found("misuse", "destroy-in-use", [] {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    pthread_rwlock_rdlock(&lock);
    pthread_rwlock_destroy(&lock);
  });
}

// ---- semaphores ----

TEST(PosixSemaphore, CountsAndOrders) {
  EXPECT_EQ(outcomes([] {
              sem_t full;
              sem_init(&full, 0, 0);
              unsigned item = 0;
              unsigned seen = 0;
              both(
                  [&] {
                    item = 1;
                    sem_post(&full);
                  },
                  [&] {
                    if (sem_trywait(&full) != 0) {
                      HEDDLE_CHECK(errno == EAGAIN);
                      HEDDLE_CHECK(sem_wait(&full) == 0);
                      seen = 2;
                    }
                    seen += item;  // no race: the post is ordered before
                  });
              int value = -1;
              sem_getvalue(&full, &value);
              HEDDLE_CHECK(value == 0);
              sem_destroy(&full);
              return seen;
            }),
            0b1010u);
}

TEST(PosixSemaphore, TimedWaits) {
  EXPECT_EQ(outcomes([] {
              sem_t full;
              sem_init(&full, 0, 0);
              unsigned result = 0;
              both([&] { sem_post(&full); },
                   [&] {
                     const timespec until = in_a_second();
                     result = sem_timedwait(&full, &until) == 0 ? 1 : 2;
                     HEDDLE_CHECK(result == 1 || errno == ETIMEDOUT);
                     if (result == 2) {
                       result += sem_clockwait(&full, CLOCK_MONOTONIC, &until) == 0 ? 1 : 2;
                     }
                   });
              sem_destroy(&full);
              return result;
            }),
            0b11010u);
}

TEST(PosixSemaphore, NobodyPosts) {
  expect_deadlock("semaphore", [] {
    sem_t full;
    sem_init(&full, 0, 0);
    sem_wait(&full);
  });
}

TEST(PosixSemaphore, DestroyedWhileWaitedFor) {
  expect_found("misuse", "destroy-in-use", [] {
    sem_t full;
    sem_init(&full, 0, 0);
    both(
        [&] {
          const timespec until = in_a_second();
          sem_timedwait(&full, &until);
        },
        [&] { sem_destroy(&full); });
  });
}

TEST(PosixSemaphore, GlobalsStartAnew) {
  static sem_t global;
  sem_init(&global, 0, 1);
  expect_clean([] {
    HEDDLE_CHECK(sem_trywait(&global) == 0);
    HEDDLE_CHECK(sem_trywait(&global) != 0);
  });
}

// ---- barriers ----

TEST(PosixBarrier, AllArriveOneIsSerial) {
  EXPECT_EQ(outcomes([] {
              pthread_barrier_t barrier;
              pthread_barrier_init(&barrier, nullptr, 2);
              std::array<int, 2> data = {0, 0};
              std::array<unsigned, 2> serial = {0, 0};
              const auto work = [&](unsigned id) {
                for (int round = 1; round <= 3; ++round) {
                  data[id] = round;
                  serial[id] += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
                  HEDDLE_CHECK(data[1 - id] == round);
                  serial[id] += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
                }
              };
              both([&] { work(0); }, [&] { work(1); });
              HEDDLE_CHECK(serial[0] + serial[1] == 6);
              pthread_barrier_destroy(&barrier);
              return serial[0];
            }),
            0b1111111u);
}

TEST(PosixBarrier, OneIsMissing) {
  expect_deadlock("barrier", [] {
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, nullptr, 2);
    pthread_barrier_wait(&barrier);
  });
}

TEST(PosixBarrier, OrdersOnlyWhatWasBeforeIt) {
  expect_found("race", "data-race", [] {
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, nullptr, 2);
    int data = 0;
    const auto work = [&] {
      pthread_barrier_wait(&barrier);
      ++data;
    };
    both(work, work);
  });
}

TEST(PosixBarrier, DestroyedWhileWaitedFor) {
  expect_found("misuse", "destroy-in-use", [] {
    static pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, nullptr, 2);
    std::thread waits([] { pthread_barrier_wait(&barrier); });
    sched_yield();
    pthread_barrier_destroy(&barrier);
    pthread_barrier_wait(&barrier);
    waits.join();
  });
}

// ---- threads ----

TEST(PosixThread, JoinsThatDoNotWaitForEver) {
  EXPECT_EQ(outcomes([] {
              const pthread_t thread = thread_running([](void*) -> void* { return nullptr; });
              void* result = nullptr;
              int error = pthread_tryjoin_np(thread, &result);
              HEDDLE_CHECK(error == 0 || error == EBUSY);
              unsigned seen = error == 0 ? 1 : 2;
              if (error != 0) {
                const timespec until = in_a_second();
                error = pthread_timedjoin_np(thread, &result, &until);
                HEDDLE_CHECK(error == 0 || error == ETIMEDOUT);
                seen += error == 0 ? 1 : 2;
              }
              if (error != 0) {
                pthread_detach(thread);
              }
              return seen;
            }),
            0b11010u);
}

TEST(PosixThread, JoinOfADetachedOne) {
  expect_found("misuse", "bad-join", [] {
    const pthread_t thread = thread_running([](void*) -> void* { return nullptr; });
    pthread_detach(thread);
    pthread_join(thread, nullptr);
  });
}

TEST(PosixThread, JoinedByTwoAtOnce) {
  expect_found("misuse", "bad-join", [] {
    static pthread_t thread;
    thread = thread_running([](void*) -> void* {
      sched_yield();
      return nullptr;
    });
    const auto join = [] { pthread_join(thread, nullptr); };
    both(join, join);
  });
}

TEST(PosixThread, DetachedTwice) {
  expect_found("misuse", "bad-detach", [] {
    const pthread_t thread = thread_running([](void*) -> void* { return nullptr; });
    pthread_detach(thread);
    pthread_detach(thread);
  });
}

TEST(PosixThread, JoinOfEachOtherIsADeadlock) {
  expect_deadlock("to finish", [] {
    pthread_t self = pthread_self();
    const pthread_t other = thread_running(
        [](void* creator) -> void* {
          pthread_join(*static_cast<pthread_t*>(creator), nullptr);
          return nullptr;
        },
        &self);
    pthread_join(other, nullptr);
  });
}

TEST(PosixThread, ExitUnwindsTheStack) {
  expect_clean([] {
    static int destroyed = 0;
    const pthread_t thread = thread_running([](void*) -> void* {
      struct Guard {
        ~Guard() { ++destroyed; }
      } outer;
      [] {
        const Guard inner;
        pthread_exit(&destroyed);
      }();
      return nullptr;
    });
    void* result = nullptr;
    pthread_join(thread, &result);
    HEDDLE_CHECK(result == &destroyed && destroyed == 2);
  });
}

TEST(PosixThread, CleanUpHandlersRun) {
  expect_clean([] {
    static int cleaned = 0;
    const pthread_t thread = thread_running([](void*) -> void* {
      pthread_cleanup_push([](void*) { cleaned = cleaned * 10 + 1; }, nullptr);
      pthread_cleanup_push([](void*) { cleaned = cleaned * 10 + 2; }, nullptr);
      pthread_exit(nullptr);
      pthread_cleanup_pop(0);
      pthread_cleanup_pop(0);
      return nullptr;
    });
    pthread_join(thread, nullptr);
    HEDDLE_CHECK(cleaned == 21);
  });
}

TEST(PosixThread, CancelIsRefused) {
  expect_found("unsupported", "pthread_cancel", [] {
    const pthread_t thread = thread_running([](void*) -> void* { return nullptr; });
    pthread_cancel(thread);
    pthread_join(thread, nullptr);
  });
}

TEST(PosixThread, AttributesAndNumbers) {
  expect_clean([] {
    pthread_attr_t attributes;
    HEDDLE_CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0);
    void* stack = nullptr;
    std::size_t size = 0;
    pthread_attr_getstack(&attributes, &stack, &size);
    const char here = 0;
    HEDDLE_CHECK(static_cast<std::size_t>(&here - static_cast<char*>(stack)) < size);
    pthread_attr_destroy(&attributes);
    cpu_set_t set;
    HEDDLE_CHECK(pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0);
    HEDDLE_CHECK(CPU_COUNT(&set) == static_cast<int>(std::thread::hardware_concurrency()));
    static pid_t mine;
    mine = gettid();
    HEDDLE_CHECK(mine == syscall(SYS_gettid));
    std::thread([] { HEDDLE_CHECK(gettid() != mine); }).join();
  });
}

// ---- futexes ----

long futex(std::atomic<int>& word, int operation, int value, long argument = 0,
           std::atomic<int>* other = nullptr, int compare = 0) {
  return syscall(SYS_futex, &word, operation, value, argument, other, compare);
}

TEST(Futex, WaitersAreMoved) {
  expect_clean([] {
    std::atomic<int> first{0};
    std::atomic<int> second{0};
    std::atomic<int> waiting{0};
    std::atomic<int> done{0};
    const auto wait = [&] {
      ++waiting;
      futex(first, FUTEX_WAIT_PRIVATE, 0);
      ++done;
    };
    std::thread a(wait);
    std::thread b(wait);
    while (waiting != 2) {
      sched_yield();
    }
    first = 1;
    futex(first, FUTEX_CMP_REQUEUE_PRIVATE, 1, INT_MAX, &second, 1);
    futex(second, FUTEX_WAKE_PRIVATE, INT_MAX);
    a.join();
    b.join();
    HEDDLE_CHECK(done == 2);
  });
}

TEST(Futex, UnknownOperationsAreRefused) {
  expect_found("unsupported", "futex", [] {
    std::atomic<int> word{0};
    futex(word, FUTEX_LOCK_PI, 0);
  });
}

}  // namespace
