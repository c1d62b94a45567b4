// In-target world, under a RuntimeScope. Which pairs (items placed, state) a search has been at.
#pragma once

#include <algorithm>
#include <vector>

#include "base/rng.hpp"
#include "base/types.hpp"

namespace heddle::oracle {

/// Holds the present set of items, too. Sets are kept without the words at either end that are all
/// ones or all zeroes: nearly everything of a long history is either placed or far off.
template <class State>
class VisitedStates {
 public:
  explicit VisitedStates(u32 items) : words_(items / 64 + 1, 0), slots_(64, 0) {}

  bool holds(u32 item) const { return (words_[item / 64] >> (item % 64) & 1) != 0; }

  void flip(u32 item) {
    words_[item / 64] ^= u64{1} << (item % 64);
    hash_ ^= mix64(item + 1);
  }

  /// False if the search was here, with the present set and an equal state, before.
  bool enter(const State& state) {
    const Window window = window_of_present();
    const u64 hash = hash_ ^ mix64(state.hash());
    u64 slot = hash;
    for (;; ++slot) {
      const u32 entry = slots_[slot & (slots_.size() - 1)];
      if (entry == 0) {
        break;
      }
      ++compared_;
      if (entries_[entry - 1].hash == hash && is_present(entries_[entry - 1], window) &&
          entries_[entry - 1].state == state) {
        return false;
      }
    }
    entries_.push_back(Entry{hash, window.first, static_cast<u32>(kept_.size()),
                             window.last - window.first, state});
    kept_.insert(kept_.end(), words_.begin() + window.first, words_.begin() + window.last);
    slots_[slot & (slots_.size() - 1)] = static_cast<u32>(entries_.size());
    if (entries_.size() * 2 > slots_.size()) {
      grow();
    }
    return true;
  }

  /// How many states were looked at: many, where states have poor hashes.
  u64 compared() const { return compared_; }

 private:
  struct Window {
    u32 first;
    u32 last;  // exclusive
  };

  struct Entry {
    u64 hash;   // of set and state
    u32 first;  // of its words
    u32 kept;   // where they are
    u32 count;
    State state;
  };

  Window window_of_present() const {
    u32 first = 0;
    auto last = static_cast<u32>(words_.size());
    while (last > 0 && words_[last - 1] == 0) {
      --last;
    }
    while (first < last && words_[first] == ~u64{0}) {
      ++first;
    }
    return Window{first, last};
  }

  bool is_present(const Entry& entry, const Window& window) const {
    return entry.first == window.first && entry.count == window.last - window.first &&
           std::equal(kept_.begin() + entry.kept, kept_.begin() + entry.kept + entry.count,
                      words_.begin() + window.first);
  }

  void grow() {
    slots_.assign(slots_.size() * 2, 0);
    for (u32 i = 0; i < entries_.size(); ++i) {
      u64 slot = entries_[i].hash;
      while (slots_[slot & (slots_.size() - 1)] != 0) {
        ++slot;
      }
      slots_[slot & (slots_.size() - 1)] = i + 1;
    }
  }

  std::vector<u64> words_;
  u64 hash_ = 0;  // of the set
  u64 compared_ = 0;
  std::vector<Entry> entries_;
  std::vector<u64> kept_;
  std::vector<u32> slots_;  // entry + 1; 0: free. Open addressing, a power of two
};

}  // namespace heddle::oracle
