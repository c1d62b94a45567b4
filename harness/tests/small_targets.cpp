// Targets whose executions can be counted by hand, for tests of the command.
#include <atomic>
#include <sys/stat.h>
#include <thread>

#include "heddle/heddle.hpp"

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

template <class A, class B>
void both(A a, B b) {
  std::thread first(a);
  std::thread second(b);
  first.join();
  second.join();
}

// 3 executions under sc, 4 under tso and rc11.
HEDDLE_TEST(small, store_buffering) {
  std::atomic<int> x{0};
  std::atomic<int> y{0};
  both([&] { x.store(1, kRelaxed), y.load(kRelaxed); },
       [&] { y.store(1, kRelaxed), x.load(kRelaxed); });
}

// 2 executions under sc and tso; the third one of rc11 is wrong.
HEDDLE_TEST(small, stale_data) {
  std::atomic<int> data{0};
  std::atomic<int> ready{0};
  both([&] { data.store(1, kRelaxed), ready.store(1, kRelaxed); },
       [&] { HEDDLE_CHECK(ready.load(kRelaxed) == 0 || data.load(kRelaxed) == 1); });
}

// 3 executions, of which 2 are blocked.
HEDDLE_TEST(small, assumption) {
  std::atomic<int> x{0};
  both([&] { x.store(1, kRelaxed), x.store(2, kRelaxed); },
       [&] { heddle_assume(x.load(kRelaxed) == 1 ? 1 : 0); });
}

// Thousands of executions, blocked ones among them: reads, updates and stores of three threads.
HEDDLE_TEST(small, counted) {
  std::atomic<int> x{0};
  std::atomic<int> y{0};
  const auto work = [&] {
    const int old = x.fetch_add(1, kRelaxed);
    y.store(old, kRelaxed);
    heddle_assume(y.load(kRelaxed) <= x.load(kRelaxed) - 1 ? 1 : 0);
  };
  std::thread third(work);
  both(work, work);
  third.join();
}

// Which threads there are, and who makes them first, differs from execution to execution.
HEDDLE_TEST(small, families) {
  std::atomic<int> x{0};
  std::atomic<int> y{0};
  const auto work = [&](int which) {
    if (x.fetch_add(1, kRelaxed) != which) {
      std::thread child([&] { y.fetch_add(1, kRelaxed); });
      x.load(kRelaxed);
      child.join();
    }
  };
  std::thread third(work, 2);
  both([&] { work(0); }, [&] { work(1); });
  third.join();
}

// Spins on objects that lie elsewhere in each process: a queue of three who wait for their turn.
struct Turn {
  std::atomic<Turn*> next{nullptr};
  std::atomic<bool> waits{true};
};
Turn turns[3];

HEDDLE_TEST(small, queue_lock) {
  std::atomic<Turn*> last{nullptr};
  const auto work = [&](Turn& self) {
    if (Turn* before = last.exchange(&self, std::memory_order_acq_rel)) {
      before->next.store(&self, std::memory_order_release);
      while (self.waits.load(std::memory_order_acquire)) {
      }
    }
    Turn* expected = &self;
    if (!last.compare_exchange_strong(expected, nullptr)) {
      while (self.next.load(std::memory_order_acquire) == nullptr) {
      }
      self.next.load(kRelaxed)->waits.store(false, std::memory_order_release);
    }
  };
  std::thread third([&] { work(turns[2]); });
  both([&] { work(turns[0]); }, [&] { work(turns[1]); });
  third.join();
}

// 4! executions, and those in which somebody spins for ever.
HEDDLE_TEST(small, spin_lock) {
  std::atomic<int> locked{0};
  const auto work = [&] {
    while (locked.exchange(1, std::memory_order_acquire) != 0) {
    }
    locked.store(0, std::memory_order_release);
  };
  std::thread third(work);
  std::thread fourth(work);
  both(work, work);
  third.join();
  fourth.join();
}

// 24!/(8!)³ executions: no test gets to the end.
HEDDLE_TEST(small, endless) {
  std::atomic<int> x{0};
  const auto add = [&] {
    for (int i = 0; i < 8; ++i) {
      x.fetch_add(1, kRelaxed);
    }
  };
  std::thread third(add);
  both(add, add);
  third.join();
}

// What the process keeps from one execution to the next decides what happens.
HEDDLE_TEST(small, unrepeatable) {
  std::atomic<int> x{0};
  const mode_t before = umask(0);
  umask(before ^ S_IXOTH);
  both(
      [&] {
        x.store(1, kRelaxed);
        if ((before & S_IXOTH) != 0) {
          x.fetch_add(1, kRelaxed);
        }
      },
      [&] { x.load(kRelaxed), x.load(kRelaxed); });
}

struct Counter {
  std::atomic<int> value{0};

  int add(std::int64_t n) { return value.fetch_add(static_cast<int>(n), kRelaxed); }
  int get() { return value.load(kRelaxed); }
};

struct TornCounter : Counter {
  int add(std::int64_t n) {
    const int old = value.load(kRelaxed);
    value.store(old + static_cast<int>(n), kRelaxed);
    return old;
  }
};

template <class C>
void declare(heddle::Target& t) {
  auto s = t.subject<C>();
  s.op("add", &C::add, t.ints(1, 9));
  s.op("get", &C::get);
  s.linearizable();
  t.threads(2, 2);
}

HEDDLE_TARGET(small_counter, t) { declare<Counter>(t); }
HEDDLE_TARGET(small_torn_counter, t) { declare<TornCounter>(t); }

}  // namespace
