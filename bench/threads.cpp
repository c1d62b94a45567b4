// The same number of events, made by few threads and by many.
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "heddle/heddle.hpp"

namespace {

constexpr unsigned kEvents = 20'000;
constexpr unsigned kVariables = 16;

template <class Step>
void share_out(unsigned thread_count, unsigned step_count, Step step) {
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < thread_count; ++id) {
    threads.emplace_back([=] {
      for (unsigned i = 0; i < step_count / thread_count; ++i) {
        step(id * 7 + i * 5);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

void update_by(unsigned thread_count) {
  std::atomic<unsigned> variables[kVariables] = {};
  share_out(thread_count, kEvents,
            [&variables](unsigned i) { variables[i % kVariables].fetch_add(1); });
}

// An update inside, so that others come while the lock is taken: three events a step.
template <unsigned kMutexes>
void lock_by(unsigned thread_count) {
  std::mutex mutexes[kMutexes];
  std::atomic<unsigned> variables[kMutexes] = {};
  share_out(thread_count, kEvents / 3, [&](unsigned i) {
    const std::lock_guard lock(mutexes[i % kMutexes]);
    variables[i % kMutexes].fetch_add(1);
  });
}

HEDDLE_TEST(updates_10) { update_by(10); }
HEDDLE_TEST(updates_100) { update_by(100); }
HEDDLE_TEST(updates_250) { update_by(250); }
HEDDLE_TEST(mutexes_10) { lock_by<kVariables>(10); }
HEDDLE_TEST(mutexes_100) { lock_by<kVariables>(100); }
HEDDLE_TEST(mutexes_250) { lock_by<kVariables>(250); }
HEDDLE_TEST(one_mutex_10) { lock_by<1>(10); }
HEDDLE_TEST(one_mutex_100) { lock_by<1>(100); }
HEDDLE_TEST(one_mutex_250) { lock_by<1>(250); }

}  // namespace
