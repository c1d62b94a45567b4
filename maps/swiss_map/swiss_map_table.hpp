// What swiss_map is built of: groups of eight slots under one control word, and tables of groups,
// the unit of growth and of reclamation.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace maps::swiss_map_parts {

inline constexpr std::size_t kSlots = 8;  // a group

/// Slots of a group, in order: one bit at the top of each byte.
class slot_set {
 public:
  explicit slot_set(std::uint64_t bits) noexcept : bits_(bits) {}

  bool empty() const noexcept { return bits_ == 0; }

  std::size_t size() const noexcept { return static_cast<std::size_t>(std::popcount(bits_)); }

  std::size_t first() const noexcept {
    return static_cast<std::size_t>(std::countr_zero(bits_)) / 8;
  }

  void drop_first() noexcept { bits_ &= bits_ - 1; }

 private:
  std::uint64_t bits_;
};

/// One byte a slot: empty, a tombstone, or the low seven bits of the hash of the key there.
/// All eight are compared at once, in plain integer arithmetic.
class control_word {
 public:
  /// May name slots that do not match: the caller compares keys anyway.
  slot_set matches(std::uint8_t low_hash) const noexcept {
    const std::uint64_t difference = bits_ ^ (kLow * low_hash);
    return slot_set((difference - kLow) & ~difference & kHigh);
  }

  slot_set empties() const noexcept { return slot_set(bits_ & ~(bits_ << 6) & kHigh); }

  slot_set tombstones() const noexcept { return slot_set(bits_ & (bits_ << 6) & kHigh); }

  slot_set vacancies() const noexcept { return slot_set(bits_ & kHigh); }

  slot_set entries() const noexcept { return slot_set(~bits_ & kHigh); }

  bool holds_entry(std::size_t slot) const noexcept { return (byte(slot) & kEmpty) == 0; }

  bool is_tombstone(std::size_t slot) const noexcept { return byte(slot) == kTombstone; }

  std::uint8_t byte(std::size_t slot) const noexcept {
    return static_cast<std::uint8_t>(bits_ >> (8 * slot));
  }

  void put_entry(std::size_t slot, std::uint8_t low_hash) noexcept { set_byte(slot, low_hash); }

  void put_empty(std::size_t slot) noexcept { set_byte(slot, kEmpty); }

  void put_tombstone(std::size_t slot) noexcept { set_byte(slot, kTombstone); }

 private:
  static constexpr std::uint8_t kEmpty = 0x80;
  static constexpr std::uint8_t kTombstone = 0xfe;
  static constexpr std::uint64_t kLow = 0x0101010101010101U;
  static constexpr std::uint64_t kHigh = kLow * 0x80;

  void set_byte(std::size_t slot, std::uint8_t byte) noexcept {
    bits_ = (bits_ & ~(std::uint64_t{0xff} << (8 * slot))) | std::uint64_t{byte} << (8 * slot);
  }

  std::uint64_t bits_ = kHigh;
};

/// The groups that a hash tries, one after the other: triangular steps reach each group once.
class probe_sequence {
 public:
  probe_sequence(std::uint64_t hash, std::size_t mask) noexcept
      : mask_(mask), group_((hash >> 7) & mask) {}

  std::size_t group() const noexcept { return group_; }

  bool at_last() const noexcept { return step_ == mask_; }

  void advance() noexcept { group_ = (group_ + ++step_) & mask_; }

 private:
  std::size_t mask_;
  std::size_t group_;
  std::size_t step_ = 0;
};

inline std::uint8_t low_hash(std::uint64_t hash) noexcept {
  return static_cast<std::uint8_t>(hash & 0x7f);
}

template <class Key, class T>
struct group {
  control_word control;
  Key keys[kSlots] = {};
  T values[kSlots] = {};
};

/// A slot, or nowhere.
template <class Key, class T>
struct place {
  explicit operator bool() const noexcept { return in != nullptr; }

  Key& key() const noexcept { return in->keys[slot]; }

  T& value() const noexcept { return in->values[slot]; }

  bool holds_entry() const noexcept { return in->control.holds_entry(slot); }

  bool is_tombstone() const noexcept { return in->control.is_tombstone(slot); }

  group<Key, T>* in = nullptr;
  std::size_t slot = 0;
};

/// An open-addressing table. The map pins it once for each of its directory entries; an iterator
/// pins the one it walks.
/// Invariant: a probe sequence that leads to an entry passes no group with an empty slot. So a slot
///            of a group without empty ones becomes a tombstone when it is vacated.
template <class Key, class T>
struct table {
  using place_type = place<Key, T>;

  /// `limit`: vacant slots are given out up to this number of entries and tombstones.
  table(std::size_t group_count, std::size_t limit, unsigned depth)
      : mask(group_count - 1),
        growth_left(limit),
        local_depth(depth),
        groups(std::make_unique<group<Key, T>[]>(group_count)) {}

  std::size_t capacity() const noexcept { return (mask + 1) * kSlots; }

  place_type at(std::size_t index) const noexcept {
    return {&groups[index / kSlots], index % kSlots};
  }

  template <class Equal>
  place_type find(const Key& key, std::uint64_t hash, const Equal& equal) const {
    for (probe_sequence probe(hash, mask);; probe.advance()) {
      group<Key, T>& g = groups[probe.group()];
      for (slot_set s = g.control.matches(low_hash(hash)); !s.empty(); s.drop_first()) {
        if (equal(g.keys[s.first()], key)) {
          return {&g, s.first()};
        }
      }
      if (!g.control.empties().empty() || probe.at_last()) {
        return {};
      }
    }
  }

  /// The first vacant slot for a key that is not here. Nowhere if there is none at all.
  place_type find_vacancy(std::uint64_t hash) const noexcept {
    for (probe_sequence probe(hash, mask);; probe.advance()) {
      group<Key, T>& g = groups[probe.group()];
      if (const slot_set vacant = g.control.vacancies(); !vacant.empty()) {
        return {&g, vacant.first()};
      }
      if (probe.at_last()) {
        return {};
      }
    }
  }

  bool may_fill(place_type vacant) const noexcept {
    return vacant && (growth_left > 0 || vacant.is_tombstone());
  }

  /// If a copy throws, the slot is still vacant.
  void fill(place_type vacant, const Key& key, const T& value, std::uint64_t hash) {
    vacant.value() = value;
    vacant.key() = key;
    growth_left -= vacant.is_tombstone() ? 0 : 1;
    vacant.in->control.put_entry(vacant.slot, low_hash(hash));
    ++used;
  }

  void vacate(place_type entry, bool needs_tombstone) {
    entry.key() = Key{};
    entry.value() = T{};
    if (needs_tombstone) {
      entry.in->control.put_tombstone(entry.slot);
    } else {
      entry.in->control.put_empty(entry.slot);
      ++growth_left;
    }
    --used;
  }

  /// Of a table of one group, a lookup sees all slots anyway.
  bool needs_tombstone(place_type entry) const noexcept {
    return mask != 0 && entry.in->control.empties().empty();
  }

  void wipe() {
    for (std::size_t g = 0; g <= mask; ++g) {
      for (std::size_t slot = 0; slot < kSlots; ++slot) {
        const place_type here{&groups[g], slot};
        if (here.holds_entry()) {
          vacate(here, false);
        } else if (here.is_tombstone()) {
          here.in->control.put_empty(slot);
          ++growth_left;
        }
      }
    }
  }

  /// Turns the tombstones of all groups but `passed` into empty slots. Moves nothing.
  void empty_tombstones(const std::vector<bool>& passed) noexcept {
    for (std::size_t g = 0; g <= mask; ++g) {
      if (passed[g]) {
        continue;
      }
      control_word& control = groups[g].control;
      for (slot_set s = control.tombstones(); !s.empty(); s.drop_first()) {
        control.put_empty(s.first());
        ++growth_left;
      }
    }
  }

  std::size_t count_tombstones(const std::vector<bool>& passed) const noexcept {
    std::size_t count = 0;
    for (std::size_t g = 0; g <= mask; ++g) {
      count += passed[g] ? 0 : groups[g].control.tombstones().size();
    }
    return count;
  }

  std::size_t pins = 0;
  std::size_t mask;         // number of groups - 1
  std::size_t used = 0;     // entries
  std::size_t growth_left;  // empty slots that may still be filled
  unsigned local_depth;     // the keys here agree in so many top bits of their hashes
  bool stale = false;       // replaced: kept for iterators, who look its keys up in the map
  std::unique_ptr<group<Key, T>[]> groups;
};

}  // namespace maps::swiss_map_parts
