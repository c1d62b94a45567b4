// What check_bench measures.
#include <atomic>
#include <thread>

#include "heddle/heddle.hpp"

namespace {

// Each of three threads updates a variable four times and reads another one: about 20 events, and
// more executions than anybody waits for.
HEDDLE_TEST(twenty_events) {
  std::atomic<int> updated{0};
  std::atomic<int> other{0};
  const auto work = [&] {
    for (int i = 0; i < 4; ++i) {
      updated.fetch_add(1, std::memory_order_relaxed);
    }
    other.store(1, std::memory_order_release);
    static_cast<void>(other.load(std::memory_order_acquire));
  };
  std::thread a(work);
  std::thread b(work);
  std::thread c(work);
  a.join();
  b.join();
  c.join();
}

// Threads that have nothing to do with each other: one execution, however many events.
template <int Events>
void apart() {
  const auto work = [] {
    std::atomic<int> own{0};
    for (int i = 0; i < Events / 2; ++i) {
      own.fetch_add(1, std::memory_order_relaxed);
    }
  };
  std::thread a(work);
  std::thread b(work);
  a.join();
  b.join();
}

HEDDLE_TEST(events_1000) { apart<1'000>(); }
HEDDLE_TEST(events_2000) { apart<2'000>(); }
HEDDLE_TEST(events_5000) { apart<5'000>(); }
HEDDLE_TEST(events_10000) { apart<10'000>(); }

}  // namespace
