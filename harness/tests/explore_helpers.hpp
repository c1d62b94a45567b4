// What tests of the engine say again and again.
#pragma once

#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <pthread.h>
#include <thread>

#include "heddle/heddle.hpp"

namespace heddle::testing {

#if defined(__has_feature) && __has_feature(address_sanitizer)
constexpr bool kAsan = true;
#else
constexpr bool kAsan = false;
#endif

#ifdef HEDDLE_WITH_TSAN
constexpr bool kTsan = true;
#else
constexpr bool kTsan = false;
#endif

/// `body` must give the finding `kind` (and `rule`, unless empty) under both strategies.
inline void expect_found(const char* kind, const char* rule, const std::function<void()>& body,
                         ExploreOptions options = {}) {
  for (const char* strategy : {"random", "pct"}) {
    options.strategy = strategy;
    const ExploreResult result = explore(body, options);
    EXPECT_TRUE(result.found) << strategy << ": nothing in " << result.executions << " executions";
    EXPECT_EQ(result.kind, kind) << result.report;
    if (*rule != '\0') {
      EXPECT_EQ(result.rule, rule) << result.report;
    }
  }
}

/// `body` must end in a deadlock whose story has `words`.
inline void expect_deadlock(const char* words, const std::function<void()>& body) {
  for (const char* strategy : {"random", "pct"}) {
    const ExploreResult result = explore(body, {.strategy = strategy});
    EXPECT_EQ(result.kind, "deadlock") << strategy << ": " << result.report;
    EXPECT_NE(result.message.find(words), std::string::npos) << result.message;
  }
}

/// `body` must stay without finding under both strategies.
inline void expect_clean_throughout(const std::function<void()>& body, ExploreOptions options) {
  for (const char* strategy : {"random", "pct"}) {
    options.strategy = strategy;
    const ExploreResult result = explore(body, options);
    EXPECT_FALSE(result.found) << strategy << ": " << result.report;
  }
}

/// The same. Where each execution is put to ThreadSanitizer too, there is time for fewer.
inline void expect_clean(const std::function<void()>& body, ExploreOptions options = {}) {
  options.executions = kTsan ? (options.executions + 9) / 10 : options.executions;
  expect_clean_throughout(body, options);
}

/// A bit for each value in [0, 32) that `body` returned in some execution; a finding is a failure.
inline unsigned outcomes(const std::function<unsigned()>& body, ExploreOptions options = {}) {
  unsigned seen = 0;
  expect_clean_throughout([&] { seen |= 1u << body(); }, options);
  return seen;
}

inline timespec in_a_second() {
  timespec time = {};
  clock_gettime(CLOCK_REALTIME, &time);
  ++time.tv_sec;
  return time;
}

inline pthread_t thread_running(void* (*entry)(void*), void* argument = nullptr) {
  pthread_t thread;
  HEDDLE_CHECK(pthread_create(&thread, nullptr, entry, argument) == 0);
  return thread;
}

/// Runs two functions in threads of their own.
template <class A, class B>
void both(A a, B b) {
  std::thread first(a);
  std::thread second(b);
  first.join();
  second.join();
}

}  // namespace heddle::testing
