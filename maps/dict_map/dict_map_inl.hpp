// The rest of dict_map.hpp: the iterators, validate() and to_text().
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "../common/probe.hpp"
#include "../common/structure_text.hpp"
#include "dict_map.hpp"

namespace maps {

/// A safe iteration: the map may change in every way meanwhile. Each entry present from begin_range
/// to the end is yielded exactly once, with the value it has then; an entry removed before its turn
/// never; an entry inserted on the way at most once. clear() ends the iteration.
/// While it is open, entries stay in their buckets: a resize may begin, but moves nothing.
/// The map must outlive it.
template <class Key, class T, class Hash, class KeyEqual, dict_map_bug Bug>
class dict_map<Key, T, Hash, KeyEqual, Bug>::iterator {
 public:
  iterator(iterator&&) noexcept = default;

  iterator& operator=(iterator&& other) noexcept {
    close();
    map_ = other.map_;
    position_ = std::move(other.position_);
    return *this;
  }

  ~iterator() { close(); }

  /// Takes the next entry; false at the end and ever after.
  bool next() {
    const entered alone(this, "a safe iterator of dict_map");
    MAPS_PROBE("dict_map.next");
    if (position_ == nullptr || position_->at_end) {
      return false;
    }
    while (position_->next == nullptr) {
      if (!next_bucket()) {
        position_->at_end = true;
        if constexpr (Bug == dict_map_bug::resumes_rehash_twice) {
          --map_->pauses_;
        }
        return false;
      }
    }
    const entry* const taken = std::exchange(position_->next, position_->next->next);
    position_->yielded = taken;
    key_ = taken->key;
    mapped_ = taken->value;
    return true;
  }

  /// Copies taken by the last next() that returned true.
  const Key& key() const noexcept { return *key_; }

  const T& mapped() const noexcept { return *mapped_; }

  /// Erases what was yielded last. False if that was erased before, even if its key is there again.
  bool erase() {
    return position_ != nullptr && position_->yielded != nullptr && map_->erase(*key_);
  }

  /// Lets the rehash go on. Idempotent, and what the destructor does.
  void close() noexcept {
    if (position_ != nullptr) {
      std::erase(map_->positions_, position_.get());
      position_.reset();
      --map_->pauses_;
    }
  }

 private:
  friend dict_map;

  explicit iterator(dict_map& map) : map_(&map), position_(std::make_unique<position>()) {
    map.positions_.push_back(position_.get());
    ++map.pauses_;
  }

  // The second table comes after the first, whether the resize began before us or not.
  bool next_bucket() noexcept {
    position& at = *position_;
    if (at.bucket >= map_->tables_[at.table].buckets.size()) {
      if (at.table == 1 || !map_->rehashing()) {
        return false;
      }
      MAPS_PROBE("dict_map.next.table");
      at.table = 1;
      at.bucket = 0;
    }
    MAPS_PROBE("dict_map.next.bucket");
    at.next = map_->tables_[at.table].buckets[at.bucket++];
    return true;
  }

  dict_map* map_;
  std::unique_ptr<position> position_;  // known to the map; null: closed
  std::optional<Key> key_;
  std::optional<T> mapped_;
};

/// An unsafe iteration, which costs the map nothing: yields every entry once as long as nothing but
/// next() is called, lookups included. After anything else, next() throws stale_iterator; only the
/// value under a present key may be replaced, if no resize is under way.
template <class Key, class T, class Hash, class KeyEqual, dict_map_bug Bug>
class dict_map<Key, T, Hash, KeyEqual, Bug>::unsafe_iterator {
 public:
  /// Takes the next entry; false at the end and ever after.
  bool next() {
    const entered alone(this, "an unsafe iterator of dict_map");
    MAPS_PROBE("dict_map.next");
    if (map_->fingerprint() != fingerprint_) {
      throw stale_iterator("dict_map: the map changed under an unsafe iterator");
    }
    while (next_ == nullptr) {
      if (bucket_ == map_->tables_[table_].buckets.size()) {
        if (table_ == 1) {
          return false;
        }
        table_ = 1;
        bucket_ = 0;
      } else {
        next_ = map_->tables_[table_].buckets[bucket_++];
      }
    }
    taken_ = std::exchange(next_, next_->next);
    return true;
  }

  /// Of the last next() that returned true; valid as long as the iterator is.
  const Key& key() const noexcept { return taken_->key; }

  const T& mapped() const noexcept { return taken_->value; }

 private:
  friend dict_map;

  explicit unsafe_iterator(const dict_map& map) : map_(&map), fingerprint_(map.fingerprint()) {}

  const dict_map* map_;
  std::uint64_t fingerprint_;
  std::size_t table_ = 0;
  std::size_t bucket_ = 0;       // the next one
  const entry* next_ = nullptr;  // in the bucket before
  const entry* taken_ = nullptr;
};

template <class Key, class T, class Hash, class KeyEqual, dict_map_bug Bug>
std::string dict_map<Key, T, Hash, KeyEqual, Bug>::validate() const {
  if (!rehashing() && !tables_[1].buckets.empty()) {
    return "a second table without a resize";
  }
  if (rehashing() && rehash_index_ >= tables_[0].buckets.size()) {
    return "the resize is over but the old table is still there";
  }
  if (pauses_ != static_cast<int>(positions_.size())) {
    return "the rehash is paused " + std::to_string(pauses_) + " times by " +
           std::to_string(positions_.size()) + " safe iterators";
  }
  const std::string error = validate_table(0);
  return error.empty() ? validate_table(1) : error;
}

template <class Key, class T, class Hash, class KeyEqual, dict_map_bug Bug>
std::string dict_map<Key, T, Hash, KeyEqual, Bug>::validate_table(std::size_t index) const {
  const table& t = tables_[index];
  std::size_t used = 0;
  for (std::size_t b = 0; b < t.buckets.size(); ++b) {
    if (index == 0 && rehashing() && b < rehash_index_ && t.buckets[b] != nullptr) {
      return "an entry in a bucket that was moved";
    }
    for (const entry* e = t.buckets[b]; e != nullptr; e = e->next, ++used) {
      if ((hash_(e->key) & t.mask()) != b) {
        return "an entry is in the wrong bucket";
      }
      if (occurrences(e->key) != 1) {
        return "a key is there twice";
      }
    }
  }
  return used == t.used ? ""
                        : "a table counts " + std::to_string(t.used) + " entries, but has " +
                              std::to_string(used);
}

template <class Key, class T, class Hash, class KeyEqual, dict_map_bug Bug>
std::size_t dict_map<Key, T, Hash, KeyEqual, Bug>::occurrences(const Key& key) const {
  std::size_t count = 0;
  for (const table& t : tables_) {
    if (t.buckets.empty()) {
      continue;
    }
    for (const entry* e = t.buckets[hash_(key) & t.mask()]; e != nullptr; e = e->next) {
      count += equal_(e->key, key) ? 1 : 0;
    }
  }
  return count;
}

template <class Key, class T, class Hash, class KeyEqual, dict_map_bug Bug>
std::string dict_map<Key, T, Hash, KeyEqual, Bug>::to_text() const {
  structure_text text;
  text.begin_line({"safe iterators: ", text_of(positions_.size())});
  if (pauses_ != static_cast<int>(positions_.size())) {
    text.add({", pauses: ", text_of(pauses_)});
  }
  if (rehashing()) {
    text.add({", rehashing: the next bucket to move is ", text_of(rehash_index_)});
  }
  add_table(text, "first table", tables_[0]);
  if (rehashing() || !tables_[1].buckets.empty()) {
    add_table(text, "second table", tables_[1]);
  }
  return std::move(text).take();
}

template <class Key, class T, class Hash, class KeyEqual, dict_map_bug Bug>
void dict_map<Key, T, Hash, KeyEqual, Bug>::add_table(structure_text& text, const char* name,
                                                      const table& t) {
  text.begin_line({name, ", entries: ", text_of(t.used)});
  for (std::size_t b = 0; b < t.buckets.size() && !text.full(); ++b) {
    text.begin_line({"  bucket ", text_of(b), ":"});
    for (const entry* e = t.buckets[b]; e != nullptr && !text.full(); e = e->next) {
      text.add({" ", text_of(e->key), ":", text_of(e->value)});
    }
  }
}

}  // namespace maps
