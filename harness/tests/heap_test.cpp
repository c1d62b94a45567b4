// Goal: each kind of heap misuse is found, and told from correct use. Under AddressSanitizer,
// which must agree, the findings are the same.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/explore_helpers.hpp"

namespace {

using heddle::testing::expect_clean;
using heddle::testing::expect_found;

// Opaque to the optimiser, which would see through a wrong program and drop what is wrong.
template <class T>
T* opaque(T* p) {
  asm volatile("" : "+r"(p));
  return p;
}

TEST(Heap, UseAfterFreeUnderALock) {
  expect_found("heap", "use-after-free", [] {
    std::mutex mutex;
    int* shared = new int(1);
    std::thread owner([&] {
      const std::lock_guard lock(mutex);
      delete shared;  // forgets to clear the pointer
    });
    std::thread user([&] {
      const std::lock_guard lock(mutex);
      *opaque(shared) = 2;
    });
    owner.join();
    user.join();
  });
}

TEST(Heap, FreedOnceUnderALockIsFine) {
  expect_clean([] {
    std::mutex mutex;
    std::unique_ptr<int> shared = std::make_unique<int>(1);
    std::thread owner([&] {
      const std::lock_guard lock(mutex);
      shared.reset();
    });
    std::thread user([&] {
      const std::lock_guard lock(mutex);
      if (shared) {
        *shared = 2;
      }
    });
    owner.join();
    user.join();
  });
}

TEST(Heap, DoubleFree) {
  expect_found("heap", "double-free", [] {
    char* p = static_cast<char*>(std::malloc(10));
    char* q = opaque(p);
    std::free(p);
    std::free(q);
  });
}

TEST(Heap, FreeOfTheMiddle) {
  expect_found("heap", "invalid-free",
               [] { std::free(opaque(static_cast<char*>(std::malloc(40)) + 16)); });
}

TEST(Heap, OverflowByOne) {
  expect_found("heap", "buffer-overflow", [] {
    char* p = opaque(new char[13]);
    *opaque(p + 13) = 1;
    opaque(p);
    delete[] p;
  });
}

TEST(Heap, UnderflowByOne) {
  expect_found("heap", "buffer-overflow", [] {
    char* p = opaque(new char[13]);
    opaque(p)[-1] = 1;
    delete[] p;
  });
}

TEST(Heap, MemcpyOverTheEnd) {
  expect_found("heap", "buffer-overflow", [] {
    char from[64] = {};
    char* to = opaque(static_cast<char*>(std::malloc(32)));
    std::memcpy(to, opaque(&from[0]), 40);
    opaque(to);
    std::free(to);
  });
}

TEST(Heap, AtomicAccessToFreedMemory) {
  expect_found("heap", "use-after-free", [] {
    auto* p = opaque(new std::atomic<int>(0));
    delete p;
    opaque(p)->store(1);
  });
}

TEST(Heap, LockInFreedMemory) {
  expect_found("heap", "use-after-free", [] {
    auto* p = opaque(new std::mutex);
    delete p;
    opaque(p)->lock();
  });
}

TEST(Heap, StackOfAThreadThatHasEnded) {
  const auto body = [](bool waits) {
    return [=] {
      std::atomic<std::atomic<int>*> atomic{nullptr};
      std::atomic<int*> plain{nullptr};
      std::atomic<int> used{0};
      heddle::testing::both(
          [&] {
            int number = 1;
            std::atomic<int> counter{1};
            plain = opaque(&number);
            atomic = opaque(&counter);
            while (waits && used != 1) {
            }
          },
          [&] {
            if (int* number = plain) {
              *number = 2;
            }
            if (std::atomic<int>* counter = atomic) {
              ++*counter;
            }
            used = 1;
          });
    };
  };
  expect_found("heap", "stack-use-after-return", body(false));
  expect_clean(body(true));
}

TEST(Heap, FreedInAnotherWay) {
  expect_found("heap", "mismatched-free", [] { std::free(opaque(new int(1))); });
  expect_found("heap", "mismatched-free", [] { delete opaque(new int[3]); });
}

// libstdc++ counts without atomics while it believes in one thread.
TEST(Heap, SharedPointersCountAtomically) {
  expect_clean([] {
    auto shared = std::make_shared<int>(1);
    const auto copy = [&shared] {
      for (int i = 0; i < 3; ++i) {
        const std::shared_ptr<int> mine = shared;
        HEDDLE_CHECK(*mine == 1);
      }
    };
    std::thread a(copy);
    std::thread b(copy);
    a.join();
    b.join();
    HEDDLE_CHECK(shared.use_count() == 1);
  });
}

TEST(Heap, LeakIsFound) {
  expect_found("heap", "leak", [] { opaque(new int[10])[0] = 1; });
}

int* reachable = nullptr;

TEST(Heap, ReachableFromAGlobalIsNoLeak) {
  expect_clean([] { reachable = opaque(new int(1)); });
  EXPECT_EQ(reachable, nullptr) << "globals are rolled back";
}

TEST(Heap, AllFormsOfAllocation) {
  expect_clean([] {
    void* aligned = nullptr;
    HEDDLE_CHECK(posix_memalign(&aligned, 256, 100) == 0);
    HEDDLE_CHECK(reinterpret_cast<std::uintptr_t>(aligned) % 256 == 0);
    std::free(aligned);
    auto* zeroes = opaque(static_cast<int*>(std::calloc(10, sizeof(int))));
    for (int i = 0; i < 10; ++i) {
      HEDDLE_CHECK(zeroes[i] == 0);
    }
    zeroes[9] = 7;
    zeroes = static_cast<int*>(std::realloc(zeroes, 1000));
    HEDDLE_CHECK(zeroes[9] == 7);
    std::free(zeroes);
    std::free(nullptr);
    struct alignas(64) Wide {
      char bytes[64];
    };
    auto wide = std::make_unique<Wide>();
    HEDDLE_CHECK(reinterpret_cast<std::uintptr_t>(wide.get()) % 64 == 0);
    auto shared =
        std::make_shared<std::vector<std::string>>(3, "a string that does not fit inline, long");
    std::thread user([shared] { HEDDLE_CHECK(shared->size() == 3); });
    user.join();
    delete opaque(new (std::nothrow) int(1));
  });
}

TEST(Heap, ReportSaysWhoAllocatedAndWhoFreed) {
  const heddle::ExploreResult result = heddle::explore([] {
    int* p = opaque(new int(1));
    std::thread other([p] { delete p; });
    other.join();
    *opaque(p) = 2;
  });
  ASSERT_TRUE(result.found);
  EXPECT_NE(result.report.find("freed by T1"), std::string::npos) << result.report;
  EXPECT_NE(result.report.find("allocated by T0"), std::string::npos) << result.report;
  EXPECT_NE(result.report.find("heap_test.cpp:"), std::string::npos) << result.report;
}

}  // namespace
