// Goal: a thread that waits for a lock can run if and only if it could have it, and those that wait
// get it in each order. Method: the threads themselves look at who can run; the code is not
// instrumented, as it shares the engine's containers.
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <pthread.h>
#include <semaphore.h>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "exec/execution.hpp"
#include "explore/session.hpp"
#include "tests/explore_helpers.hpp"

namespace {

using namespace heddle;  // NOLINT(google-build-using-namespace)
using exec::engine;
using exec::WaitKind;
using heddle::testing::expect_clean_throughout;
using heddle::testing::expect_found;
using heddle::testing::outcomes;

bool waits_for_lock(const exec::Thread& thread) {
  switch (thread.wait) {
    case WaitKind::kMutex:
    case WaitKind::kShared:
    case WaitKind::kExclusive:
    case WaitKind::kGuard:
    case WaitKind::kSemaphore: return true;
    default: return false;
  }
}

bool could_have_it(const exec::Thread& thread) {
  if (thread.wait == WaitKind::kSemaphore) {
    const exec::RuntimeScope runtime;  // the question is no event of the execution
    int value = 0;
    sem_getvalue(reinterpret_cast<sem_t*>(thread.waits_at->address), &value);
    return value > 0;
  }
  const bool needs_it_alone = thread.wait == WaitKind::kExclusive;
  return thread.waits_at->owner == ThreadId::kNone &&
         (!needs_it_alone || thread.waits_at->readers == 0);
}

/// So many waiters were looked at.
struct Seen {
  unsigned shut_out;
  unsigned let_in;
  unsigned timed;
  unsigned frozen;
};

void look_at_waiters(Seen& seen) {
  for (u32 i = 0; i < engine().thread_count(); ++i) {
    const exec::Thread& thread = engine().thread(to_thread_id(i));
    if (!waits_for_lock(thread)) {
      continue;
    }
    const bool frozen = engine().frozen().contains(thread.id);
    const bool open = could_have_it(thread);
    HEDDLE_CHECK(engine().runnable().contains(thread.id) == (!frozen && (thread.timed || open)));
    seen.frozen += frozen && open;
    seen.timed += thread.timed && !open;
    seen.let_in += open;
    seen.shut_out += !open;
  }
}

using Look = std::function<void()>;

/// Runs `work(object, number, look)` in four threads of each execution; it calls `look` when it
/// likes. Waiters of both fortunes must have been there to be seen.
template <class Object, class Work>
Seen contend(Work work) {
  Seen seen = {};
  const Look look = [&seen] { look_at_waiters(seen); };
  expect_clean_throughout(
      [&] {
        Object object;
        std::vector<std::thread> threads;
        for (unsigned number = 0; number < 4; ++number) {
          threads.emplace_back([&, number] { work(object, number, look); });
        }
        for (std::thread& thread : threads) {
          thread.join();
        }
      },
      {.executions = 500});
  EXPECT_GT(seen.shut_out, 0u);
  EXPECT_GT(seen.let_in, 0u);
  return seen;
}

void look_around(const Look& look) {
  look();
  std::this_thread::yield();
  look();
}

TEST(LockWaiters, OfAMutex) {
  contend<std::mutex>([](std::mutex& mutex, unsigned, const Look& look) {
    for (int i = 0; i < 2; ++i) {
      mutex.lock();
      look_around(look);
      mutex.unlock();
      look_around(look);
    }
  });
}

TEST(LockWaiters, WithATimeOut) {
  unsigned got = 0;
  unsigned refused = 0;
  const Seen seen =
      contend<std::timed_mutex>([&](std::timed_mutex& mutex, unsigned number, const Look& look) {
        if (number < 2) {
          mutex.lock();
        } else if (!mutex.try_lock_for(std::chrono::seconds(1))) {
          ++refused;
          return;
        } else {
          ++got;
        }
        look_around(look);
        mutex.unlock();
        look_around(look);
      });
  EXPECT_GT(seen.timed, 0u);
  EXPECT_GT(got, 0u);
  EXPECT_GT(refused, 0u);
}

TEST(LockWaiters, OfAReaderWriterLock) {
  contend<std::shared_timed_mutex>(
      [](std::shared_timed_mutex& mutex, unsigned number, const Look& look) {
        if (number < 2) {
          mutex.lock_shared();
          look_around(look);
          mutex.unlock_shared();
        } else if (number == 2) {
          mutex.lock();
          look_around(look);
          mutex.unlock();
        } else if (mutex.try_lock_for(std::chrono::seconds(1))) {
          look_around(look);
          mutex.unlock();
        }
        look_around(look);
      });
}

struct Semaphore {
  Semaphore() { sem_init(&semaphore, 0, 2); }
  ~Semaphore() { sem_destroy(&semaphore); }
  sem_t semaphore;
};

TEST(LockWaiters, OfASemaphore) {
  contend<Semaphore>([](Semaphore& object, unsigned, const Look& look) {
    sem_wait(&object.semaphore);
    look_around(look);
    sem_post(&object.semaphore);
    look_around(look);
  });
}

TEST(LockWaiters, OfAStaticObject) {
  struct Nothing {};
  contend<Nothing>([](Nothing&, unsigned number, const Look& look) {
    try {
      static const bool initialised = [&] {
        look_around(look);
        if (number == 0) {
          throw std::runtime_error("let another try");
        }
        return true;
      }();
      HEDDLE_CHECK(initialised);
    } catch (const std::runtime_error&) {
    }
    look_around(look);
  });
}

TEST(LockWaiters, OfTheMutexOfAConditionVariable) {
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
  };
  contend<Gate>([](Gate& gate, unsigned number, const Look& look) {
    std::unique_lock lock(gate.mutex);
    if (number == 0) {
      gate.open = true;
      gate.changed.notify_all();
      look_around(look);
    } else if (number == 1) {
      gate.changed.wait_for(lock, std::chrono::seconds(1), [&] { return gate.open; });
    } else {
      gate.changed.wait(lock, [&] { return gate.open; });
    }
    look_around(look);
    lock.unlock();
    look_around(look);
  });
}

struct RobustMutex {
  RobustMutex() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex, &attributes);
  }
  ~RobustMutex() { pthread_mutex_destroy(&mutex); }
  pthread_mutex_t mutex;
};

TEST(LockWaiters, OfAMutexWhoseOwnerDies) {
  contend<RobustMutex>([](RobustMutex& object, unsigned number, const Look& look) {
    const int result = pthread_mutex_lock(&object.mutex);
    look_around(look);
    if (number == 0 || result == ENOTRECOVERABLE) {
      return;  // holding it, in the first case
    }
    if (number == 1 && result == EOWNERDEAD) {
      pthread_mutex_consistent(&object.mutex);
    }
    pthread_mutex_unlock(&object.mutex);
    look_around(look);
  });
}

struct Looking {
  void add() {
    mutex.lock();
    look_around([] { look_at_waiters(seen); });
    mutex.unlock();
    look_around([] { look_at_waiters(seen); });
  }
  std::mutex mutex;
  static Seen seen;
};
Seen Looking::seen;

HEDDLE_TARGET(looking, t) {
  auto s = t.subject<Looking>();
  s.op("add", &Looking::add);
  s.promises(heddle::Progress::kLockFree);
}

TEST(LockWaiters, ThatStandStill) {
  exploration::Session session(*target::find_target("looking"), {});
  exploration::Budget budget;
  budget.executions = 2'000;
  session.run(
      budget,
      [](const exec::Finding& finding, const exploration::Tally&) {
        // Who waits for an owner that stands still; there must be nothing else.
        EXPECT_EQ(finding.kind, exec::FindingKind::kProgress) << finding.message.data;
        return true;
      },
      nullptr);
  EXPECT_GT(Looking::seen.frozen, 0u);
}

constexpr unsigned kAllOrders = 0b111111;

/// The orders in which three threads get what all of them waited for, as bits.
template <class Object, class Get>
unsigned orders(Get get) {
  constexpr unsigned kNotAllWaited = 6;
  return outcomes([&] {
           Object object;
           object.lock();
           std::vector<unsigned> order;
           order.reserve(3);  // readers do not know of each other's allocations
           std::vector<std::thread> threads;
           for (unsigned number = 0; number < 3; ++number) {
             threads.emplace_back([&, number] { get(object, number, order); });
           }
           for (unsigned i = 0; i < 8; ++i) {
             std::this_thread::yield();
           }
           const bool all_wait = engine().runnable().count() == 1;
           object.unlock();
           for (std::thread& thread : threads) {
             thread.join();
           }
           return all_wait ? order[0] * 2 + (order[1] < order[2] ? 1 : 0) : kNotAllWaited;
         }) &
         kAllOrders;
}

TEST(LockWaiters, GetAMutexInEachOrder) {
  const auto get = [](std::mutex& mutex, unsigned number, std::vector<unsigned>& order) {
    mutex.lock();
    order.push_back(number);
    mutex.unlock();
  };
  EXPECT_EQ(orders<std::mutex>(get), kAllOrders);
}

TEST(LockWaiters, ReadAndWriteInEachOrder) {
  unsigned readers = 0;
  bool read_together = false;
  const auto get = [&](std::shared_mutex& mutex, unsigned number, std::vector<unsigned>& order) {
    if (number == 0) {
      mutex.lock();
      order.push_back(number);
      HEDDLE_CHECK(readers == 0);
      mutex.unlock();
    } else {
      mutex.lock_shared();
      order.push_back(number);
      read_together |= ++readers == 2;
      std::this_thread::yield();
      --readers;
      mutex.unlock_shared();
    }
  };
  EXPECT_EQ(orders<std::shared_mutex>(get), kAllOrders);
  EXPECT_TRUE(read_together);
}

TEST(LockWaiters, AreInTheWayOfDestruction) {
  expect_found("misuse", "destroy-in-use", [] {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    std::thread waits([&] {
      pthread_mutex_lock(&mutex);
      pthread_mutex_unlock(&mutex);
    });
    std::this_thread::yield();
    pthread_mutex_unlock(&mutex);
    pthread_mutex_destroy(&mutex);  // it could have it, but has not
    waits.join();
  });
}

}  // namespace
