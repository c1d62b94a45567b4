// In-target world. A set of logical threads with fast selection.
#pragma once

#include "base/types.hpp"

namespace heddle::exec {

class ThreadSet {
 public:
  void clear() {
    for (u32 i = 0; i < words_used_; ++i) {
      words_[i] = 0;
    }
    words_used_ = 0;
    count_ = 0;
  }

  bool contains(ThreadId id) const {
    return (words_[to_index(id) / 64] >> (to_index(id) % 64) & 1) != 0;
  }

  void insert(ThreadId id) {
    const u32 word = to_index(id) / 64;
    const u64 bit = u64{1} << (to_index(id) % 64);
    words_used_ = word >= words_used_ ? word + 1 : words_used_;
    count_ += (words_[word] & bit) == 0;
    words_[word] |= bit;
  }

  void erase(ThreadId id) {
    const u64 bit = u64{1} << (to_index(id) % 64);
    u64& word = words_[to_index(id) / 64];
    count_ -= (word & bit) != 0;
    word &= ~bit;
  }

  /// All of `others` but those in `except`.
  void insert(const ThreadSet& others, const ThreadSet& except) {
    words_used_ = others.words_used_ > words_used_ ? others.words_used_ : words_used_;
    for (u32 i = 0; i < others.words_used_; ++i) {
      const u64 added = others.words_[i] & ~except.words_[i] & ~words_[i];
      count_ += static_cast<u32>(__builtin_popcountll(added));
      words_[i] |= added;
    }
  }

  void erase(const ThreadSet& others) {
    for (u32 i = 0; i < others.words_used_; ++i) {
      const u64 erased = words_[i] & others.words_[i];
      count_ -= static_cast<u32>(__builtin_popcountll(erased));
      words_[i] &= ~erased;
    }
  }

  u32 count() const { return count_; }
  bool empty() const { return count_ == 0; }

  /// The n-th smallest member, n < count(). O(words + n within a word).
  ThreadId nth(u32 n) const {
    for (u32 i = 0;; ++i) {
      u64 word = words_[i];
      const u32 here = static_cast<u32>(__builtin_popcountll(word));
      if (n < here) {
        // The first few without branches: n is a random number, which no processor predicts.
        for (u32 skip = 0; skip < 3; ++skip) {
          word = __builtin_unpredictable(skip < n) ? word & (word - 1) : word;
        }
        for (u32 skip = 3; skip < n; ++skip) {
          word &= word - 1;
        }
        return to_thread_id(i * 64 + static_cast<u32>(__builtin_ctzll(word)));
      }
      n -= here;
    }
  }

  ThreadId first() const {
    u32 i = 0;
    while (words_[i] == 0) {
      ++i;
    }
    return to_thread_id(i * 64 + static_cast<u32>(__builtin_ctzll(words_[i])));
  }

  template <class Visit>
  void each(Visit visit) const {
    for (u32 i = 0; i < words_used_; ++i) {
      for (u64 word = words_[i]; word != 0; word &= word - 1) {
        visit(to_thread_id(i * 64 + static_cast<u32>(__builtin_ctzll(word))));
      }
    }
  }

 private:
  u64 words_[kThreadCountMax / 64] = {};
  u32 words_used_ = 0;
  u32 count_ = 0;
};

}  // namespace heddle::exec
