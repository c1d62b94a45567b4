// In-target world. Entries by key.
#pragma once

#include <cstring>

#include "base/vec.hpp"

namespace heddle {

/// Entries with a field `key`, a hash that is not 0. Open addressing; they move when it grows.
template <class Entry>
class KeyTable {
 public:
  /// Null if there is none. O(1) expected, as add().
  Entry* find(u64 key) {
    if (entries_.empty()) {
      return nullptr;
    }
    Entry& entry = entries_[slot_of(key)];
    return entry.key == key ? &entry : nullptr;
  }

  /// One that is not there yet.
  Entry& add(const Entry& entry) {
    if (size_ * 2 >= entries_.size()) {
      grow();
    }
    ++size_;
    return entries_[slot_of(entry.key)] = entry;
  }

  /// In no order that means anything.
  template <class Visit>
  void each(Visit visit) const {
    for (const Entry& entry : entries_) {
      if (entry.key != 0) {
        visit(entry);
      }
    }
  }

 private:
  u32 slot_of(u64 key) const {
    u32 slot = static_cast<u32>(key >> 1) & (entries_.size() - 1);
    while (entries_[slot].key != 0 && entries_[slot].key != key) {
      slot = (slot + 1) & (entries_.size() - 1);
    }
    return slot;
  }

  void grow() {
    OwnedVec<Entry> old;
    each([&](const Entry& entry) { old.push_back(entry); });
    entries_.resize(entries_.empty() ? 256 : entries_.size() * 2);
    std::memset(entries_.data(), 0, entries_.size() * sizeof(Entry));
    for (const Entry& entry : old) {
      entries_[slot_of(entry.key)] = entry;
    }
  }

  OwnedVec<Entry> entries_;
  u32 size_ = 0;
};

}  // namespace heddle
