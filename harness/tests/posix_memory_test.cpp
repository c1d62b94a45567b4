// Goal: memory that a test maps is part of its executions: new in each of them, in the same place,
// named alike, and out of bounds once it is given back.
#include <atomic>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/check_helpers.hpp"
#include "tests/explore_helpers.hpp"

namespace {

using heddle::testing::both;
using heddle::testing::check;
using heddle::testing::expect_clean;
using heddle::testing::expect_found;

constexpr size_t kPage = 4096;

void* map(size_t bytes, int protection = PROT_READ | PROT_WRITE) {
  void* memory = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  HEDDLE_CHECK(memory != MAP_FAILED);
  return memory;
}

template <class T>
T* map_array(size_t count) {
  return static_cast<T*>(map(count * sizeof(T)));
}

TEST(PosixMemory, IsNewInEachExecution) {
  for (const size_t bytes : {kPage, size_t{100} << 10, size_t{8} << 20}) {
    const char* place = nullptr;
    bool moves = false;
    expect_clean(
        [&] {
          auto* bytes_mapped = static_cast<char*>(map(bytes));
          moves = moves || (place != nullptr && place != bytes_mapped);
          place = bytes_mapped;
          HEDDLE_CHECK(reinterpret_cast<size_t>(bytes_mapped) % kPage == 0);
          HEDDLE_CHECK(bytes_mapped[0] == 0 && bytes_mapped[bytes - 1] == 0);
          bytes_mapped[0] = bytes_mapped[bytes - 1] = 1;
        },
        {.executions = 20});
    // Blocks of AddressSanitizer's move, and so do mappings that ThreadSanitizer must know.
    EXPECT_FALSE(moves && !heddle::testing::kAsan && !heddle::testing::kTsan) << bytes;
  }
}

TEST(PosixMemory, IsSharedByThreadsAsAnyOther) {
  const auto body = [](bool atomic) {
    return [=] {
      auto* counter = map_array<std::atomic<int>>(1);
      const auto count = [=] { atomic ? ++*counter : ++*reinterpret_cast<int*>(counter); };
      both(count, count);
      HEDDLE_CHECK(*counter == 2);
    };
  };
  expect_clean(body(true));
  expect_found("race", "", body(false));
  for (const char* model : {"sc", "tso", "rc11"}) {
    EXPECT_EQ(check(model, body(true)).complete, 2u) << model;
  }
}

// Who finds it by a relaxed pointer may use what the kernel has put there.
TEST(PosixMemory, IsZeroForAll) {
  expect_clean([] {
    std::atomic<std::atomic<int>*> place{nullptr};
    both([&] { place.store(map_array<std::atomic<int>>(1), std::memory_order_relaxed); },
         [&] {
           if (auto* found = place.load(std::memory_order_relaxed)) {
             HEDDLE_CHECK(found->load(std::memory_order_relaxed) == 0);
           }
         });
  });
}

TEST(PosixMemory, IsNotToBeUsedBehindItsEnd) {
  expect_found("heap", "", [] {
    int* numbers = map_array<int>(kPage / sizeof(int));
    munmap(numbers, kPage);
    numbers[1] = 1;
  });
  expect_found("race", "race-with-free", [] {
    int* numbers = map_array<int>(1);
    both([=] { ++numbers[0]; }, [=] { munmap(numbers, kPage); });
  });
  expect_found("heap", "", [] { free(map(kPage)); });
}

TEST(PosixMemory, NeedsNotBeGivenBack) {
  expect_clean([] { *map_array<int*>(1) = new int(1); });
}

TEST(PosixMemory, Moves) {
  expect_clean([] {
    char* bytes = static_cast<char*>(map(kPage));
    bytes[kPage - 1] = 7;
    HEDDLE_CHECK(mremap(bytes, kPage, 2 * kPage, 0) == MAP_FAILED && errno == ENOMEM);
    bytes = static_cast<char*>(mremap(bytes, kPage, 2 * kPage, MREMAP_MAYMOVE));
    HEDDLE_CHECK(bytes[kPage - 1] == 7 && bytes[kPage] == 0);
    HEDDLE_CHECK(mremap(bytes, 2 * kPage, kPage, 0) == bytes);
    munmap(bytes, 2 * kPage);
  });
}

TEST(PosixMemory, HasGuards) {
  expect_found("crash", "", [] {
    char* bytes = static_cast<char*>(map(2 * kPage));
    HEDDLE_CHECK(mprotect(bytes + kPage, kPage, PROT_NONE) == 0);
    std::memset(bytes, 0, kPage);
    static_cast<volatile char*>(bytes)[kPage] = 1;
  });
  expect_clean([] { std::memset(map(2 * kPage), 1, 2 * kPage); });  // there is no guard here
}

TEST(PosixMemory, MayGoInPieces) {
  for (const size_t pages : {size_t{4}, size_t{400}}) {
    const auto body = [=](size_t at) {
      return [=] {
        char* bytes = static_cast<char*>(map(pages * kPage));
        munmap(bytes, kPage);
        munmap(bytes + (pages - 1) * kPage, kPage);
        static_cast<volatile char*>(bytes)[at] = 1;
        munmap(bytes + kPage, (pages - 2) * kPage);
      };
    };
    expect_found("crash", "", body(0));
    expect_found("crash", "", body((pages - 1) * kPage));
    expect_clean(body(kPage));
    expect_clean(body((pages - 1) * kPage - 1));
  }
}

// Address space that is reserved, and used bit by bit.
TEST(PosixMemory, IsReservedAndCommitted) {
  expect_clean(
      [] {
        constexpr size_t kSpace = size_t{1} << 40;
        auto* space = static_cast<char*>(
            mmap(nullptr, kSpace, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        HEDDLE_CHECK(space != MAP_FAILED);
        HEDDLE_CHECK(mprotect(space + kPage, kPage, PROT_READ | PROT_WRITE) == 0);
        HEDDLE_CHECK(space[kPage] == 0);
        space[kPage] = 1;
        HEDDLE_CHECK(munmap(space + 4 * kPage, kPage) == 0);
        void* again = mmap(space + kPage, kPage, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        HEDDLE_CHECK(again == space + kPage && space[kPage] == 0);
      },
      {.executions = 500});  // as many spaces would not fit
}

// A ring whose end is its beginning: a file mapped twice, over memory that was mapped before.
TEST(PosixMemory, IsMappedOver) {
  expect_clean([] {
    const int file = memfd_create("ring", 0);
    HEDDLE_CHECK(ftruncate(file, kPage) == 0);
    auto* ring = static_cast<char*>(map(2 * kPage));
    for (char* at : {ring, ring + kPage}) {
      HEDDLE_CHECK(mmap(at, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) == at);
    }
    ring[3] = 1;
    HEDDLE_CHECK(ring[kPage + 3] == 1);
    close(file);
  });
}

TEST(PosixMemory, ByNumber) {
  expect_clean([] {
    const long address = syscall(SYS_mmap, nullptr, kPage, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int* numbers = reinterpret_cast<int*>(address);
    HEDDLE_CHECK(numbers[0] == 0);
    numbers[0] = 1;
    HEDDLE_CHECK(syscall(SYS_munmap, numbers, kPage) == 0);
  });
}

TEST(PosixMemory, WhatIsNoRangeStays) {
  expect_clean([] {
    void* const memory =
        mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char* const bytes = static_cast<char*>(memory);
    for (const auto& [at, size] :
         {std::pair{bytes, std::size_t{0}}, {bytes + 1, kPage}, {bytes, ~std::size_t{0} - kPage}}) {
      errno = 0;
      HEDDLE_CHECK(munmap(at, size) == -1 && errno == EINVAL);
    }
    bytes[0] = 1;
    HEDDLE_CHECK(munmap(memory, kPage) == 0);
  });
}

TEST(PosixMemory, MayRunOut) {
  heddle::ExploreOptions options;
  options.faults = "bad-alloc";
  expect_found(
      "check", "",
      [] {
        HEDDLE_CHECK(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                          0) != MAP_FAILED);
      },
      options);
}

}  // namespace
