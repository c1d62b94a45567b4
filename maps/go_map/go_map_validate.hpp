// Part of go_map: the check of its structure, and the structure as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "../common/structure_text.hpp"
#include "go_map.hpp"

#define MAPS_GO_MAP \
  template <class Key, class T, class Hash, class KeyEqual, class Random, go_map_bug Bug>

namespace maps {

MAPS_GO_MAP
std::string go_map<Key, T, Hash, KeyEqual, Random, Bug>::validate() const {
  std::size_t entries = 0;
  if (writing()) {
    return "the writing flag is set between operations";
  }
  if (std::string error = validate_current(entries); !error.empty()) {
    return error;
  }
  if (std::string error = validate_old(entries); !error.empty()) {
    return error;
  }
  if (entries != count_) {
    return "size " + std::to_string(count_) + ", but entries " + std::to_string(entries);
  }
  return {};
}

MAPS_GO_MAP
std::string go_map<Key, T, Hash, KeyEqual, Random, Bug>::validate_current(
    std::size_t& entries) const {
  std::size_t overflow = 0;
  for (std::size_t i = 0; current_ && i <= current_->mask(); ++i) {
    if (current_->buckets[i].is_evacuated()) {
      return "a current chain is marked evacuated";
    }
    if (std::string error = validate_chain(*current_, i, entries); !error.empty()) {
      return error;
    }
    for (const bucket* b = current_->buckets[i].overflow; b != nullptr; b = b->overflow) {
      ++overflow;
    }
  }
  const bool exact = bucket_count_log2() < 16;
  return exact && overflow != noverflow_ ? "the overflow count is wrong" : "";
}

MAPS_GO_MAP
std::string go_map<Key, T, Hash, KeyEqual, Random, Bug>::validate_old(std::size_t& entries) const {
  if (!old_) {
    return nevacuate_ == 0 ? "" : "an evacuation mark without a growth";
  }
  if (nevacuate_ > old_->mask()) {
    return "the migration is over but the old array is still there";
  }
  for (std::size_t i = 0; i <= old_->mask(); ++i) {
    const bool evacuated = old_->buckets[i].is_evacuated();
    if (i < nevacuate_ && !evacuated) {
      return "a chain below the evacuation mark is not evacuated";
    }
    const bucket& x = current_->buckets[i];
    const bucket& y = current_->chain(i + old_->mask() + 1);
    if (!evacuated && (x.tophash[0] != kEmptyRest || y.tophash[0] != kEmptyRest)) {
      return "a destination was written before its old chain was evacuated";
    }
    // The overflow buckets of an evacuated chain may be gone when a bug is seeded.
    if (!(kEvacuationTakesOverflow && evacuated)) {
      if (std::string error = validate_chain(*old_, i, entries); !error.empty()) {
        return error;
      }
    }
  }
  return {};
}

MAPS_GO_MAP
std::string go_map<Key, T, Hash, KeyEqual, Random, Bug>::validate_chain(
    const generation& in, std::size_t index, std::size_t& entries) const {
  const bool evacuated = in.buckets[index].is_evacuated();
  std::uint8_t previous = kMinTopHash;
  for (const bucket* b = &in.buckets[index]; b != nullptr; b = b->overflow) {
    for (std::size_t i = 0; i < kSlots; ++i) {
      const std::uint8_t top = b->tophash[i];
      if (evacuated != is_evacuation_mark(top)) {
        return "a chain is evacuated in part";
      }
      if (previous == kEmptyRest && top != kEmptyRest) {
        return "something follows the empty rest of a chain";
      }
      if (previous == kEmptyOne && top == kEmptyRest) {
        return "the empty rest of a chain could begin earlier";
      }
      previous = top;
      if (evacuated || is_empty(top)) {
        continue;
      }
      ++entries;
      if (is_reflexive(b->keys[i])) {
        if ((hash_(b->keys[i], seed_) & in.mask()) != index) {
          return "an entry is in the wrong bucket";
        }
        const place found = locate(b->keys[i]);
        if (found.in != b || found.slot != i) {
          return "an entry is not found where it is, or is there twice";
        }
      }
    }
  }
  return previous == kEmptyOne ? "a chain ends with a vacant slot outside its empty rest" : "";
}

MAPS_GO_MAP
std::string go_map<Key, T, Hash, KeyEqual, Random, Bug>::to_text() const {
  structure_text text;
  text.begin_line({"entries: ", text_of(count_), ", overflow buckets: ", text_of(noverflow_),
                   writing() ? ", a write is in progress" : ""});
  if (current_) {
    add_chains(text, "chain ", *current_);
  }
  if (old_) {
    text.begin_line({"growing; all old chains below ", text_of(nevacuate_), " are evacuated"});
    add_chains(text, "old chain ", *old_);
  }
  return std::move(text).take();
}

MAPS_GO_MAP
void go_map<Key, T, Hash, KeyEqual, Random, Bug>::add_chains(structure_text& text, const char* name,
                                                             const generation& in) {
  for (std::size_t i = 0; i <= in.mask() && !text.full(); ++i) {
    const bucket* const head = &in.buckets[i];
    const bool whole = !(kEvacuationTakesOverflow && head->is_evacuated());
    text.begin_line({name, text_of(i), ":"});
    for (const bucket* b = head; b != nullptr && !text.full(); b = whole ? b->overflow : nullptr) {
      text.add({b != head ? " |" : ""});
      for (std::size_t slot = 0; slot < kSlots; ++slot) {
        add_slot(text, *b, slot);
      }
    }
  }
}

MAPS_GO_MAP
void go_map<Key, T, Hash, KeyEqual, Random, Bug>::add_slot(structure_text& text, const bucket& in,
                                                           std::size_t slot) {
  const std::uint8_t top = in.tophash[slot];
  if (is_empty(top)) {
    text.add({top == kEmptyRest ? " ." : " -"});
  } else if (top == kEvacuatedEmpty) {
    text.add({" e"});
  } else {
    const std::string entry = text_of(in.keys[slot]) + ":" + text_of(in.values[slot]);
    if (is_stale(top)) {
      text.add({top == kEvacuatedX ? " x(" : " y(", entry, ")"});
    } else {
      text.add({" ", entry, "#", hex_of(top)});
    }
  }
}

}  // namespace maps

#undef MAPS_GO_MAP
