// The reference test of the benchmarks: small, and made of what most tests are made of.
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "heddle/heddle.hpp"

namespace {

struct State {
  std::atomic<int> x{0};
  std::mutex mutex;
  int counter = 0;
};

void work(State& state) {
  for (int i = 0; i < 5; ++i) {
    static_cast<void>(state.x.load(std::memory_order_acquire));
    state.x.store(i, std::memory_order_release);
  }
  const std::lock_guard lock(state.mutex);
  ++state.counter;
}

HEDDLE_TEST(reference) {
  State state;
  std::thread first(work, std::ref(state));
  std::thread second(work, std::ref(state));
  first.join();
  second.join();
  HEDDLE_CHECK(state.counter == 2);
}

}  // namespace
