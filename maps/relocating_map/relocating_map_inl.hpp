// Part of relocating_map: operations on cells, relocation, iterators, the check of the structure.
#pragma once

#include <string>
#include <thread>

#include "../common/probe.hpp"
#include "relocating_map.hpp"

#define MAPS_RELOCATING_MAP \
  template <class Key, class T, class Hash, class Reclaimer, relocating_map_bug Bug>

namespace maps {

/// Sets the value of `key` to what `decide` makes of the one that is there, and returns that.
MAPS_RELOCATING_MAP
template <class Decide>
auto relocating_map<Key, T, Hash, Reclaimer, Bug>::change(table& first, Key key, Decide decide)
    -> word {
  const bool inserts = decide(kNever) != kNever;
  for (table* t = &first;; t = &next_of(*t)) {
    help(*t);
    cell* const c = inserts ? claim(*t, key_word(key)) : locate(*t, key_word(key));
    if (c == nullptr) {
      continue;  // it is full
    }
    word now = c->value.load(std::memory_order_acquire);
    if (Bug != bug::trusts_vacant_cell && c->key.load(std::memory_order_acquire) != key_word(key) &&
        (now & kFrozen) == 0) {
      return kNever;  // it was vacant, and may be another key's by now
    }
    while ((now & kFrozen) == 0) {
      const word then = decide(now);
      if (then == now) {
        return now;
      }
      if (c->value.compare_exchange_weak(now, then, std::memory_order_acq_rel,
                                         std::memory_order_acquire)) {
        count_change(now, then);
        return now;
      }
    }
    if (Bug == bug::reads_frozen_values && !inserts && decide(now & ~kFrozen) == (now & ~kFrozen)) {
      return now & ~kFrozen;
    }
    if constexpr (Bug == bug::waits_for_copies) {
      while (t->copied.load(std::memory_order_acquire) < t->size) {
        help(*t);
        std::this_thread::yield();
      }
    }
    copy(*t, *c);
  }
}

/// The cell of `key`, or the vacant one where it would be; null if there is neither.
MAPS_RELOCATING_MAP
auto relocating_map<Key, T, Hash, Reclaimer, Bug>::locate(const table& t, word key) const noexcept
    -> cell* {
  const std::uint64_t hash = hash_(key_of(key));
  for (std::size_t i = 0; i < t.size; ++i) {
    cell& c = t.cells[(hash + i) & (t.size - 1)];
    const word there = c.key.load(std::memory_order_acquire);
    if (there == key || there == kVacant) {
      return &c;
    }
  }
  return nullptr;
}

/// The cell of `key`, from now on if need be; null if the table is full.
MAPS_RELOCATING_MAP
auto relocating_map<Key, T, Hash, Reclaimer, Bug>::claim(table& t, word key) -> cell* {
  for (;;) {
    cell* const c = locate(t, key);
    word there = kVacant;
    if (c == nullptr || c->key.load(std::memory_order_acquire) == key) {
      return c;
    }
    if constexpr (Bug == bug::reuses_erased_cell) {
      cell& first = t.cells[hash_(key_of(key)) & (t.size - 1)];
      word erased = first.key.load(std::memory_order_acquire);
      if (first.value.load(std::memory_order_acquire) == kErased &&
          first.key.compare_exchange_strong(erased, key, std::memory_order_acq_rel)) {
        return &first;
      }
    }
    if (c->key.compare_exchange_strong(there, key, std::memory_order_acq_rel)) {
      if (t.used.fetch_add(1, std::memory_order_relaxed) + 1 > t.size - t.size / 4) {
        next_of(t);
      }
      return c;
    }
  }
}

/// The table after `t`. A new one is twice as large, unless many cells of `t` are of erased keys.
MAPS_RELOCATING_MAP
auto relocating_map<Key, T, Hash, Reclaimer, Bug>::next_of(table& t) -> table& {
  constexpr auto kPublish =
      Bug == bug::publishes_table_relaxed ? std::memory_order_relaxed : std::memory_order_acq_rel;
  table* next = t.next.load(std::memory_order_acquire);
  if (next == nullptr) {
    MAPS_PROBE("relocating_map.migrate.begin");
    auto fresh = std::make_unique<table>(size() * 2 < t.size ? t.size : t.size * 2);
    if (t.next.compare_exchange_strong(next, fresh.get(), kPublish, std::memory_order_acquire)) {
      next = fresh.release();
    }
  }
  return *next;
}

/// Copies some cells of a table that has a next one.
MAPS_RELOCATING_MAP
void relocating_map<Key, T, Hash, Reclaimer, Bug>::help(table& t) {
  if (t.next.load(std::memory_order_acquire) == nullptr ||
      t.unclaimed.load(std::memory_order_relaxed) >= t.size) {
    return;
  }
  const std::size_t begin = t.unclaimed.fetch_add(options_.stride, std::memory_order_relaxed);
  const std::size_t end = std::min(begin + options_.stride, t.size);
  if (begin >= end) {
    return;
  }
  MAPS_PROBE("relocating_map.migrate.help");
  if constexpr (Bug == bug::leaves_before_copies_end) {
    t.copied.fetch_add(end - begin, std::memory_order_acq_rel);
    leave_copied_tables();
  }
  for (std::size_t i = begin; i < end; ++i) {
    copy(t, t.cells[i]);
  }
  if constexpr (Bug != bug::leaves_before_copies_end) {
    t.copied.fetch_add(end - begin, std::memory_order_acq_rel);
    leave_copied_tables();
  }
}

/// Freezes a cell and sees to it that the next table has its value, as often as anybody likes.
MAPS_RELOCATING_MAP
void relocating_map<Key, T, Hash, Reclaimer, Bug>::copy(table& t, cell& c) {
  if constexpr (Bug == bug::copies_before_freezing) {
    const word early = c.value.load(std::memory_order_acquire) & ~kFrozen;
    if (is_value(early)) {
      put_first(next_of(t), c.key.load(std::memory_order_acquire), early);
    }
    c.value.fetch_or(kFrozen, std::memory_order_acq_rel);
    return;
  }
  if (Bug == bug::freezes_only_entries && !is_value(c.value.load(std::memory_order_acquire))) {
    return;
  }
  MAPS_PROBE("relocating_map.migrate.freeze");
  const word value = c.value.fetch_or(kFrozen, std::memory_order_acq_rel) & ~kFrozen;
  if (is_value(value)) {
    MAPS_PROBE("relocating_map.migrate.copy");
    put_first(next_of(t), c.key.load(std::memory_order_acquire), value);
  }
}

/// Puts a value from the table before, unless the key has had one since.
MAPS_RELOCATING_MAP
void relocating_map<Key, T, Hash, Reclaimer, Bug>::put_first(table& first, word key, word value) {
  for (table* t = &first;; t = &next_of(*t)) {
    cell* const c = claim(*t, key);
    if (c == nullptr) {
      continue;
    }
    if constexpr (Bug == bug::copies_over_what_is_there) {
      c->value.store(value, std::memory_order_release);
      return;
    }
    word there = Bug == bug::copies_over_erased && c->value.load() == kErased ? kErased : kNever;
    if (c->value.compare_exchange_strong(there, value, std::memory_order_acq_rel,
                                         std::memory_order_acquire) ||
        there != (kNever | kFrozen)) {
      return;
    }
  }
}

/// Makes the next table the first one, as long as all cells of the first one are copied.
MAPS_RELOCATING_MAP
void relocating_map<Key, T, Hash, Reclaimer, Bug>::leave_copied_tables() {
  for (;;) {
    const table_guard first = enter();
    typename table_link::marked_ptr expected = first.get();
    if (first->copied.load(std::memory_order_acquire) < first->size) {
      return;
    }
    MAPS_PROBE("relocating_map.migrate.end");
    if (table_.compare_exchange_strong(expected, first->next.load(std::memory_order_acquire),
                                       std::memory_order_acq_rel, std::memory_order_relaxed)) {
      if constexpr (Bug == bug::frees_table_at_once) {
        delete first.get();
      } else {
        table_guard(first).reclaim();
      }
    }
  }
}

/// An iteration over all entries, in the order of the cells.
/// Yields each key at most once; one that is there all the time exactly once; one that comes or
/// goes on the way once or not at all. The value is one that the key had during the call of next()
/// that yields it. Holds up nobody, but while it is open nothing that is retired gets reclaimed.
MAPS_RELOCATING_MAP
class relocating_map<Key, T, Hash, Reclaimer, Bug>::iterator {
 public:
  /// Goes on to the next entry; false at the end.
  bool next() {
    const entered alone(this, "an iterator of relocating_map");
    MAPS_PROBE("relocating_map.next");
    while (index_ < table_->size) {
      const cell& c = table_->cells[index_++];
      word now = c.value.load(std::memory_order_acquire);
      if (now == kNever || now == kErased) {
        continue;
      }
      MAPS_PROBE("relocating_map.next.entry");
      const word key = c.key.load(std::memory_order_relaxed);  // there before its value
      if ((now & kFrozen) != 0) {
        now = key != kVacant ? latest(key) : kNever;
      }
      if (is_value(now)) {
        key_ = key_of(key);
        value_ = *value_of(now);
        return true;
      }
    }
    return false;
  }

  /// What next() went to.
  Key key() const { return key_; }

  T mapped() const { return value_; }

 private:
  friend relocating_map;

  /// Begins in the last table: when all before it are copied, it has each key that is there.
  explicit iterator(relocating_map& map) : map_(&map), guard_(map.enter()), table_(guard_.get()) {
    if constexpr (Bug == bug::iterates_from_old_table) {
      return;
    }
    while (table* const next = table_->next.load(std::memory_order_acquire)) {
      for (std::size_t i = 0; i < table_->size; ++i) {
        map.copy(*table_, table_->cells[i]);
      }
      table_ = next;
    }
  }

  word latest(word key) {
    return map_->change(*table_, key_of(key), [](word value) { return value; });
  }

  relocating_map* map_;
  table_guard guard_;
  table* table_;
  std::size_t index_ = 0;
  Key key_{};
  T value_{};
};

MAPS_RELOCATING_MAP
std::string relocating_map<Key, T, Hash, Reclaimer, Bug>::validate(bool at_rest) const {
  std::ptrdiff_t entries = 0;
  const table* t = table_.load(std::memory_order_acquire).get();
  for (; t != nullptr; t = t->next.load(std::memory_order_acquire)) {
    for (std::size_t i = 0; i < t->size; ++i) {
      const cell& c = t->cells[i];
      const word key = c.key.load(std::memory_order_acquire);
      const word value = c.value.load(std::memory_order_acquire);
      if (key != kVacant && locate(*t, key) != &c) {
        return "a key is in two cells of a table";
      }
      if ((value & kFrozen) != 0 && t->next.load(std::memory_order_acquire) == nullptr) {
        return "a cell of the last table is frozen";
      }
      if ((value & kFrozen) == 0 && is_value(value)) {
        ++entries;
      }
    }
  }
  if (at_rest && entries != count_.load(std::memory_order_relaxed)) {
    return "there are " + std::to_string(entries) + " entries, size() says " +
           std::to_string(count_.load(std::memory_order_relaxed));
  }
  return "";
}

}  // namespace maps

#undef MAPS_RELOCATING_MAP
