// Part of sync_map.hpp: the copy of the read part, the iterator, the check of the structure, and
// the structure as text.
#pragma once

#include "../common/probe.hpp"
#include "../common/structure_text.hpp"
#include "sync_map.hpp"

namespace maps {

// Copies the read part, without what is deleted. That is expunged, so that nobody stores to it
// before it is in the dirty part too.
template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, class Mutex,
          sync_map_bug Bug>
void sync_map<Key, T, Hash, KeyEqual, Reclaimer, Mutex, Bug>::build_dirty(record* read) {
  MAPS_PROBE("sync_map.migrate.begin");
  auto dirty = std::make_unique<record>(read != nullptr ? read->entries.size() + 1 : 1);
  if (read != nullptr) {
    read->dirty_only.emplace(read->entries.size());
    expunged_.reserve(read->entries.size());
    try {
      copy_live(*read, *dirty);
    } catch (...) {
      if constexpr (Bug != sync_map_bug::keeps_expunged_after_failed_build) {
        for_each_expunged([](entry* e) { e->unexpunge(); });
      }
      expunged_.clear();
      throw;
    }
  }
  dirty_ = dirty.release();
  dirty_rebuilds_.fetch_add(1, std::memory_order_relaxed);
}

template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, class Mutex,
          sync_map_bug Bug>
void sync_map<Key, T, Hash, KeyEqual, Reclaimer, Mutex, Bug>::copy_live(const record& from,
                                                                        record& to) {
  to.entries.copy(from.entries, [this](entry* e) {
    MAPS_PROBE("sync_map.migrate.copy");
    if constexpr (Bug == sync_map_bug::builds_dirty_without_expunging) {
      return static_cast<bool>(e->load());
    }
    if (e->expunge_if_deleted()) {
      expunged_.push_back(e);
      return false;
    }
    return true;
  });
}

/// One walk over the map. Weakly consistent: a key that is there from begin_range to the end is
/// yielded once; no key is yielded twice; a value is one that the key had at some moment since
/// begin_range. Nothing is said about two keys together.
/// Threads: one, the one that opened it. The iterator pins an epoch: while it is open, nothing that
///          the map removes is freed.
template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, class Mutex,
          sync_map_bug Bug>
class sync_map<Key, T, Hash, KeyEqual, Reclaimer, Mutex, Bug>::iterator {
 public:
  explicit iterator(sync_map& map) : pinned_(map.reclaimer_.enter()) {
    read_part read = map.load_read();
    if (is_amended(read)) {
      const std::lock_guard lock(map.mutex_);
      read = map.load_read();
      if (is_amended(read) || Bug == sync_map_bug::skips_recheck_of_amended) {
        map.promote();
        read = map.load_read();
      }
    }
    if (read.get() != nullptr) {
      next_ = read->entries.slots().data();
      end_ = next_ + read->entries.slots().size();
    }
  }

  /// Goes to the next element; false at the end. Then key() and mapped() are not to be called.
  bool next() {
    const entered alone(this, "an iterator of sync_map");
    MAPS_PROBE("sync_map.next");
    while (next_ != end_) {
      MAPS_PROBE("sync_map.next.slot");
      current_ = next_++;
      value_ = load(current_->entry);
      if (value_) {
        return true;
      }
    }
    return false;
  }

  /// The key stays valid until the iterator is destroyed, the value until next() is called.
  const Key& key() const noexcept { return *current_->key; }
  const T& mapped() const noexcept { return *value_; }

 private:
  using slot = typename decltype(record::entries)::slot;

  pin pinned_;
  const slot* next_ = nullptr;
  const slot* end_ = nullptr;
  const slot* current_ = nullptr;
  seen_value value_{};
};

template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, class Mutex,
          sync_map_bug Bug>
std::string sync_map<Key, T, Hash, KeyEqual, Reclaimer, Mutex, Bug>::validate() const {
  const read_part read = load_read();
  if (dirty_ == nullptr && (is_amended(read) || misses_ != 0)) {
    return "there is no dirty part, but the read part is amended or misses are counted";
  }
  if (read.get() != nullptr) {
    for (const auto& [key, e] : read->entries.slots()) {
      if (e == nullptr) {
        continue;
      }
      const bool shared = search(dirty_, hashed(*key)) == e;
      if (dirty_ == nullptr && e->is_expunged()) {
        return "an entry is expunged without a dirty part";
      }
      if (dirty_ != nullptr && shared == e->is_expunged()) {
        return "an entry of the read part is neither expunged nor dirty, or both";
      }
    }
  }
  if (dirty_ != nullptr) {
    for (const auto& [key, e] : dirty_->entries.slots()) {
      if (e == nullptr || search(read.get(), hashed(*key)) == e) {
        continue;
      }
      if (!may_be_dirty(read, hashed(*key))) {
        return "the dirty part has a key that the read part and its filter do not show";
      }
    }
  }
  return {};
}

template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, class Mutex,
          sync_map_bug Bug>
std::string sync_map<Key, T, Hash, KeyEqual, Reclaimer, Mutex, Bug>::to_text() const {
  const read_part read = load_read();
  structure_text text;
  text.begin_line({"misses: ", text_of(misses_)});
  add_read_part(text, read);
  add_dirty_part(text, read);
  return std::move(text).take();
}

template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, class Mutex,
          sync_map_bug Bug>
std::string sync_map<Key, T, Hash, KeyEqual, Reclaimer, Mutex, Bug>::state_text(const entry& e) {
  if (const seen_value value = e.load()) {
    return text_of(*value);
  }
  return e.is_expunged() ? "expunged" : "deleted";
}

template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, class Mutex,
          sync_map_bug Bug>
void sync_map<Key, T, Hash, KeyEqual, Reclaimer, Mutex, Bug>::add_read_part(structure_text& text,
                                                                            read_part read) const {
  text.begin_line({"read part", is_amended(read) ? ", amended:" : ":"});
  if (read.get() == nullptr) {
    return;
  }
  for (const auto& [key, e] : read->entries.slots()) {
    if (e != nullptr) {
      text.add({" ", text_of(*key), ":", state_text(*e)});
    }
  }
}

// Says which entries are the read part's, too. Of the others, lookups learn by the filter.
template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, class Mutex,
          sync_map_bug Bug>
void sync_map<Key, T, Hash, KeyEqual, Reclaimer, Mutex, Bug>::add_dirty_part(structure_text& text,
                                                                             read_part read) const {
  if (dirty_ == nullptr) {
    text.begin_line({"no dirty part"});
    return;
  }
  text.begin_line({"dirty part:"});
  for (const auto& [key, e] : dirty_->entries.slots()) {
    if (e == nullptr) {
      continue;
    }
    const bool shared = search(read.get(), hashed(*key)) == e;
    const bool shown = shared || may_be_dirty(read, hashed(*key));
    text.add({" ", text_of(*key), ":", state_text(*e), shared ? " (shared)" : "",
              shown ? "" : " (not in the filter)"});
  }
}

}  // namespace maps
