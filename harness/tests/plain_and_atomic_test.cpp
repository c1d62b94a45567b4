// Goal: under a memory model an object that is also accessed plainly has the right value in every
// execution: made, filled, copied and made anew in place, with atomic accesses before and behind.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <sys/mman.h>

#include "explore/session.hpp"
#include "tests/explore_helpers.hpp"

namespace heddle::testing {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

struct Checked {
  std::string findings;
  u64 complete = 0;
};

Checked check(const char* model, const std::function<void()>& body) {
  exploration::Settings settings;
  settings.model = model;
  settings.faults = 0;
  exploration::Session session(body, settings);
  Checked checked;
  const exploration::Census census =
      session.check({},
                    [&](const exec::Finding& finding, const exploration::Census&) {
                      checked.findings += finding.message.data;
                      return false;
                    },
                    {});
  EXPECT_FALSE(census.diverged) << model;
  checked.complete = census.complete;
  return checked;
}

/// Its checks hold in all executions, of which there are so many under each model.
void expect_right(u64 executions, const std::function<void()>& body) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    const Checked checked = check(model, body);
    EXPECT_EQ(checked.findings, "") << model;
    EXPECT_EQ(checked.complete, executions) << model;
    ExploreOptions options;
    options.model = model;
    options.executions = 200;
    expect_clean(body, options);
  }
}

/// One stores 1, another stores 2; which is last, is left open: 2 executions.
void store_both(std::atomic<int>& x) {
  both([&] { x.store(1, kRelaxed); }, [&] { x.store(2, kRelaxed); });
}

TEST(PlainAndAtomic, AnInitialValueMayDependOnWhatWasRead) {
  expect_right(2, [] {
    std::atomic<int> x{3};
    both([&] { x.store(4, kRelaxed); },
         [&] {
           const int seen = x.load(kRelaxed);
           std::atomic<int> local(seen);
           HEDDLE_CHECK(local.load(kRelaxed) == seen);
           const auto shared = std::make_unique<std::atomic<int>>(seen);
           HEDDLE_CHECK(shared->fetch_add(1, kRelaxed) == seen);
           HEDDLE_CHECK(shared->load(kRelaxed) == seen + 1);
         });
  });
}

/// Leaves other numbers on the stack in each execution, unseen: as the runtime's own calls may.
__attribute__((noinline, disable_sanitizer_instrumentation)) void scribble() {
  static std::uint64_t number = 0;
  volatile std::uint64_t left[512];
  for (auto& word : left) {
    word = ++number;
  }
}

__attribute__((noinline)) void use_what_nobody_initialised() {
  union Storage {
    Storage() {}
    std::atomic<std::uint64_t> value;
  } storage;
  storage.value.store(1, kRelaxed);
  both([&] { storage.value.store(2, kRelaxed); },
       [&] { HEDDLE_CHECK(storage.value.load(kRelaxed) - 1 < 2); });
}

// A store comes first: what was there before is nobody's business, and differs.
TEST(PlainAndAtomic, WhatWasLeftInMemoryIsNoInitialValue) {
  expect_right(2, [] {
    scribble();
    use_what_nobody_initialised();
  });
}

// Which object is in some place may, too.
TEST(PlainAndAtomic, AnObjectMayDependOnWhatWasRead) {
  expect_right(2, [] {
    std::atomic<int> x{0};
    both([&] { x.store(1, kRelaxed); },
         [&] {
           void* memory = std::malloc(8);
           if (x.load(kRelaxed) == 0) {
             auto* small = new (memory) std::atomic<std::uint16_t>(5);
             HEDDLE_CHECK(small->fetch_add(1, kRelaxed) == 5);
           } else {
             auto* large = new (memory) std::atomic<std::uint64_t>(6);
             HEDDLE_CHECK(large->fetch_add(1, kRelaxed) == 6);
           }
           std::free(memory);
         });
  });
}

// The value that it had there decides whether a compare-exchange takes place, also where a revisit
// comes back from the other branch.
TEST(PlainAndAtomic, UpdatesSeeTheInitialValueOfTheirExecution) {
  expect_right(6, [] {
    std::atomic<int> x{0};
    std::atomic<int> y{0};
    both([&] { x.store(1, kRelaxed), y.store(1, kRelaxed); },
         [&] {
           const int seen = x.load(kRelaxed);
           std::atomic<int> local(seen);
           int expected = 0;
           const bool done = local.compare_exchange_strong(expected, 7, kRelaxed);
           HEDDLE_CHECK(done == (seen == 0));
           HEDDLE_CHECK(local.load(kRelaxed) == (seen == 0 ? 7 : seen));
           y.load(kRelaxed);
           y.fetch_add(1, kRelaxed);
         });
  });
}

TEST(PlainAndAtomic, MemoryHoldsWhatIsLastInCoherence) {
  expect_right(2, [] {
    std::atomic<int> x{0};
    store_both(x);
    int plain = 0;
    std::memcpy(&plain, static_cast<void*>(&x), sizeof plain);
    HEDDLE_CHECK(plain == x.load(kRelaxed) && plain != 0);
  });
  expect_right(3, [] {
    std::atomic<int> x{0};
    both([&] { x.store(1, kRelaxed), x.fetch_add(10, kRelaxed); }, [&] { x.store(2, kRelaxed); });
    int plain = 0;
    std::memcpy(&plain, static_cast<void*>(&x), sizeof plain);
    HEDDLE_CHECK(plain == x.load(kRelaxed) && plain != 0);
  });
}

TEST(PlainAndAtomic, AnObjectIsMadeInThePlaceOfAnother) {
  expect_right(4, [] {
    alignas(8) unsigned char place[8];
    auto* x = new (place) std::atomic<int>(7);
    HEDDLE_CHECK(x->load(kRelaxed) == 7);
    store_both(*x);
    x->~atomic();
    auto* y = new (place) std::atomic<int>(8);
    HEDDLE_CHECK(y->load(kRelaxed) == 8);
    store_both(*y);
    auto* z = new (place) std::atomic<std::int64_t>(9);
    HEDDLE_CHECK(z->fetch_add(1, kRelaxed) == 9 && z->load(kRelaxed) == 10);
  });
}

TEST(PlainAndAtomic, AnObjectIsMadeInHeapMemoryThatWasUsed) {
  expect_right(2, [] {
    void* memory = std::malloc(16);
    auto* plain = new (memory) long(3);
    HEDDLE_CHECK(*plain == 3);
    auto* x = new (memory) std::atomic<int>(4);
    store_both(*x);
    HEDDLE_CHECK(x->exchange(5, kRelaxed) != 4);
    plain = new (memory) long(6);
    HEDDLE_CHECK(*plain == 6 && std::atomic_ref<long>(*plain).load(kRelaxed) == 6);
    std::free(memory);
  });
}

TEST(PlainAndAtomic, AnArrayOfAtomicsIsFilled) {
  expect_right(2, [] {
    std::atomic<int> all[5] = {1, 2, 3, 4, 5};
    store_both(all[3]);
    HEDDLE_CHECK(all[4].fetch_add(1, kRelaxed) == 5);
    std::memset(static_cast<void*>(all), 0, sizeof all);
    for (std::atomic<int>& each : all) {
      HEDDLE_CHECK(each.load(kRelaxed) == 0);
    }
    HEDDLE_CHECK(all[3].fetch_add(2, kRelaxed) == 0 && all[3].load(kRelaxed) == 2);
  });
}

TEST(PlainAndAtomic, AReferenceMakesPlainDataAtomicForAWhile) {
  expect_right(2, [] {
    int x = 3;
    const auto add = [&] { std::atomic_ref<int>(x).fetch_add(1, kRelaxed); };
    both(add, add);
    HEDDLE_CHECK(x == 5);
    x = 9;
    HEDDLE_CHECK(std::atomic_ref<int>(x).load(kRelaxed) == 9);
    std::atomic_ref<int>(x).store(10, kRelaxed);
    HEDDLE_CHECK(x == 10);
    ++x;
    HEDDLE_CHECK(std::atomic_ref<int>(x).exchange(12, kRelaxed) == 11 && x == 12);
  });
}

TEST(PlainAndAtomic, AStructureIsCopiedByItsBytes) {
  struct Pair {
    std::atomic<int> x{0};
    int plain = 0;
  };
  expect_right(2, [] {
    Pair from;
    Pair to;
    store_both(from.x);
    from.plain = 4;
    to.x.store(9, kRelaxed);
    std::memcpy(static_cast<void*>(&to), static_cast<void*>(&from), sizeof to);
    HEDDLE_CHECK(to.x.load(kRelaxed) == from.x.load(kRelaxed) && to.plain == 4);
    HEDDLE_CHECK(to.x.load(kRelaxed) != 9 && to.x.load(kRelaxed) != 0);
    std::memmove(static_cast<void*>(&from.plain), static_cast<void*>(&to.x), sizeof(int));
    HEDDLE_CHECK(from.plain == to.x.load(kRelaxed));
  });
}

TEST(PlainAndAtomic, APlainNeighbourLeavesAnAtomicAlone) {
  struct Pair {
    std::atomic<int> x{0};
    int plain = 0;
  };
  expect_right(3, [] {
    Pair pair;
    both([&] { pair.x.fetch_add(1, kRelaxed), pair.plain = 1, pair.x.fetch_add(1, kRelaxed); },
         [&] { pair.x.load(kRelaxed); });
    HEDDLE_CHECK(pair.x.load(kRelaxed) == 2 && pair.plain == 1);
  });
}

TEST(PlainAndAtomic, MembersOfAUnionTakeTurns) {
  union Either {
    std::atomic<int> x;
    float plain;
    Either() : plain(1.5f) {}
  };
  expect_right(2, [] {
    Either either;
    HEDDLE_CHECK(either.plain == 1.5f);
    new (&either.x) std::atomic<int>(6);
    store_both(either.x);
    HEDDLE_CHECK(either.x.load(kRelaxed) != 6);
    either.plain = 2.5f;
    HEDDLE_CHECK(either.plain == 2.5f);
    new (&either.x) std::atomic<int>(7);
    HEDDLE_CHECK(either.x.fetch_add(1, kRelaxed) == 7);
  });
}

TEST(PlainAndAtomic, AtomicInitIsAStore) {
  expect_right(2, [] {
    std::atomic<int> x;
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
    std::atomic_init(&x, 4);
    HEDDLE_CHECK(x.load(kRelaxed) == 4);
    store_both(x);
    std::atomic_init(&x, 5);
#pragma clang diagnostic pop
    HEDDLE_CHECK(x.load(kRelaxed) == 5);
  });
}

TEST(PlainAndAtomic, MemoryIsClearedAndMoved) {
  expect_right(2, [] {
    auto* all = static_cast<int*>(std::calloc(4, sizeof(int)));
    const auto add = [&] { std::atomic_ref<int>(all[2]).fetch_add(1, kRelaxed); };
    both(add, add);
    all = static_cast<int*>(std::realloc(all, 4096));
    HEDDLE_CHECK(std::atomic_ref<int>(all[2]).load(kRelaxed) == 2 && all[2] == 2 && all[1] == 0);
    std::free(all);
  });
}

TEST(PlainAndAtomic, FramesAreUsedAgain) {
  expect_right(2, [] {
    const auto frame = [](auto value) {
      std::atomic<decltype(value)> local(value);
      HEDDLE_CHECK(local.fetch_add(1, kRelaxed) == value);
      HEDDLE_CHECK(local.load(kRelaxed) == value + 1);
    };
    std::atomic<int> x{0};
    both([&] { x.store(1, kRelaxed); },
         [&] {
           const int seen = x.load(kRelaxed);
           frame(std::int64_t{seen + 10});
           frame(seen + 20);
           frame(static_cast<std::int16_t>(seen));
         });
  });
}

struct alignas(16) Wide {
  std::uint64_t low;
  std::uint64_t high;
};

TEST(PlainAndAtomic, WideObjectsToo) {
  expect_right(2, [] {
    std::atomic<int> x{0};
    both([&] { x.store(1, kRelaxed); },
         [&] {
           const std::uint64_t seen = static_cast<std::uint64_t>(x.load(kRelaxed));
           std::atomic<Wide> wide(Wide{seen, seen + 1});
           const Wide before = wide.exchange(Wide{2, 3});
           HEDDLE_CHECK(before.low == seen && before.high == seen + 1);
           Wide plain = {};
           std::memcpy(static_cast<void*>(&plain), static_cast<void*>(&wide), sizeof plain);
           HEDDLE_CHECK(plain.low == 2 && plain.high == 3);
           new (&wide) std::atomic<Wide>(Wide{seen + 4, 5});
           HEDDLE_CHECK(wide.load().low == seen + 4 && wide.load().high == 5);
         });
  });
}

// Nobody else knows the object, so that plain accesses to it are not instrumented.
TEST(PlainAndAtomic, ALocalObjectIsMadeAgainAndAgain) {
  expect_right(1, [] {
    for (int i = 0; i < 3; ++i) {
      std::atomic<int> local(i);
      HEDDLE_CHECK(local.load(kRelaxed) == i);
      HEDDLE_CHECK(local.fetch_add(5, kRelaxed) == i);
    }
  });
}

TEST(PlainAndAtomic, HalfOfAWideObjectIsWritten) {
  expect_right(1, [] {
    auto wide = std::make_unique<Wide>(Wide{1, 2});
    HEDDLE_CHECK(std::atomic_ref<Wide>(*wide).exchange(Wide{3, 4}).high == 2);
    wide->high = 5;
    HEDDLE_CHECK(std::atomic_ref<Wide>(*wide).load().high == 5);
    wide->low = 6;
    HEDDLE_CHECK(std::atomic_ref<Wide>(*wide).load().low == 6);
    HEDDLE_CHECK(std::atomic_ref<Wide>(*wide).load().high == 5);
  });
}

// Nor has it a name.
TEST(PlainAndAtomic, MemoryOfTheSystemIsMemory) {
  void* pages = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  auto* numbers = static_cast<int*>(pages);
  expect_right(2, [numbers] {
    std::atomic_ref<int> x(numbers[0]);
    std::atomic_ref<int> y(numbers[8]);
    y.store(3, kRelaxed);
    both([&] { x.store(1, kRelaxed); }, [&] { HEDDLE_CHECK(x.load(kRelaxed) <= 1); });
    HEDDLE_CHECK(x.exchange(0, kRelaxed) == 1 && y.exchange(0, kRelaxed) == 3);
  });
  munmap(pages, 4096);
}

// A plain access that nothing orders is a race under every model, not a value.
TEST(PlainAndAtomic, WhatIsUnorderedIsARace) {
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_NE(check(model,
                    [] {
                      alignas(8) unsigned char place[8];
                      auto* x = new (place) std::atomic<int>(7);
                      both([&] { x->store(1, kRelaxed); },
                           [&] { new (place) std::atomic<int>(8); });
                    })
                  .findings,
              "")
        << model;
  }
}

}  // namespace
}  // namespace heddle::testing
