// Part of sync_map: the tables that lead from keys to entries.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace maps::sync_map_parts {

/// Keys and what they lead to, in open addressing: one array, since a lookup of a key that is in
/// neither part of the map goes through two tables. A key that is erased keeps its slot until the
/// table grows. Does not own the entries.
/// Errors: insert throws without effect.
template <class Key, class Hash, class KeyEqual, class Entry>
class entry_table {
 public:
  /// The key is in its place, the entry is null if the key is not in the table.
  struct slot {
    std::optional<Key> key;
    Entry* entry = nullptr;
  };

  /// Has room for that many keys, before it has to grow.
  explicit entry_table(std::size_t keys) : slots_(std::bit_ceil(keys + keys / 2 + 2)) {}

  std::size_t size() const noexcept { return size_; }

  /// All slots, empty ones too.
  const std::vector<slot>& slots() const noexcept { return slots_; }

  /// Null if `key` is not there.
  Entry* find(const Key& key) const { return slots_[position(key)].entry; }

  /// `key` is not there.
  void insert(const Key& key, Entry* entry) {
    std::size_t at = position(key);
    if (!slots_[at].key.has_value()) {
      if (3 * (used_ + 1) > 2 * slots_.size()) {
        grow();
        at = position(key);
      }
      slots_[at].key.emplace(key);
      ++used_;
    }
    slots_[at].entry = entry;
    ++size_;
  }

  /// `key` is there.
  void erase(const Key& key) {
    slots_[position(key)].entry = nullptr;
    --size_;
  }

 private:
  // Where the key is, or would be. There is always an empty slot.
  std::size_t position(const Key& key) const {
    // By the upper bits, for the lower ones of many a std::hash are not spread.
    const std::uint64_t spread = std::uint64_t{Hash{}(key)} * 0x9e3779b97f4a7c15U;
    std::size_t at = (spread >> 32) & (slots_.size() - 1);
    while (slots_[at].key.has_value() && !KeyEqual{}(*slots_[at].key, key)) {
      at = (at + 1) & (slots_.size() - 1);
    }
    return at;
  }

  void grow() {
    entry_table larger(2 * (size_ + 1));
    for (const slot& each : slots_) {
      if (each.entry != nullptr) {
        larger.insert(*each.key, each.entry);
      }
    }
    *this = std::move(larger);
  }

  std::vector<slot> slots_;  // a power of two
  std::size_t used_ = 0;     // slots with a key
  std::size_t size_ = 0;     // slots with an entry
};

}  // namespace maps::sync_map_parts
