// The reference test of the benchmarks: small, and made of what most tests are made of.
#include <atomic>
#include <mutex>
#include <thread>

#include "heddle/heddle.hpp"

HEDDLE_TEST(reference) {
  std::atomic<int> x{0};
  std::mutex mutex;
  int counter = 0;
  const auto work = [&] {
    for (int i = 0; i < 5; ++i) {
      static_cast<void>(x.load(std::memory_order_acquire));
      x.store(i, std::memory_order_release);
    }
    const std::lock_guard lock(mutex);
    ++counter;
  };
  std::thread first(work);
  std::thread second(work);
  first.join();
  second.join();
  HEDDLE_CHECK(counter == 2);
}
