// Part of split_ordered_map: buckets, iterators, the check of the structure, the structure as text.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../common/probe.hpp"
#include "../common/structure_text.hpp"
#include "split_ordered_map.hpp"

#define MAPS_SPLIT_ORDERED_MAP \
  template <class Key, class T, class Hash, class Less, class Reclaimer, split_ordered_map_bug Bug>

namespace maps {

/// An iteration over all entries, in the order of the list.
/// Yields each key at most once; one that is there all the time exactly once; one that comes or
/// goes on the way once or not at all. The value is one that the key had during the call of next()
/// that yields it. Holds up nobody, and keeps one entry from being reclaimed.
template <class Key, class T, class Hash, class Less, class Reclaimer, split_ordered_map_bug Bug>
class split_ordered_map<Key, T, Hash, Less, Reclaimer, Bug>::iterator {
 public:
  /// Goes on to the next entry; false at the end.
  bool next() {
    const entered alone(this, "an iterator of split_ordered_map");
    MAPS_PROBE("split_ordered_map.next");
    const auto accepts = [this](const node& n) {
      return n.is_entry() &&
             (!held() || map_->list_.precedes(current(), static_cast<const entry&>(n)));
    };
    position at;
    if (map_ == nullptr) {
      return false;
    }
    if (!held()) {
      map_->list_.search(map_->first_, accepts, at);
    } else if (!map_->list_.try_search(held_->next, held_, accepts, at)) {
      MAPS_PROBE("split_ordered_map.next.search");
      map_->list_.search(map_->sentinel_before(reversed(held_->order)), accepts, at);
    }
    held_ = std::move(at.current);
    if (!held()) {
      map_ = nullptr;
    }
    return held();
  }

  /// The entry that next() went to. Stays valid, also if it is erased, until the next next().
  const Key& key() const { return current().key; }

  const T& mapped() const { return current().value; }

 private:
  friend split_ordered_map;

  explicit iterator(split_ordered_map& map) : map_(&map) {}

  bool held() const noexcept { return held_.get() != nullptr; }

  const entry& current() const { return static_cast<const entry&>(*held_); }

  split_ordered_map* map_;  // null at the end
  typename list::guard held_;
};

/// The sentinel of a bucket, or of the bucket that it split from if there is no memory.
MAPS_SPLIT_ORDERED_MAP
auto split_ordered_map<Key, T, Hash, Less, Reclaimer, Bug>::sentinel_of(std::size_t bucket) noexcept
    -> node& {
  if (bucket == 0) {
    return first_;
  }
  slot* const place = slot_of(bucket);
  if (place == nullptr) {
    return sentinel_of(bucket - std::bit_floor(bucket));
  }
  // (8) - this acquire-load synchronizes-with the release-store (9)
  node* sentinel = place->load(std::memory_order_acquire);
  if constexpr (Bug == bug::waits_for_sentinel) {
    // &first_ says that somebody is at it.
    while (sentinel == &first_ ||
           (sentinel == nullptr && !place->compare_exchange_strong(sentinel, &first_))) {
      std::this_thread::yield();
      sentinel = place->load(std::memory_order_acquire);
    }
  }
  return sentinel != nullptr ? *sentinel : make_sentinel(bucket, *place);
}

MAPS_SPLIT_ORDERED_MAP
auto split_ordered_map<Key, T, Hash, Less, Reclaimer, Bug>::make_sentinel(std::size_t bucket,
                                                                          slot& place) noexcept
    -> node& {
  MAPS_PROBE("split_ordered_map.migrate.sentinel");
  node& parent = sentinel_of(bucket - std::bit_floor(bucket));
  const std::uint64_t order = order_of_sentinel(bucket);
  std::unique_ptr<node> fresh(new (std::nothrow) node(order));
  if (!fresh) {
    return parent;
  }
  if constexpr (Bug == bug::shows_sentinel_early) {
    place.store(fresh.get(), std::memory_order_release);
  }
  position at;
  node* sentinel = nullptr;
  while (sentinel == nullptr) {
    if (list_.find_sentinel(parent, order, at)) {
      sentinel = Bug == bug::loses_race_for_sentinel ? fresh.release() : at.current.get();
    } else if (list_.insert(fresh.get(), at)) {
      sentinel = fresh.release();
    }
  }
  // (9) - this release-store synchronizes-with the acquire-load (8)
  place.store(sentinel, std::memory_order_release);
  return *sentinel;
}

/// Null if there is no memory.
MAPS_SPLIT_ORDERED_MAP
auto split_ordered_map<Key, T, Hash, Less, Reclaimer, Bug>::slot_of(std::size_t bucket) noexcept
    -> slot* {
  const std::size_t first = std::bit_floor(bucket);
  segment& place = segments_[static_cast<unsigned>(std::bit_width(bucket)) - 1];
  // (10) - this acquire-load synchronizes-with the release-CAS (11)
  slot* slots = place.load(std::memory_order_acquire);
  if (slots == nullptr) {
    slots = make_segment(place, first);
  }
  return slots != nullptr ? slots + (bucket - first) : nullptr;
}

MAPS_SPLIT_ORDERED_MAP
auto split_ordered_map<Key, T, Hash, Less, Reclaimer, Bug>::make_segment(segment& place,
                                                                         std::size_t slots) noexcept
    -> slot* {
  std::unique_ptr<slot[]> fresh(new (std::nothrow) slot[slots]());
  slot* present = nullptr;
  // (11) - this release-CAS synchronizes-with the acquire-load (10) and, where it fails, is one
  if (fresh && place.compare_exchange_strong(present, fresh.get(), std::memory_order_release,
                                             std::memory_order_acquire)) {
    return fresh.release();
  }
  return present;
}

MAPS_SPLIT_ORDERED_MAP
std::string split_ordered_map<Key, T, Hash, Less, Reclaimer, Bug>::validate(bool at_rest) const {
  std::size_t entries = 0;
  std::size_t sentinels = 1;
  const node* before = &first_;
  for (const node* next = before->next.load(std::memory_order_acquire).get(); next != nullptr;
       next = next->next.load(std::memory_order_acquire).get()) {
    if (next->next.load(std::memory_order_acquire).mark() != 0) {
      if (at_rest) {
        return "a removed entry is still in the list";
      }
      continue;
    }
    const bool both = before->is_entry() && next->is_entry();
    if (both ? !list_.precedes(static_cast<const entry&>(*before), static_cast<const entry&>(*next))
             : before->order >= next->order) {
      return "the list is out of order";
    }
    (next->is_entry() ? entries : sentinels) += 1;
    before = next;
  }
  if (!at_rest) {
    return "";
  }
  if (static_cast<std::ptrdiff_t>(entries) != count_.load(std::memory_order_relaxed)) {
    return "the list has " + std::to_string(entries) + " entries, size() says " +
           std::to_string(count_.load(std::memory_order_relaxed));
  }
  return sentinels <= bucket_count() ? "" : "there are more sentinels than buckets";
}

MAPS_SPLIT_ORDERED_MAP
std::string split_ordered_map<Key, T, Hash, Less, Reclaimer, Bug>::to_text() const {
  structure_text text;
  text.begin_line({"size ", text_of(count_.load(std::memory_order_relaxed)), ", buckets ",
                   text_of(bucket_count())});
  const std::vector<const node*> listed = add_list(text, "bucket ", &first_);
  for (std::size_t i = 0; i < kSegments; ++i) {
    const slot* const slots = segments_[i].load(std::memory_order_acquire);
    for (std::size_t s = 0; slots != nullptr && s < std::size_t{1} << i && !text.full(); ++s) {
      const node* const sentinel = slots[s].load(std::memory_order_acquire);
      if (sentinel != nullptr && std::ranges::find(listed, sentinel) == listed.end()) {
        add_list(text, "not in the list: bucket ", sentinel);
      }
    }
  }
  return std::move(text).take();
}

/// Returns the sentinels.
MAPS_SPLIT_ORDERED_MAP
auto split_ordered_map<Key, T, Hash, Less, Reclaimer, Bug>::add_list(structure_text& text,
                                                                     const char* name,
                                                                     const node* first)
    -> std::vector<const node*> {
  std::vector<const node*> sentinels;
  for (const node* n = first; n != nullptr && !text.full();) {
    const auto next = n->next.load(std::memory_order_acquire);
    if (n->is_entry()) {
      const auto& e = static_cast<const entry&>(*n);
      text.add({" ", text_of(e.key), ":", text_of(e.value), next.mark() != 0 ? " (removed)" : ""});
    } else {
      text.begin_line({name, text_of(reversed(n->order)), ":"});
      sentinels.push_back(n);
    }
    n = next.get();
  }
  return sentinels;
}

}  // namespace maps

#undef MAPS_SPLIT_ORDERED_MAP
