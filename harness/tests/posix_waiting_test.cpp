// Goal: what POSIX threads wait with (condition variable, semaphore, barrier, futex) is scheduled:
// both outcomes of a contest are reached, its misuse is reported, and waiting for ever is a
// deadlock that names it.
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
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

TEST(PosixBarrier, UsedAfterDestructionOrUninitialised) {
  expect_found("misuse", "use-after-destroy", [] {
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, nullptr, 1);
    pthread_barrier_destroy(&barrier);
    pthread_barrier_wait(&barrier);
  });
  expect_found("misuse", "use-after-destroy", [] {
    static pthread_barrier_t barrier;
    pthread_barrier_wait(&barrier);
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
