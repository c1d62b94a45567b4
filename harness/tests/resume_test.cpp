// An exhaustive search that is broken off and taken up again sees what one without a break sees.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "explore/session.hpp"
#include "heddle/heddle.hpp"
#include "tests/explore_helpers.hpp"

namespace heddle::testing {
namespace {

using exploration::Census;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;

/// What a search came to, and in how many parts.
struct Seen {
  u64 complete = 0;
  u64 blocked = 0;
  bool bounded = false;
  std::map<std::string, u64> findings;
  u64 parts = 0;

  bool operator==(const Seen& other) const {
    return complete == other.complete && blocked == other.blocked && bounded == other.bounded &&
           findings == other.findings;
  }
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  out << seen.complete << " complete, " << seen.blocked << " blocked" << (seen.bounded ? "+" : "");
  for (const auto& [message, count] : seen.findings) {
    out << "; " << count << " " << message;
  }
  return out << "; in " << seen.parts << " parts";
}

/// The search, by a new session after each `count` executions.
Seen search(const char* model, const std::function<void()>& body, u64 count,
            exploration::Shard shard = {}) {
  exploration::Settings settings;
  settings.model = model;
  settings.faults = 0;
  exploration::Budget budget;
  budget.executions = count;
  budget.shard = shard;
  Seen seen;
  std::string rest;
  bool finished = false;
  while (!finished) {
    exploration::Session session(body, settings);
    const Census census = session.check(
        budget,
        [&](const exec::Finding& finding, const Census&) {
          ++seen.findings[finding.message.data];
          return true;
        },
        {}, &rest);
    EXPECT_FALSE(census.diverged);
    seen.complete += census.complete;
    seen.blocked += census.blocked;
    seen.bounded |= census.bounded;
    ++seen.parts;
    finished = census.finished || census.diverged;
    EXPECT_EQ(finished, rest.empty());
  }
  return seen;
}

void expect_the_same_in_parts(const std::function<void()>& body) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    const Seen whole = search(model, body, ~u64{0});
    EXPECT_EQ(whole.parts, 1u);
    for (const u64 count : {1u, 2u, 3u, 5u, 17u}) {
      const Seen sum = search(model, body, count);
      EXPECT_EQ(sum, whole) << model << ", " << count << " at a time";
    }
    for (const u32 index : {0u, 1u, 2u}) {
      EXPECT_EQ(search(model, body, 2, {index, 3}), search(model, body, ~u64{0}, {index, 3}))
          << model << ", shard " << index;
    }
  }
}

template <class... Threads>
void run(Threads... threads) {
  std::vector<std::thread> all;
  (all.emplace_back(threads), ...);
  for (std::thread& thread : all) {
    thread.join();
  }
}

TEST(Resume, StoresAndLoads) {
  expect_the_same_in_parts([] {
    std::atomic<int> x{0};
    std::atomic<int> y{0};
    run([&] { x.store(1, kRelaxed), y.store(1, kRelease), x.load(kRelaxed); },
        [&] { y.load(kAcquire), x.store(2, kRelaxed), y.store(2, kRelaxed); },
        [&] { x.load(kRelaxed), y.load(kRelaxed); });
  });
}

TEST(Resume, Updates) {
  expect_the_same_in_parts([] {
    std::atomic<int> x{0};
    std::atomic<int> y{0};
    const auto work = [&](int i) {
      return [&x, &y, i] {
        int seen = x.fetch_add(1, kRelaxed);
        y.compare_exchange_strong(seen, i, kRelaxed);
      };
    };
    run(work(1), work(2), work(3));
  });
}

struct Node {
  int value;
  Node* next;
};
Node bottom{0, nullptr};

// The bottom is an address that changes from process to process.
TEST(Resume, Addresses) {
  expect_the_same_in_parts([] {
    std::atomic<Node*> top{&bottom};
    const auto push = [&](int value) {
      return [&top, value] {
        Node* node = new Node{value, top.load(kRelaxed)};
        while (!top.compare_exchange_strong(node->next, node, kRelease, kRelaxed)) {
        }
      };
    };
    run(push(1), push(2), push(3));
    int count = 0;
    for (Node* node = top.load(kRelaxed); node != &bottom; ++count) {
      Node* next = node->next;
      delete node;
      node = next;
    }
    HEDDLE_CHECK(count == 3);
  });
}

struct Waiter {
  std::atomic<Waiter*> next{nullptr};
  std::atomic<bool> waits{true};
};

TEST(Resume, SpinsOnOnesOwnFrame) {
  expect_the_same_in_parts([] {
    std::atomic<Waiter*> last{nullptr};
    int count = 0;
    const auto work = [&] {
      Waiter self;
      if (Waiter* before = last.exchange(&self, std::memory_order_acq_rel)) {
        before->next.store(&self, kRelease);
        while (self.waits.load(kAcquire)) {
        }
      }
      ++count;
      Waiter* expected = &self;
      if (!last.compare_exchange_strong(expected, nullptr, kRelease, kRelaxed)) {
        while (self.next.load(kAcquire) == nullptr) {
        }
        self.next.load(kRelaxed)->waits.store(false, kRelease);
      }
    };
    run(work, work);
    HEDDLE_CHECK(count == 2);
  });
}

TEST(Resume, LocksAndThoseWhoWait) {
  expect_the_same_in_parts([] {
    std::mutex mutex;
    std::condition_variable condition;
    int count = 0;
    const auto wait = [&] {
      std::unique_lock lock(mutex);
      condition.wait(lock, [&] { return count > 0; });
    };
    run(wait, wait, [&] {
      {
        const std::lock_guard lock(mutex);
        ++count;
      }
      condition.notify_all();
    });
  });
}

TEST(Resume, ChoicesAndAssumptions) {
  expect_the_same_in_parts([] {
    std::atomic<int> x{0};
    run([&] { x.store(static_cast<int>(heddle_choose(3)), kRelaxed); },
        [&] { heddle_assume(x.load(kRelaxed) != 1 ? 1 : 0); },
        [&] { x.fetch_add(static_cast<int>(heddle_choose(2)), kRelaxed); });
  });
}

TEST(Resume, LoopsCutShort) {
  expect_the_same_in_parts([] {
    std::atomic<int> x{0};
    run([&] { x.store(1, kRelaxed); },
        [&] {
          for (int i = 0; i < 100 && x.load(kRelaxed) == 0; ++i) {
          }
        });
  });
}

TEST(Resume, ThreadsOfThreads) {
  expect_the_same_in_parts([] {
    std::atomic<int> x{0};
    std::atomic<int> y{0};
    const auto work = [&](int which) {
      return [&, which] {
        if (x.fetch_add(1, kRelaxed) != which) {
          std::thread child([&] { y.fetch_add(1, kRelaxed); });
          x.load(kRelaxed);
          child.join();
        }
      };
    };
    run(work(0), work(1), work(2));
  });
}

TEST(Resume, Findings) {
  expect_the_same_in_parts([] {
    std::atomic<int> x{0};
    std::atomic<int> y{0};
    int data = 0;
    run([&] { data = 1, x.store(1, kRelaxed), y.store(1, kRelease); },
        [&] {
          if (y.load(kAcquire) == 1) {
            HEDDLE_CHECK(data == 1 && x.load(kRelaxed) == 0);
          } else {
            x.store(2, kRelaxed);
          }
        },
        [&] { HEDDLE_CHECK(x.load(kRelaxed) != 2); });
  });
}

TEST(Resume, WhatIsThereAtFirstDependsOnWhatWasRead) {
  expect_the_same_in_parts([] {
    std::atomic<Node*> top{&bottom};
    Node other{1, &bottom};
    run([&] { top.store(&other, kRelaxed); },
        [&] {
          const auto copy = std::make_unique<std::atomic<Node*>>(top.load(kRelaxed));
          run([&] { copy->store(nullptr, kRelaxed); },
              [&] { top.store(copy->load(kRelaxed), kRelaxed); });
        });
  });
}

}  // namespace
}  // namespace heddle::testing
