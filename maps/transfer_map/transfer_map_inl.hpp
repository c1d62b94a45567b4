// Part of transfer_map: how it grows, iterators, the check of the structure.
#pragma once

#include <algorithm>
#include <new>
#include <string>
#include <thread>

#include "../common/probe.hpp"
#include "transfer_map.hpp"

#define MAPS_TRANSFER_MAP \
  template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, transfer_map_bug Bug>

namespace maps {

/// Starts a transfer if the table is too full, or takes part in the one that goes on.
MAPS_TRANSFER_MAP
void transfer_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::grow() noexcept {
  table& t = current();
  std::uint64_t idle = transfer_state::kIdle;
  if (transferring()) {
    help(t);
  } else if (too_full(t) && state_.compare_exchange_strong(idle, transfer_state::of(t.size, 1),
                                                           std::memory_order_acq_rel)) {
    start(t);
  }
}

/// Runs with the state taken, as its only worker.
MAPS_TRANSFER_MAP
void transfer_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::start(table& t) noexcept {
  MAPS_PROBE("transfer_map.migrate.begin");
  // A whole transfer may have passed since `t` was looked up.
  const bool stale = &current() != &t;
  if ((stale && Bug != bug::starts_from_stale_table) || !add_next_table(t)) {
    state_.store(transfer_state::kIdle, std::memory_order_release);
    return;
  }
  transfer(t);
}

/// Returns false if there is no memory.
MAPS_TRANSFER_MAP
bool transfer_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::add_next_table(table& t) noexcept {
  try {
    t.next.store(new table(t.size * 2), std::memory_order_release);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

/// Takes part in the transfer of `t`, if that still goes on and bins of it are to be had.
MAPS_TRANSFER_MAP
void transfer_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::help(table& t) noexcept {
  const bool begun = t.next.load(std::memory_order_acquire) != nullptr;
  const bool claimed = t.unclaimed.load(std::memory_order_relaxed) == 0;
  if (!begun || (claimed && Bug != bug::joins_any_transfer)) {
    return;
  }
  if constexpr (Bug == bug::does_not_wait_for_helpers) {
    transfer_claimed(t);
    return;
  }
  MAPS_PROBE("transfer_map.migrate.help");
  const std::uint64_t ours = transfer_state::of(t.size, 0);
  std::uint64_t state = state_.load(std::memory_order_acquire);
  do {
    const bool another = Bug != bug::joins_any_transfer && !transfer_state::same_table(state, ours);
    if (state == transfer_state::kIdle || another || transfer_state::is_finishing(state)) {
      return;
    }
  } while (!state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel,
                                         std::memory_order_acquire));
  transfer(t);
}

/// Runs as one of the workers that the state counts.
MAPS_TRANSFER_MAP
void transfer_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::transfer(table& t) noexcept {
  try {
    transfer_claimed(t);
  } catch (...) {
    // No memory: whoever leaves last sees which bins are left over.
  }
  leave(t);
}

/// Claims ranges of bins, from the last one down, until all are claimed.
MAPS_TRANSFER_MAP
void transfer_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::transfer_claimed(table& t) {
  std::size_t end = t.unclaimed.load(std::memory_order_relaxed);
  while (end > 0) {
    const std::size_t begin = end - std::min(end, options_.stride);
    if (t.unclaimed.compare_exchange_weak(end, begin, std::memory_order_relaxed)) {
      for (std::size_t i = end; i-- > begin;) {
        transfer_bin(t, i);
      }
      end = begin;
    }
  }
}

/// Splits a chain into two for the new table. Readers may be in it, so it stays: its nodes are
/// copied, but for the last ones that all go to the same chain, which are in both tables then.
MAPS_TRANSFER_MAP
void transfer_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::transfer_bin(table& t,
                                                                        std::size_t index) {
  MAPS_PROBE("transfer_map.migrate.bin");
  bin& from = t.bins[index];
  const std::lock_guard lock(from.lock);
  if (from.forwarded.load(std::memory_order_relaxed)) {
    return;
  }
  const auto next_of = [](const node* n) { return n->next.load(std::memory_order_relaxed); };
  const auto half_of = [&t](const node* n) { return (n->hash & t.size) != 0 ? 1U : 0U; };
  node* const head = from.head.load(std::memory_order_relaxed);
  node* shared = head;
  for (node* n = head; n != nullptr; n = next_of(n)) {
    if (half_of(n) != half_of(shared)) {
      shared = n;
    }
  }
  if constexpr (Bug == bug::forwards_before_copying) {
    from.forwarded.store(true, std::memory_order_release);
  }
  node* ends[2] = {nullptr, nullptr};
  if (shared != nullptr) {
    ends[half_of(shared)] = shared;
  }
  node* halves[2] = {ends[0], ends[1]};
  try {
    for (const node* n = head; n != shared; n = next_of(n)) {
      node*& half = halves[half_of(n)];
      half = new node(n->hash, n->key, n->value, half);
    }
  } catch (...) {
    delete_chain(halves[0], ends[0]);
    delete_chain(halves[1], ends[1]);
    throw;
  }
  table& to = *t.next.load(std::memory_order_acquire);
  to.bins[index].head.store(halves[0], std::memory_order_release);
  to.bins[index + t.size].head.store(halves[1], std::memory_order_release);
  MAPS_PROBE("transfer_map.migrate.forward");
  from.forwarded.store(true, std::memory_order_release);
  node* const kept = Bug == bug::retires_shared_run ? nullptr : shared;
  for (node* n = head; n != kept;) {
    reclaimer_.retire(std::exchange(n, next_of(n)));
  }
}

/// Ends one thread's work on a transfer; the last one ends the transfer.
MAPS_TRANSFER_MAP
void transfer_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::leave(table& t) noexcept {
  std::uint64_t state = state_.load(std::memory_order_relaxed);
  if constexpr (Bug == bug::leaves_as_the_last) {
    for (; transfer_state::workers(state) > 1; state = state_.load(std::memory_order_relaxed)) {
      std::this_thread::yield();
    }
  }
  std::uint64_t after = 0;
  do {
    after = transfer_state::workers(state) == 1 ? transfer_state::finishing(state) : state - 1;
  } while (!state_.compare_exchange_weak(state, after, std::memory_order_acq_rel,
                                         std::memory_order_relaxed));
  if (transfer_state::is_finishing(after)) {
    finish(t);
  }
}

MAPS_TRANSFER_MAP
void transfer_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::finish(table& t) noexcept {
  MAPS_PROBE("transfer_map.migrate.end");
  constexpr bool kLooks =
      Bug != bug::forgets_bins_left_over && Bug != bug::does_not_wait_for_helpers;
  if (kLooks && !t.all_forwarded()) {
    t.unclaimed.store(t.size, std::memory_order_relaxed);
    state_.store(transfer_state::of(t.size, 0), std::memory_order_release);
    return;
  }
  table_.store(t.next.load(std::memory_order_relaxed), std::memory_order_release);
  state_.store(transfer_state::kIdle, std::memory_order_release);
  if constexpr (Bug == bug::frees_table_at_once) {
    delete &t;
  } else {
    reclaimer_.retire(&t);
  }
}

/// An iteration over all entries.
/// Yields each key at most once; one that is there all the time exactly once; one that comes or
/// goes on the way once or not at all. The value is one that the key had at some time since the
/// iteration began. Holds up nobody, but while it is open nothing that is retired gets reclaimed.
template <class Key, class T, class Hash, class KeyEqual, class Reclaimer, transfer_map_bug Bug>
class transfer_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::iterator {
 public:
  /// Goes on to the next entry; false at the end.
  bool next() {
    const entered alone(this, "an iterator of transfer_map");
    MAPS_PROBE("transfer_map.next");
    if (node_ != nullptr) {
      node_ = node_->next.load(std::memory_order_acquire);
    }
    while (node_ == nullptr && !stretches_.empty()) {
      enter_bin();
    }
    return node_ != nullptr;
  }

  /// The entry that next() went to. Stays valid as long as the iterator, also if it is erased.
  const Key& key() const { return node_->key; }

  const T& mapped() const { return node_->value; }

 private:
  friend transfer_map;

  /// Bins of one table that are still to be visited: each `step` bins from `index` on. What has
  /// been forwarded from one bin is in two bins of the next table.
  struct stretch {
    const table* t;
    std::size_t index;
    std::size_t step;
  };

  explicit iterator(const transfer_map& map)
      : pinned_(map.reclaimer_.enter()), stretches_{{&map.current(), 0, 1}} {}

  void enter_bin() {
    MAPS_PROBE("transfer_map.next.bin");
    stretch& innermost = stretches_.back();
    const table* const t = innermost.t;
    const std::size_t index = innermost.index;
    innermost.index += innermost.step;
    if (innermost.index >= t->size) {
      stretches_.pop_back();
    }
    const bin& b = t->bins[index];
    if (!b.forwarded.load(std::memory_order_acquire)) {
      node_ = b.head.load(std::memory_order_acquire);
      return;
    }
    MAPS_PROBE("transfer_map.next.forwarded");
    const std::size_t step = Bug == bug::iterates_one_half ? 2 * t->size : t->size;
    stretches_.push_back({t->next.load(std::memory_order_acquire), index, step});
  }

  pin pinned_;
  std::vector<stretch> stretches_;
  const node* node_ = nullptr;
};

MAPS_TRANSFER_MAP
std::string transfer_map<Key, T, Hash, KeyEqual, Reclaimer, Bug>::validate(bool at_rest) const {
  std::ptrdiff_t entries = 0;
  for (const table* t = &current(); t != nullptr; t = t->next.load(std::memory_order_acquire)) {
    for (std::size_t i = 0; i < t->size; ++i) {
      const bin& b = t->bins[i];
      const node* n = b.forwarded.load(std::memory_order_acquire)
                          ? nullptr
                          : b.head.load(std::memory_order_acquire);
      for (; n != nullptr; n = n->next.load(std::memory_order_acquire)) {
        ++entries;
        if ((n->hash & (t->size - 1)) != i) {
          return "an entry is in the wrong bin";
        }
        if (at_rest && lookup(n->key, n->hash) != n) {
          return "a key is there twice, or cannot be found";
        }
      }
    }
  }
  if (!at_rest) {
    return "";
  }
  if (transfer_state::workers(state_.load(std::memory_order_relaxed)) != 0) {
    return "somebody is still at a transfer";
  }
  if (entries != count_.sum()) {
    return "there are " + std::to_string(entries) + " entries, size() says " +
           std::to_string(count_.sum());
  }
  return "";
}

}  // namespace maps

#undef MAPS_TRANSFER_MAP
