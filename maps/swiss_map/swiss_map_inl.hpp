// The rest of swiss_map.hpp: the iterator, validate() and to_text().
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../common/probe.hpp"
#include "../common/structure_text.hpp"
#include "swiss_map.hpp"

namespace maps {

/// One range over the map, which may change in every way meanwhile. Each entry present from
/// begin_range to the end is yielded exactly once, with the value it has then; an entry removed
/// before its turn never; an entry inserted on the way at most once.
/// Do not call next() after the map is gone; to close is allowed.
/// Invariant: within one table no entry changes its slot, and of all tables that ever stood for a
///            directory entry, one is walked. So no entry comes twice.
template <class Key, class T, class Hash, class KeyEqual, class Random, swiss_map_bug Bug>
class swiss_map<Key, T, Hash, KeyEqual, Random, Bug>::iterator {
 public:
  iterator(iterator&&) noexcept = default;
  iterator& operator=(iterator&&) noexcept = default;

  ~iterator() { close(); }

  /// Takes the next entry; false at the end and ever after.
  bool next() {
    const entered alone(this, "an iterator of swiss_map");
    MAPS_PROBE("swiss_map.next");
    if (!open_) {
      return false;
    }
    map_->detector_.check("swiss_map: an iteration met a write in progress");
    follow_directory();
    for (;;) {
      if (!table_ && !choose_table()) {
        open_ = false;
        return false;
      }
      while (visited_ < table_->capacity()) {
        if (take(table_->at((visited_++ + offset_) & (table_->capacity() - 1)))) {
          return true;
        }
      }
      leave_table();
    }
  }

  /// Copies taken by the last next() that returned true.
  const Key& key() const noexcept { return key_; }

  const T& mapped() const noexcept { return mapped_; }

  /// Ends the iteration early. Idempotent, and what the destructor does.
  void close() noexcept {
    if constexpr (Bug == swiss_map_bug::unpins_only_at_end) {
      table_.forget();
    }
    table_.reset();
    open_ = false;
  }

 private:
  friend swiss_map;

  explicit iterator(swiss_map& map)
      : map_(&map), era_(map.era_), depth_(map.depth_), open_(map.count_ != 0) {
    if (!open_) {
      return;
    }
    const std::size_t random = map.random_();
    offset_ = random >> 16;
    // A run begins at a multiple of its length, and splits only make runs shorter: so from here on
    // each step leads to where a run begins.
    const std::size_t drawn = random & (map.directory_.size() - 1);
    start_ = drawn & ~(map.run_length(*map.directory_[drawn]) - 1);
  }

  // When the directory doubles, each of its entries becomes two.
  void follow_directory() noexcept {
    if constexpr (Bug != swiss_map_bug::ignores_directory_growth) {
      start_ <<= map_->depth_ - depth_;
      passed_ <<= map_->depth_ - depth_;
      depth_ = map_->depth_;
    }
  }

  bool choose_table() noexcept {
    const auto& directory = map_->directory_;
    if (passed_ >= directory.size()) {
      return false;
    }
    MAPS_PROBE("swiss_map.next.table");
    table_ = directory[(start_ + passed_) & (directory.size() - 1)].share();
    return true;
  }

  // The table may have been split since it was chosen: it stands for all that came of it.
  void leave_table() noexcept {
    if constexpr (Bug == swiss_map_bug::walks_table_per_directory_entry) {
      ++passed_;
    } else {
      passed_ += map_->run_length(*table_);
    }
    table_.reset();
    visited_ = 0;
  }

  // Yields the entry in a slot, if there is one for us.
  bool take(place here) {
    if (!here.holds_entry()) {
      return false;
    }
    if (!table_->stale || Bug == swiss_map_bug::yields_stale_copies) {
      return copy_out(here);
    }
    if (Bug != swiss_map_bug::ignores_reseed && era_ != map_->era_) {
      return false;  // the map was empty meanwhile: this entry is gone
    }
    if (!map_->is_reflexive(here.key())) {
      return copy_out(here);  // only clear() removes it, so it is still there
    }
    MAPS_PROBE("swiss_map.next.lookup");
    const place now = map_->locate(here.key());
    return now && copy_out(now);
  }

  bool copy_out(place from) {
    key_ = from.key();
    mapped_ = from.value();
    return true;
  }

  swiss_map* map_;
  table_ptr table_;  // being walked; null: between tables
  std::uint64_t era_;
  unsigned depth_;  // of the directory, when start_ and passed_ were counted
  bool open_;
  std::size_t start_ = 0;    // the directory entry of the first table
  std::size_t passed_ = 0;   // directory entries since
  std::size_t offset_ = 0;   // of the first slot in each table
  std::size_t visited_ = 0;  // slots of table_
  Key key_{};
  T mapped_{};
};

template <class Key, class T, class Hash, class KeyEqual, class Random, swiss_map_bug Bug>
std::size_t swiss_map<Key, T, Hash, KeyEqual, Random, Bug>::table_count() const noexcept {
  std::size_t count = 0;
  for (std::size_t i = 0; i < directory_.size(); i += run_length(*directory_[i])) {
    ++count;
  }
  return count;
}

template <class Key, class T, class Hash, class KeyEqual, class Random, swiss_map_bug Bug>
std::string swiss_map<Key, T, Hash, KeyEqual, Random, Bug>::validate() const {
  if (writing()) {
    return "the writing flag is set between operations";
  }
  if (!directory_.empty() && directory_.size() != std::size_t{1} << depth_) {
    return "the directory is not as deep as it says";
  }
  std::size_t entries = 0;
  for (std::size_t i = 0; i < directory_.size(); i += run_length(*directory_[i])) {
    if (std::string error = validate_table(*directory_[i], i); !error.empty()) {
      return error;
    }
    entries += directory_[i]->used;
  }
  return entries == count_
             ? ""
             : "size " + std::to_string(count_) + ", but entries " + std::to_string(entries);
}

template <class Key, class T, class Hash, class KeyEqual, class Random, swiss_map_bug Bug>
std::string swiss_map<Key, T, Hash, KeyEqual, Random, Bug>::validate_table(
    const table& t, std::size_t first) const {
  if (t.stale || t.local_depth > depth_) {
    return "the directory names a table that was replaced";
  }
  if (first % run_length(t) != 0) {
    return "the directory entries of a table begin at the wrong place";
  }
  for (std::size_t i = first; i < first + run_length(t); ++i) {
    if (&*directory_[i] != &t) {
      return "the directory entries of a table are not all its own";
    }
  }
  std::size_t used = 0;
  std::size_t tombstones = 0;
  for (std::size_t g = 0; g <= t.mask; ++g) {
    const auto& control = t.groups[g].control;
    used += control.entries().size();
    tombstones += control.tombstones().size();
    if (!control.tombstones().empty() && !control.empties().empty()) {
      return "a tombstone in a group with empty slots";
    }
  }
  if (used != t.used || used + tombstones + t.growth_left != limit_of(t.mask + 1)) {
    return "a table's counts are wrong";
  }
  for (std::size_t i = 0; i < t.capacity(); ++i) {
    if (std::string error = validate_entry(t, t.at(i), first); !error.empty()) {
      return error;
    }
  }
  return {};
}

template <class Key, class T, class Hash, class KeyEqual, class Random, swiss_map_bug Bug>
std::string swiss_map<Key, T, Hash, KeyEqual, Random, Bug>::validate_entry(
    const table& t, place entry, std::size_t first) const {
  if (!entry.holds_entry() || !is_reflexive(entry.key())) {
    return {};
  }
  const std::size_t index = directory_index(hash_(entry.key(), seed_));
  if (index < first || index >= first + run_length(t)) {
    return "an entry is in the wrong table";
  }
  const place found = locate(entry.key());
  return found.in == entry.in && found.slot == entry.slot
             ? ""
             : "an entry is not found where it is, or is there twice";
}

template <class Key, class T, class Hash, class KeyEqual, class Random, swiss_map_bug Bug>
std::string swiss_map<Key, T, Hash, KeyEqual, Random, Bug>::to_text() const {
  structure_text text;
  text.begin_line({"entries: ", text_of(count_), ", directory entries: ",
                   text_of(directory_.size()), writing() ? ", a write is in progress" : ""});
  for (std::size_t i = 0; i < directory_.size() && !text.full();) {
    const std::size_t first = i;
    const table& t = *directory_[first];
    while (i < directory_.size() && &*directory_[i] == &t) {
      ++i;
    }
    text.begin_line({"table of directory entry ", text_of(first)});
    text.add({i - first > 1 ? " to " + text_of(i - 1) : "", ": "});
    add_table(text, t);
  }
  return std::move(text).take();
}

template <class Key, class T, class Hash, class KeyEqual, class Random, swiss_map_bug Bug>
void swiss_map<Key, T, Hash, KeyEqual, Random, Bug>::add_table(structure_text& text,
                                                               const table& t) {
  text.add({"depth ", text_of(t.local_depth), ", entries ", text_of(t.used), ", growth left ",
            text_of(t.growth_left), t.stale ? ", replaced" : ""});
  for (std::size_t i = 0; i < t.capacity() && !text.full(); ++i) {
    const place at = t.at(i);
    if (at.slot == 0) {
      text.begin_line({"  group ", text_of(i / swiss_map_parts::kSlots), ":"});
    }
    if (at.holds_entry()) {
      text.add({" ", text_of(at.key()), ":", text_of(at.value()), "#",
                hex_of(at.in->control.byte(at.slot))});
    } else {
      text.add({at.is_tombstone() ? " -" : " ."});
    }
  }
}

}  // namespace maps
