// Part of hash_trie_map.hpp: removal and comparison, the iterator, the check of the structure.
#pragma once

#include "../common/probe.hpp"
#include "hash_trie_map.hpp"

namespace maps {

template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, hash_trie_map_bug Bug>
bool hash_trie_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::compare_exchange(const Key& key,
                                                                             const T& expected,
                                                                             const T& desired) {
  const pin pinned = reclaimer_.enter();
  const std::uint64_t hash = hash_(key);
  const place seen = descend(hash);
  if (search(seen, hash, key) == nullptr) {
    return false;
  }
  auto fresh = std::make_unique<entry>(hash, key, desired);
  if constexpr (Bug == hash_trie_map_bug::exchanges_without_lock) {
    if (exchange_without_lock(expected, fresh)) {
      return true;
    }
  }
  const locked_place at = lock_place(seen, hash);
  link* const to = find_link(at, hash, key);
  if (to == nullptr || !(entry_at(*to)->value == expected)) {
    return false;
  }
  replace(*to, fresh.release());
  return true;
}

template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, hash_trie_map_bug Bug>
bool hash_trie_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::exchange_without_lock(
    const T& expected, std::unique_ptr<entry>& fresh) {
  place at = descend(fresh->hash);
  entry* const only = at.seen.to_entry();
  if (only == nullptr || !matches(*only, fresh->hash, fresh->key) || !(only->value == expected) ||
      only->overflow.load() != child() || !at.slot->compare_exchange_strong(at.seen, fresh.get())) {
    return false;
  }
  static_cast<void>(fresh.release());
  reclaimer_.retire(only);
  return true;
}

// Returns the entry removed, which lives as long as the caller's pin.
template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, hash_trie_map_bug Bug>
template <class Wanted>
auto hash_trie_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::remove_if(const Key& key, Wanted wanted)
    -> const entry* {
  const std::uint64_t hash = hash_(key);
  const place seen = descend(hash);
  if (search(seen, hash, key) == nullptr) {
    return nullptr;
  }
  locked_place at = lock_place(seen, hash);
  link* const to = find_link(at, hash, key);
  if (to == nullptr || !wanted(entry_at(*to)->value)) {
    return nullptr;
  }
  entry* const removed = entry_at(*to);
  child rest = removed->overflow.load(std::memory_order_relaxed);  // (3)
  if (Bug == hash_trie_map_bug::drops_chain_with_its_head && to == at.slot) {
    rest = {};
  }
  // (2), also of nothing: who finds no key knows what came before its removal.
  to->store(rest, std::memory_order_release);
  reclaimer_.retire(removed);
  if (to == at.slot && rest == child()) {
    prune(std::move(at), hash);
  }
  return removed;
}

// Takes empty inner nodes out of the tree, upwards, hand over hand: who has been waiting for such a
// node's lock finds it dead.
template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, hash_trie_map_bug Bug>
void hash_trie_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::prune(locked_place at,
                                                                  std::uint64_t hash) {
  while (at.in->parent != nullptr && at.in->is_empty()) {
    MAPS_PROBE("hash_trie_map.migrate.prune");
    indirect* const emptied = at.in;
    at.in = emptied->parent;
    at.shift += kBits;
    if constexpr (Bug == hash_trie_map_bug::prunes_without_recheck) {
      at.lock.unlock();
    }
    std::unique_lock parent_lock(at.in->mutex);
    if constexpr (Bug == hash_trie_map_bug::prunes_without_recheck) {
      at.lock.lock();
    }
    emptied->dead = true;
    at.in->slot(hash, at.shift).store({}, std::memory_order_release);  // (2)
    at.lock = std::move(parent_lock);
    if constexpr (Bug == hash_trie_map_bug::frees_pruned_node) {
      delete emptied;
    } else {
      reclaimer_.retire(emptied);
    }
  }
}

template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, hash_trie_map_bug Bug>
void hash_trie_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::retire_all(child first) noexcept {
  if (first.to_indirect() != nullptr) {
    reclaimer_.retire(first.to_indirect());
  }
  for (entry* e = first.to_entry(); e != nullptr;) {
    reclaimer_.retire(std::exchange(e, e->overflow.load().to_entry()));
  }
}

// Writers that are still below the old root finish there, as if they had come before.
template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, hash_trie_map_bug Bug>
void hash_trie_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::clear() {
  const pin pinned = reclaimer_.enter();
  if constexpr (Bug == hash_trie_map_bug::clears_slot_by_slot) {
    indirect* const root = root_.load(std::memory_order_acquire);
    for (link& slot : root->children) {
      const std::lock_guard lock(root->mutex);
      const child seen = slot.load(std::memory_order_relaxed);
      slot.store({}, std::memory_order_release);
      retire_all(seen);
    }
    return;
  }
  // (1), for the node's destructor; (2)
  indirect* const old = root_.exchange(new indirect(nullptr), std::memory_order_acq_rel);
  if constexpr (Bug == hash_trie_map_bug::frees_tree_at_clear) {
    delete old;
  } else {
    reclaimer_.retire(old);
  }
}

/// One walk over the map. Weakly consistent: a key that is there from begin_range to the end is
/// yielded once; no key is yielded twice; a value is one that the key had at some moment since
/// begin_range. Nothing is said about two keys together. In the order of hashes.
/// Threads: one, the one that opened it. The iterator pins an epoch: while it is open, nothing that
///          the map removes is freed.
template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, hash_trie_map_bug Bug>
class hash_trie_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::iterator {
 public:
  explicit iterator(const hash_trie_map& map)
      : pinned_(Bug == hash_trie_map_bug::opens_unpinned ? pin() : map.reclaimer_.enter()) {
    enter(map.root_.load(std::memory_order_acquire));  // (1)
  }

  /// Goes to the next element; false at the end. Then key() and mapped() are not to be called.
  bool next() {
    const entered alone(this, "an iterator of hash_trie_map");
    MAPS_PROBE("hash_trie_map.next");
    if (current_ != nullptr) {
      current_ = current_->overflow.load(std::memory_order_acquire).to_entry();  // (1)
      if (Bug == hash_trie_map_bug::revisits_expanded_slot && current_ == nullptr) {
        --path_[depth_ - 1].next_slot;
        visit_slot();
        current_ = nullptr;
      }
    }
    while (current_ == nullptr && depth_ > 0) {
      if (path_[depth_ - 1].next_slot == indirect::kSlots) {
        --depth_;
      } else {
        visit_slot();
      }
    }
    return current_ != nullptr;
  }

  /// Both stay valid until the iterator is destroyed.
  const Key& key() const noexcept { return current_->key; }
  const T& mapped() const noexcept { return current_->value; }

 private:
  struct level {
    const indirect* in = nullptr;
    std::size_t next_slot = 0;
  };

  void enter(const indirect* in) noexcept { path_[depth_++] = {in, 0}; }

  void visit_slot() noexcept {
    MAPS_PROBE("hash_trie_map.next.slot");
    level& at = path_[depth_ - 1];
    const child seen = at.in->children[at.next_slot++].load(std::memory_order_acquire);  // (1)
    current_ = seen.to_entry();
    if (const indirect* const below = seen.to_indirect(); below != nullptr) {
      enter(below);
    }
  }

  pin pinned_;
  std::array<level, kLevels> path_;
  std::size_t depth_ = 0;
  const entry* current_ = nullptr;
};

template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, hash_trie_map_bug Bug>
std::string hash_trie_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::validate() const {
  const indirect* const root = root_.load(std::memory_order_acquire);
  return root->parent != nullptr ? "the root has a parent" : validate(*root, kRootShift, 0);
}

template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, hash_trie_map_bug Bug>
std::string hash_trie_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::validate(
    const indirect& in, unsigned shift, std::uint64_t prefix) const {
  if (in.dead) {
    return "a dead node is in the tree";
  }
  if (in.parent != nullptr && in.is_empty()) {
    return "an empty node is in the tree";
  }
  for (std::size_t i = 0; i < indirect::kSlots; ++i) {
    const std::uint64_t path = prefix << kBits | i;  // the bits of the hash from `shift` on
    const child seen = in.children[i].load(std::memory_order_acquire);
    std::string wrong;
    if (const indirect* const below = seen.to_indirect(); below != nullptr) {
      wrong = below->parent != &in ? "a node has another parent"
                                   : validate(*below, shift - kBits, path);
    } else {
      wrong = validate_chain(seen.to_entry(), shift, path);
    }
    if (!wrong.empty()) {
      return wrong;
    }
  }
  return {};
}

template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, hash_trie_map_bug Bug>
std::string hash_trie_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::validate_chain(
    const entry* first, unsigned shift, std::uint64_t path) const {
  const auto next = [](const entry* e) {
    return e->overflow.load(std::memory_order_acquire).to_entry();
  };
  for (const entry* e = first; e != nullptr; e = next(e)) {
    if (e->hash >> shift != path) {
      return "an entry is in the slot of another hash";
    }
    if (e->hash != first->hash) {
      return "entries of different hashes are in one chain";
    }
    for (const entry* other = next(e); other != nullptr; other = next(other)) {
      if (equal_(e->key, other->key)) {
        return "a key is in a chain twice";
      }
    }
  }
  return {};
}

}  // namespace maps
