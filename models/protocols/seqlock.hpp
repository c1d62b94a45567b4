// A sequence lock: readers take no lock; a number that is odd, or that has changed, tells them that
// what they read is not of one piece.
// Source: Boehm, Can seqlocks get along with programming language memory models?, 2012.
#pragma once

#include <atomic>
#include <type_traits>

#include "protocol.hpp"

namespace protocols {

enum class seqlock_form {
  correct,
  plain_data,            // what the lock guards is not atomic
  ignores_odd_number,    // the reader only looks whether the number has changed
  reader_without_fence,  // the second look at the number can come before the data is read
  writer_without_fence,  // the data can be written before the number is odd
  relaxed_end,           // the number can be even again before the data is written
};

template <seqlock_form Form>
class seqlock : public protocol {
  using form = seqlock_form;

  /// A word of the data.
  struct shared {
    int load() const { return value.load(std::memory_order_relaxed); }
    void store(int v) { value.store(v, std::memory_order_relaxed); }

    std::atomic<int> value = 0;
  };

  struct unshared {
    int load() const { return value; }
    void store(int v) { value = v; }

    plain<int> value = 0;
  };

 public:
  void thread(unsigned index) { index == 0 ? write() : read(); }

 private:
  void write() {
    const unsigned number = number_.load(std::memory_order_relaxed);
    number_.store(number + 1, std::memory_order_relaxed);
    if constexpr (Form != form::writer_without_fence) {
      std::atomic_thread_fence(std::memory_order_release);
    }
    first_.store(1);
    second_.store(1);
    number_.store(number + 2, Form == form::relaxed_end ? std::memory_order_relaxed
                                                        : std::memory_order_release);
  }

  void read() {
    const unsigned number = number_.load(std::memory_order_acquire);
    if (number % 2 != 0 && Form != form::ignores_odd_number) {
      return;
    }
    const int first = first_.load();
    const int second = second_.load();
    if constexpr (Form != form::reader_without_fence) {
      std::atomic_thread_fence(std::memory_order_acquire);
    }
    const bool unchanged = number_.load(std::memory_order_relaxed) == number;
    PROTOCOL_CHECK(first == second || !unchanged);
  }

  using word = std::conditional_t<Form == form::plain_data, unshared, shared>;

  std::atomic<unsigned> number_ = 0;
  word first_;
  word second_;
};

}  // namespace protocols
