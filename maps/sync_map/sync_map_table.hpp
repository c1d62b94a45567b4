// Part of sync_map: the tables that lead from keys to entries, and the filter.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace maps::sync_map_parts {

/// A key with its hash, which both tables and the filter ask for.
template <class Key>
struct hashed_key {
  template <class Hash>
  hashed_key(const Key& wanted, const Hash& hash)
      : key(wanted), spread(std::uint64_t{hash(wanted)} * 0x9e3779b97f4a7c15U) {}

  const Key& key;
  std::uint64_t spread;  // in its upper bits, for the lower ones of many a std::hash are not
};

/// A set of keys that may say of others, too, that it has them. None is ever taken out.
/// Threads: any number ask while one adds.
class key_filter {
 public:
  /// With that many keys, it has one in eight of the others, too, or fewer.
  explicit key_filter(std::size_t keys) : words_(std::bit_ceil(keys / kKeysPerWord + 1)) {}

  bool may_have(std::uint64_t spread) const noexcept {
    const std::uint64_t mixed = mix(spread);
    return (words_[position(mixed)].load(std::memory_order_relaxed) & bit(mixed)) != 0;
  }

  void add(std::uint64_t spread) noexcept {
    const std::uint64_t mixed = mix(spread);
    std::atomic<std::uint64_t>& word = words_[position(mixed)];
    word.store(word.load(std::memory_order_relaxed) | bit(mixed), std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kKeysPerWord = 8;

  // Of keys with a pattern, as 0, 1, 2 ..., one product still has a pattern in several bits at
  // once.
  static std::uint64_t mix(std::uint64_t spread) noexcept {
    return (spread ^ (spread >> 29)) * 0xbf58476d1ce4e5b9U;
  }

  std::size_t position(std::uint64_t mixed) const noexcept {
    return (mixed >> 32) & (words_.size() - 1);
  }

  static std::uint64_t bit(std::uint64_t mixed) noexcept {
    return std::uint64_t{1} << (mixed >> 58);
  }

  std::vector<std::atomic<std::uint64_t>> words_;  // a power of two
};

/// Keys and what they lead to, in open addressing: one array, since a lookup of a key that is in
/// neither part of the map goes through two tables. A key that is erased keeps its slot until the
/// table grows. Does not own the entries.
/// Errors: insert throws without effect.
template <class Key, class Hash, class KeyEqual, class Entry>
class entry_table {
 public:
  using wanted_key = hashed_key<Key>;

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

  /// Null if the key is not there.
  Entry* find(const wanted_key& wanted) const { return slots_[position(wanted)].entry; }

  /// The key is not there.
  void insert(const wanted_key& wanted, Entry* entry) {
    std::size_t at = position(wanted);
    if (!slots_[at].key.has_value()) {
      if (3 * (used_ + 1) > 2 * slots_.size()) {
        grow();
        at = position(wanted);
      }
      slots_[at].key.emplace(wanted.key);
      ++used_;
    }
    slots_[at].entry = entry;
    ++size_;
  }

  /// Adds those entries of `from`, of which this table has none, that `keeps` says. Where they fit
  /// into the same places, no key is looked for.
  template <class Keeps>
  void copy(const entry_table& from, Keeps keeps) {
    // Keys without an entry keep their places, too: so not too many of them.
    const bool in_place =
        slots_.size() == from.slots_.size() && 5 * from.used_ <= 3 * slots_.size();
    for (std::size_t at = 0; at < from.slots_.size(); ++at) {
      const slot& each = from.slots_[at];
      Entry* const kept = each.entry != nullptr && keeps(each.entry) ? each.entry : nullptr;
      if (!in_place) {
        if (kept != nullptr) {
          insert({*each.key, Hash{}}, kept);
        }
      } else if (each.key.has_value()) {
        slots_[at].key.emplace(*each.key);
        slots_[at].entry = kept;
        used_ += 1;
        size_ += kept != nullptr ? 1 : 0;
      }
    }
  }

  /// The key is there.
  void erase(const wanted_key& wanted) {
    slots_[position(wanted)].entry = nullptr;
    --size_;
  }

 private:
  // Where the key is, or would be. There is always an empty slot.
  std::size_t position(const wanted_key& wanted) const {
    std::size_t at = (wanted.spread >> 32) & (slots_.size() - 1);
    while (slots_[at].key.has_value() && !KeyEqual{}(*slots_[at].key, wanted.key)) {
      at = (at + 1) & (slots_.size() - 1);
    }
    return at;
  }

  void grow() {
    entry_table larger(2 * (size_ + 1));
    for (const slot& each : slots_) {
      if (each.entry != nullptr) {
        larger.insert({*each.key, Hash{}}, each.entry);
      }
    }
    *this = std::move(larger);
  }

  std::vector<slot> slots_;  // a power of two
  std::size_t used_ = 0;     // slots with a key
  std::size_t size_ = 0;     // slots with an entry
};

}  // namespace maps::sync_map_parts
