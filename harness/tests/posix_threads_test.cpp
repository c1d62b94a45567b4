// Goal: POSIX threads are made, joined, detached and ended as the C library does it, and misuse is
// reported.
#include <cerrno>
#include <ctime>
#include <pthread.h>
#include <sched.h>
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
using heddle::testing::thread_running;

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

TEST(PosixThread, ThreadZeroCanBeJoinedBehindItsExit) {
  const auto body = [](bool synchronises) {
    return [=] {
      static int data = 0;
      static pthread_t first;
      static bool joins;
      first = pthread_self();
      joins = synchronises;
      thread_running([](void*) -> void* {
        void* result = nullptr;
        if (joins) {
          pthread_join(first, &result);
          HEDDLE_CHECK(result == &data);
        }
        HEDDLE_CHECK(data == 1);
        return nullptr;
      });
      data = 1;
      pthread_exit(&data);
    };
  };
  expect_clean(body(true));
  expect_found("race", "data-race", body(false));
}

TEST(PosixThread, JoinsWithoutATimeWait) {
  expect_clean([] {
    void* (*const work)(void*) = [](void*) -> void* { return nullptr; };
    HEDDLE_CHECK(pthread_timedjoin_np(thread_running(work), nullptr, nullptr) == 0);
    HEDDLE_CHECK(pthread_clockjoin_np(thread_running(work), nullptr, CLOCK_MONOTONIC, nullptr) ==
                 0);
    clockid_t clock = CLOCK_REALTIME;
    timespec used = {};
    HEDDLE_CHECK(pthread_getcpuclockid(pthread_self(), &clock) == 0);
    HEDDLE_CHECK(clock_gettime(clock, &used) == 0);
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

}  // namespace
