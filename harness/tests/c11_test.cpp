// Goal: each function of C11 threads is scheduled: both outcomes of a contest are reached, its
// misuse is reported, and blocking on it for ever is a deadlock that names it.
#include <array>
#include <atomic>
#include <thread>
#include <threads.h>

#include "tests/explore_helpers.hpp"

namespace {

using heddle::testing::both;
using heddle::testing::expect_clean;
using heddle::testing::expect_deadlock;
using heddle::testing::expect_found;
using heddle::testing::in_a_second;
using heddle::testing::outcomes;

class Mutex {
 public:
  explicit Mutex(int type = mtx_plain) { HEDDLE_CHECK(mtx_init(&mutex_, type) == thrd_success); }
  ~Mutex() { mtx_destroy(&mutex_); }
  mtx_t* operator&() { return &mutex_; }

 private:
  mtx_t mutex_;
};

class Condition {
 public:
  Condition() { HEDDLE_CHECK(cnd_init(&condition_) == thrd_success); }
  ~Condition() { cnd_destroy(&condition_); }
  cnd_t* operator&() { return &condition_; }

 private:
  cnd_t condition_;
};

thrd_t thread_running(thrd_start_t entry, void* argument = nullptr) {
  thrd_t thread;
  HEDDLE_CHECK(thrd_create(&thread, entry, argument) == thrd_success);
  return thread;
}

int end_at_once(void*) { return 0; }

mtx_t account;
mtx_t journal;
cnd_t posted;

// ---- mutexes ----

TEST(C11Mutex, TryLockGetsItOrNot) {
  EXPECT_EQ(outcomes([] {
              Mutex mutex;
              unsigned got = 0;
              both(
                  [&] {
                    mtx_lock(&mutex);
                    mtx_unlock(&mutex);
                  },
                  [&] {
                    const int result = mtx_trylock(&mutex);
                    HEDDLE_CHECK(result == thrd_success || result == thrd_busy);
                    if (result == thrd_success) {
                      got = 1;
                      mtx_unlock(&mutex);
                    }
                  });
              return got;
            }),
            0b11u);
}

TEST(C11Mutex, TimedLockGetsItOrTimesOut) {
  EXPECT_EQ(outcomes([] {
              static mtx_t mutex;
              mtx_init(&mutex, mtx_timed | mtx_recursive);
              HEDDLE_CHECK(mtx_lock(&mutex) == thrd_success && mtx_lock(&mutex) == thrd_success);
              static int got;
              thrd_t thread;
              thrd_create(
                  &thread,
                  [](void*) -> int {
                    const timespec until = in_a_second();
                    got = mtx_timedlock(&mutex, &until);
                    if (got == thrd_success) {
                      mtx_unlock(&mutex);
                    }
                    thrd_exit(3);
                  },
                  nullptr);
              mtx_unlock(&mutex);
              mtx_unlock(&mutex);
              int result = 0;
              thrd_join(thread, &result);
              HEDDLE_CHECK(result == 3 && (got == thrd_success || got == thrd_timedout));
              return got == thrd_success ? 1u : 2u;
            }),
            0b110u);
}

TEST(C11Mutex, AnImpossibleTimeIsRefused) {
  expect_clean([] {
    Mutex mutex(mtx_timed);
    const timespec impossible = {0, 2'000'000'000};
    HEDDLE_CHECK(mtx_timedlock(&mutex, &impossible) == thrd_error);
  });
}

TEST(C11Mutex, PlainIsBusyForItsOwner) {
  expect_clean([] {
    Mutex mutex(mtx_plain);
    HEDDLE_CHECK(mtx_lock(&mutex) == thrd_success && mtx_trylock(&mutex) == thrd_busy);
    HEDDLE_CHECK(mtx_unlock(&mutex) == thrd_success);
  });
}

TEST(C11Mutex, TimedTimesOutForItsOwner) {
  expect_clean([] {
    Mutex mutex(mtx_timed);
    const timespec until = in_a_second();
    HEDDLE_CHECK(mtx_timedlock(&mutex, &until) == thrd_success);
    HEDDLE_CHECK(mtx_timedlock(&mutex, &until) == thrd_timedout);
    HEDDLE_CHECK(mtx_unlock(&mutex) == thrd_success);
  });
}

TEST(C11Mutex, RecursiveIsHeldUntilTheLastUnlock) {
  expect_clean([] {
    Mutex mutex(mtx_recursive);
    const auto result_elsewhere = [&] {
      int result = thrd_error;
      std::thread([&] {
        result = mtx_trylock(&mutex);
        if (result == thrd_success) {
          mtx_unlock(&mutex);
        }
      }).join();
      return result;
    };
    HEDDLE_CHECK(mtx_lock(&mutex) == thrd_success && mtx_trylock(&mutex) == thrd_success);
    mtx_unlock(&mutex);
    HEDDLE_CHECK(result_elsewhere() == thrd_busy);
    mtx_unlock(&mutex);
    HEDDLE_CHECK(result_elsewhere() == thrd_success);
  });
}

TEST(C11Mutex, UnlockedByAStranger) {
  for (const int type : {mtx_plain, mtx_recursive, mtx_timed}) {
    expect_found("misuse", "unlock-not-owner", [type] {
      Mutex mutex(type);
      mtx_lock(&mutex);
      std::thread([&] { mtx_unlock(&mutex); }).join();
      mtx_unlock(&mutex);
    });
  }
}

TEST(C11Mutex, UnlockedTooOften) {
  expect_found("misuse", "unlock-not-owner", [] {
    Mutex mutex;
    mtx_lock(&mutex);
    mtx_unlock(&mutex);
    mtx_unlock(&mutex);
  });
}

TEST(C11Mutex, DestroyedWhileHeld) {
  expect_found("misuse", "destroy-in-use", [] {
    Mutex mutex;
    mtx_lock(&mutex);
  });
}

TEST(C11Mutex, PlainLockedTwiceIsADeadlock) {
  expect_deadlock("account", [] {
    mtx_init(&account, mtx_plain);
    mtx_lock(&account);
    mtx_lock(&account);
  });
}

TEST(C11Mutex, LockedInOppositeOrdersIsADeadlock) {
  for (const char* name : {"account", "journal"}) {
    expect_deadlock(name, [] {
      mtx_init(&account, mtx_plain);
      mtx_init(&journal, mtx_plain);
      const auto lock = [](mtx_t* first, mtx_t* second) {
        mtx_lock(first);
        mtx_lock(second);
        mtx_unlock(second);
        mtx_unlock(first);
      };
      both([&] { lock(&account, &journal); }, [&] { lock(&journal, &account); });
    });
  }
}

// ---- condition variables ----

TEST(C11Condition, WaitsUnlessItIsTooLate) {
  EXPECT_EQ(outcomes([] {
              static mtx_t mutex;
              static cnd_t changed;
              static unsigned value;
              HEDDLE_CHECK(mtx_init(&mutex, mtx_plain) == thrd_success);
              HEDDLE_CHECK(cnd_init(&changed) == thrd_success);
              thrd_t thread;
              HEDDLE_CHECK(thrd_create(
                               &thread,
                               [](void*) -> int {
                                 mtx_lock(&mutex);
                                 value = 1;
                                 cnd_signal(&changed);
                                 mtx_unlock(&mutex);
                                 return -7;
                               },
                               nullptr) == thrd_success);
              unsigned seen = 0;
              if (mtx_trylock(&mutex) == thrd_success) {
                while (value == 0) {
                  cnd_wait(&changed, &mutex);
                  seen = 1;
                }
                mtx_unlock(&mutex);
              } else {
                seen = 2;
              }
              int result = 0;
              HEDDLE_CHECK(thrd_join(thread, &result) == thrd_success && result == -7);
              mtx_destroy(&mutex);
              cnd_destroy(&changed);
              return seen;
            }),
            0b111u);
}

TEST(C11Condition, TimedWaitTimesOutAndIsWoken) {
  EXPECT_EQ(outcomes([] {
              Mutex mutex;
              Condition changed;
              bool open = false;
              unsigned result = 0;
              both(
                  [&] {
                    mtx_lock(&mutex);
                    const timespec until = in_a_second();
                    int woken = thrd_success;
                    while (!open && woken == thrd_success) {
                      woken = cnd_timedwait(&changed, &mutex, &until);
                    }
                    HEDDLE_CHECK(open || woken == thrd_timedout);
                    result = open ? 1 : 2;
                    mtx_unlock(&mutex);
                  },
                  [&] {
                    mtx_lock(&mutex);
                    open = true;
                    cnd_signal(&changed);
                    mtx_unlock(&mutex);
                  });
              return result;
            }),
            0b110u);
}

TEST(C11Condition, AnImpossibleTimeIsRefused) {
  expect_clean([] {
    Mutex mutex;
    Condition changed;
    const timespec impossible = {0, -1};
    mtx_lock(&mutex);
    HEDDLE_CHECK(cnd_timedwait(&changed, &mutex, &impossible) == thrd_error);
    mtx_unlock(&mutex);
  });
}

/// Two threads wait for a notification by `notify`.
void wait_in_two_threads(int (*notify)(cnd_t*)) {
  Mutex mutex;
  cnd_init(&posted);
  int waiting = 0;
  bool open = false;
  const auto wait = [&] {
    mtx_lock(&mutex);
    ++waiting;
    while (!open) {
      cnd_wait(&posted, &mutex);
    }
    mtx_unlock(&mutex);
  };
  std::thread opener([&] {
    mtx_lock(&mutex);
    open = true;
    notify(&posted);
    mtx_unlock(&mutex);
  });
  both(wait, wait);
  opener.join();
}

TEST(C11Condition, BroadcastWakesAllAndSignalOne) {
  expect_clean([] { wait_in_two_threads(cnd_broadcast); });
  expect_deadlock("posted", [] { wait_in_two_threads(cnd_signal); });
}

TEST(C11Condition, WaitedForWithoutTheMutex) {
  expect_found("misuse", "wait-without-lock", [] {
    Mutex mutex;
    Condition changed;
    cnd_wait(&changed, &mutex);
  });
}

TEST(C11Condition, TwoMutexesAtOnce) {
  expect_found("misuse", "two-mutexes", [] {
    std::array<Mutex, 2> mutexes;
    Condition changed;
    const auto wait = [&](Mutex& mutex) {
      const timespec until = in_a_second();
      mtx_lock(&mutex);
      cnd_timedwait(&changed, &mutex, &until);
      mtx_unlock(&mutex);
    };
    both([&] { wait(mutexes[0]); }, [&] { wait(mutexes[1]); });
  });
}

TEST(C11Condition, InitialisedWhileWaitedFor) {
  expect_found("misuse", "init-in-use", [] {
    Mutex mutex;
    Condition changed;
    std::atomic<bool> has_mutex{false};
    std::thread waits([&] {
      mtx_lock(&mutex);
      has_mutex = true;
      cnd_wait(&changed, &mutex);
    });
    while (!has_mutex) {
      thrd_yield();
    }
    mtx_lock(&mutex);
    cnd_init(&changed);
    waits.join();
  });
}

TEST(C11Condition, DestroyedWhileWaitedFor) {
  expect_found("misuse", "destroy-in-use", [] {
    Mutex mutex;
    cnd_t changed;
    cnd_init(&changed);
    both(
        [&] {
          const timespec until = in_a_second();
          mtx_lock(&mutex);
          cnd_timedwait(&changed, &mutex, &until);
          mtx_unlock(&mutex);
        },
        [&] { cnd_destroy(&changed); });
  });
}

// ---- threads ----

TEST(C11Thread, JoinedTwice) {
  expect_found("misuse", "bad-join", [] {
    const thrd_t thread = thread_running(end_at_once);
    thrd_join(thread, nullptr);
    thrd_join(thread, nullptr);
  });
}

TEST(C11Thread, JoinOfADetachedOne) {
  expect_found("misuse", "bad-join", [] {
    const thrd_t thread = thread_running(end_at_once);
    thrd_detach(thread);
    thrd_join(thread, nullptr);
  });
}

TEST(C11Thread, DetachedTwice) {
  expect_found("misuse", "bad-detach", [] {
    const thrd_t thread = thread_running(end_at_once);
    thrd_detach(thread);
    thrd_detach(thread);
  });
}

TEST(C11Thread, JoinOfEachOtherIsADeadlock) {
  expect_deadlock("to finish", [] {
    thrd_t self = thrd_current();
    const thrd_t other = thread_running(
        [](void* creator) -> int { return thrd_join(*static_cast<thrd_t*>(creator), nullptr); },
        &self);
    thrd_join(other, nullptr);
  });
}

// ---- once and keys ----

TEST(C11Once, RunsOnceAndKeysAreEachThreadsOwn) {
  expect_clean([] {
    static once_flag flag = ONCE_FLAG_INIT;
    static int calls = 0;
    static tss_t key;
    static std::atomic<int> destroyed{0};
    tss_create(&key, [](void*) { ++destroyed; });
    const auto use = [](void*) -> int {
      call_once(&flag, [] { ++calls; });
      HEDDLE_CHECK(calls == 1 && tss_get(key) == nullptr);
      tss_set(key, &calls);
      HEDDLE_CHECK(tss_get(key) == &calls);
      thrd_yield();
      return 0;
    };
    thrd_t a;
    thrd_t b;
    thrd_create(&a, use, nullptr);
    thrd_create(&b, use, nullptr);
    HEDDLE_CHECK(!thrd_equal(a, b) && !thrd_equal(a, thrd_current()));
    thrd_join(a, nullptr);
    thrd_join(b, nullptr);
    HEDDLE_CHECK(destroyed == 2);
    tss_delete(key);
  });
}

TEST(C11Once, EitherThreadsFunctionRuns) {
  EXPECT_EQ(outcomes([] {
              static once_flag flag = ONCE_FLAG_INIT;
              static unsigned winner = 0;
              const auto call = [](void (*initialise)()) {
                call_once(&flag, initialise);
                HEDDLE_CHECK(winner != 0);  // no race: the call that ran is ordered before
              };
              both([&] { call([] { winner = 1; }); }, [&] { call([] { winner = 2; }); });
              return winner;
            }),
            0b110u);
}

TEST(C11Once, EntersItself) {
  expect_found("misuse", "recursive-initialisation", [] {
    static once_flag flag = ONCE_FLAG_INIT;
    call_once(&flag, [] { call_once(&flag, [] {}); });
  });
}

TEST(C11Once, WaitsForAnInitialisationThatDoesNotEnd) {
  expect_deadlock("initialisation guard", [] {
    static once_flag flag = ONCE_FLAG_INIT;
    const auto call = [] {
      call_once(&flag, [] {
        Mutex mutex;
        Condition never;
        mtx_lock(&mutex);
        cnd_wait(&never, &mutex);
      });
    };
    both(call, call);
  });
}

TEST(C11Keys, EitherThreadsValueIsDestroyedLast) {
  EXPECT_EQ(outcomes([] {
              static std::atomic<unsigned> last;
              tss_t key;
              HEDDLE_CHECK(tss_create(&key, [](void* value) {
                             last = *static_cast<unsigned*>(value);
                           }) == thrd_success);
              const auto use = [key](unsigned value) {
                static thread_local unsigned own;
                own = value;
                HEDDLE_CHECK(tss_set(key, &own) == thrd_success);
              };
              both([&] { use(1); }, [&] { use(2); });
              tss_delete(key);
              return last.load();
            }),
            0b110u);
}

}  // namespace
