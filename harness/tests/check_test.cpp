// Exhaustive search: it must see each class of executions once, and no other.
#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "tests/check_helpers.hpp"

namespace heddle::testing {
namespace {

TEST(Check, StoreBuffering) {
  const auto body = [](std::memory_order order) {
    return [=] {
      Shared s;
      run([&] { s.x.store(1, order), s.y.load(order); },
          [&] { s.y.store(1, order), s.x.load(order); });
    };
  };
  EXPECT_EQ(counts(body(kRelaxed)), (Counts{3, 4, 4}));
  EXPECT_EQ(counts(body(kSeqCst)), (Counts{3, 3, 3}));
}

TEST(Check, LoadBuffering) {
  EXPECT_EQ(counts([] {
              Shared s;
              run([&] { s.x.load(kRelaxed), s.y.store(1, kRelaxed); },
                  [&] { s.y.load(kRelaxed), s.x.store(1, kRelaxed); });
            }),
            (Counts{3, 3, 3}));
}

TEST(Check, MessagePassing) {
  const auto body = [](std::memory_order store, std::memory_order load) {
    return [=] {
      Shared s;
      run([&] { s.x.store(1, kRelaxed), s.y.store(1, store); },
          [&] { s.y.load(load), s.x.load(kRelaxed); });
    };
  };
  EXPECT_EQ(counts(body(kRelaxed, kRelaxed)), (Counts{3, 3, 4}));
  EXPECT_EQ(counts(body(kRelease, kAcquire)), (Counts{3, 3, 3}));
}

TEST(Check, CoherenceOfReads) {
  EXPECT_EQ(counts([] {
              Shared s;
              run([&] { s.x.store(1, kRelaxed); }, [&] { s.x.load(kRelaxed), s.x.load(kRelaxed); });
            }),
            (Counts{3, 3, 3}));
}

TEST(Check, TwoPlusTwoWrites) {
  EXPECT_EQ(counts([] {
              Shared s;
              run([&] { s.x.store(1, kRelaxed), s.y.store(2, kRelaxed); },
                  [&] { s.y.store(1, kRelaxed), s.x.store(2, kRelaxed); });
            }),
            (Counts{3, 3, 4}));
}

TEST(Check, IndependentReadsOfIndependentWrites) {
  const auto body = [](std::memory_order order) {
    return [=] {
      Shared s;
      run([&] { s.x.store(1, order); }, [&] { s.y.store(1, order); },
          [&] { s.x.load(order), s.y.load(order); }, [&] { s.y.load(order), s.x.load(order); });
    };
  };
  EXPECT_EQ(counts(body(kSeqCst)), (Counts{15, 15, 15}));
  EXPECT_EQ(counts(body(kRelaxed)), (Counts{15, 15, 16}));
}

TEST(Check, UpdatesAndStoresInAnyOrder) {
  for (u64 n = 1, factorial = 1; n <= 5; factorial *= ++n) {
    EXPECT_EQ(counts([n] {
                Shared s;
                std::vector<std::thread> threads;
                for (u64 i = 0; i < n; ++i) {
                  threads.emplace_back([&] { s.x.fetch_add(1, kRelaxed); });
                }
                for (std::thread& thread : threads) {
                  thread.join();
                }
                HEDDLE_CHECK(s.x.load(kRelaxed) == static_cast<int>(n));
              }),
              (Counts{factorial, factorial, factorial}));
    EXPECT_EQ(counts([n] {
                Shared s;
                std::vector<std::thread> threads;
                for (u64 i = 0; i < n; ++i) {
                  threads.emplace_back([&s, i] { s.x.store(static_cast<int>(i), kRelaxed); });
                }
                for (std::thread& thread : threads) {
                  thread.join();
                }
              }),
              (Counts{factorial, factorial, factorial}));
  }
}

TEST(Check, ThreadsKeepTheirNamesWhoeverIsFirst) {
  EXPECT_EQ(counts([] {
              Shared s;
              const auto two = [&](int value) {
                return [&s, value] {
                  std::thread inner([&s, value] { s.x.store(value, kRelaxed); });
                  s.y.fetch_add(1, kRelaxed);
                  inner.join();
                };
              };
              run(two(1), two(2));
            }),
            (Counts{4, 4, 4}));
}

TEST(Check, Choices) {
  EXPECT_EQ(counts([] {
              Shared s;
              run([&] { s.x.store(static_cast<int>(heddle_choose(3)), kRelaxed); },
                  [&] { s.x.load(kRelaxed); });
            }),
            (Counts{6, 6, 6}));
}

TEST(Check, MixedSizesAreRefused) {
  const auto body = [](bool ends) {
    return [=] {
      alignas(8) unsigned char bytes[8];
      auto* whole = new (bytes) std::atomic<u64>(0);
      std::thread thread([&] { whole->fetch_add(1, kRelaxed); });
      if (ends) {
        thread.join();
        new (bytes) u64(0);  // its life ends
      }
      auto* half = reinterpret_cast<std::atomic<u32>*>(bytes + 4);
      half->load(kRelaxed);
      if (!ends) {
        thread.join();
      }
    };
  };
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(findings(model, body(false)), "unsupported") << model;
    EXPECT_EQ(findings(model, body(true)), "") << model;
  }
}

/// How many of the first executions of a program, with samples, have a finding: it ends with one.
u64 found_by_samples(const std::function<void()>& body) {
  exploration::Session session(body, settings_for("rc11", 100'000));
  exploration::Budget budget;
  budget.executions = 20'000;
  budget.samples = true;
  u64 found = 0;
  const exploration::Census census =
      session.check(budget,
                    [&](const exec::Finding& finding, const exploration::Census&) {
                      EXPECT_EQ(finding.kind, exec::FindingKind::kCheck);
                      exploration::Divergence divergence;
                      session.record(divergence);
                      EXPECT_FALSE(divergence.diverged) << divergence.message;
                      ++found;
                      return false;
                    },
                    {});
  EXPECT_EQ(census.with_finding, found);
  EXPECT_FALSE(census.finished);
  return found;
}

/// `first` and `second`, beside threads that give them some 10^9 executions.
template <class First, class Second>
void run_beside_many(Shared& s, First first, Second second) {
  const auto add = [&] {
    for (int i = 0; i < 6; ++i) {
      s.y.fetch_add(1, kRelaxed);
    }
  };
  run(first, second, add, add, add);
}

// A bug that an early choice leads to, behind all others in depth-first order.
TEST(Check, LooksIntoAllCorners) {
  for (const bool checks : {true, false}) {
    EXPECT_EQ(found_by_samples([=] {
                Shared s;
                run_beside_many(
                    s,
                    [&] {
                      const int x = s.x.load(kRelaxed);
                      HEDDLE_CHECK(x == 0 || !checks);
                    },
                    [&] { s.x.store(1, kRelaxed); });
              }),
              checks ? 1u : 0u);
  }
}

TEST(Check, LooksIntoOthersEachTime) {
  for (u32 wanted = 0; wanted < 32; ++wanted) {
    EXPECT_EQ(found_by_samples([=] {
                u32 chosen = 0;
                for (int i = 0; i < 5; ++i) {
                  chosen = 2 * chosen + heddle_choose(2);
                }
                Shared s;
                run_beside_many(
                    s, [&] { s.x.store(1, kRelaxed); },
                    [&] { HEDDLE_CHECK(s.x.load(kRelaxed) != 0 || chosen != wanted); });
              }),
              1u)
        << wanted;
  }
}

}  // namespace
}  // namespace heddle::testing
