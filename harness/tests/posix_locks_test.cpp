// Goal: each lock of POSIX threads (mutex, spin lock, reader-writer lock) is scheduled: both
// outcomes of a contest are reached, its misuse is reported, and blocking on it for ever is a
// deadlock that names it.
#include <atomic>
#include <cerrno>
#include <ctime>
#include <pthread.h>
#include <thread>

#include "tests/explore_helpers.hpp"

namespace {

using heddle::testing::both;
using heddle::testing::expect_clean;
using heddle::testing::expect_deadlock;
using heddle::testing::expect_found;
using heddle::testing::in_a_second;
using heddle::testing::outcomes;
using heddle::testing::thread_running;

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

TEST(PosixMutex, RobustOnesTellStrangers) {
  expect_clean([] {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_t robust;
    pthread_mutex_init(&robust, &attributes);
    HEDDLE_CHECK(pthread_mutex_unlock(&robust) == EPERM);
    Mutex checking(PTHREAD_MUTEX_ERRORCHECK);
    pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    HEDDLE_CHECK(pthread_cond_wait(&changed, &checking) == EPERM);
  });
}

TEST(PosixMutex, NotAllClocksCanBeWaitedBy) {
  expect_clean([] {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    const timespec past = {5, 0};
    HEDDLE_CHECK(pthread_mutex_clocklock(&mutex, CLOCK_PROCESS_CPUTIME_ID, &past) == EINVAL);
    HEDDLE_CHECK(pthread_rwlock_clockrdlock(&lock, CLOCK_PROCESS_CPUTIME_ID, &past) == EINVAL);
    HEDDLE_CHECK(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &past) == 0);
    pthread_mutex_unlock(&mutex);
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
  const auto body = [] {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_join(thread_running([](void*) -> void* {
                   pthread_mutex_lock(&mutex);
                   return nullptr;
                 }),
                 nullptr);
    pthread_mutex_lock(&mutex);
  };
  expect_found("deadlock", "abandoned-lock", body);
  expect_deadlock("held by T1, which has finished", body);
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

TEST(PosixMutex, UsedAfterDestruction) {
  using Use = int (*)(pthread_mutex_t*);
  for (const Use use : {Use{pthread_mutex_lock}, Use{pthread_mutex_trylock},
                        Use{pthread_mutex_unlock}, Use{pthread_mutex_destroy}}) {
    expect_found("misuse", "use-after-destroy", [use] {
      pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
      pthread_mutex_destroy(&mutex);
      use(&mutex);
    });
  }
  expect_clean([] {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    for (int i = 0; i < 2; ++i) {
      HEDDLE_CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
      pthread_mutex_destroy(&mutex);
      if (i == 0) {
        pthread_mutex_init(&mutex, nullptr);
      }
    }
    mutex = PTHREAD_MUTEX_INITIALIZER;
    HEDDLE_CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
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

TEST(PosixRwlock, AbandonedByAReaderIsADeadlockThatSaysSo) {
  const auto body = [] {
    static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    pthread_join(thread_running([](void*) -> void* {
                   pthread_rwlock_rdlock(&lock);
                   return nullptr;
                 }),
                 nullptr);
    pthread_rwlock_wrlock(&lock);
  };
  expect_found("deadlock", "abandoned-lock", body);
  expect_deadlock("held by reader T1, which has finished", body);
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

}  // namespace
