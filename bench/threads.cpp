// The same number of events, made by few threads and by many.
#include <atomic>
#include <thread>
#include <vector>

#include "heddle/heddle.hpp"

namespace {

constexpr unsigned kUpdates = 20'000;
constexpr unsigned kVariables = 16;

void update_by(unsigned thread_count) {
  std::atomic<unsigned> variables[kVariables] = {};
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < thread_count; ++id) {
    threads.emplace_back([&variables, id, thread_count] {
      for (unsigned i = 0; i < kUpdates / thread_count; ++i) {
        variables[(id * 7 + i * 5) % kVariables].fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

HEDDLE_TEST(ten_threads) { update_by(10); }
HEDDLE_TEST(hundred_threads) { update_by(100); }

}  // namespace
