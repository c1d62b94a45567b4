// Part of sync_map: the word that a key has, with the value in it where it fits, else in a box.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <type_traits>
#include <xenium/marked_ptr.hpp>

#include "../reclamation/epochs.hpp"

namespace maps::sync_map_parts {

/// A value as readers see it: never written again.
template <class T>
struct box : retirable {
  explicit box(const T& v) : value(v) {}

  const T value;
};

/// The word points to the value's box; null: deleted; null with the mark: expunged.
template <class T>
struct boxed_word {
  using state = xenium::marked_ptr<box<T>, 1>;
  using seen = const T*;                  // null: none; lives as long as the reader's pin
  using fresh = std::unique_ptr<box<T>>;  // what a writer brings; null: deletes

  static fresh make(const T& value) { return std::make_unique<box<T>>(value); }

  static state deleted() noexcept { return state(); }
  static state expunged() noexcept { return state(nullptr, 1); }
  static state of(const fresh& value) noexcept { return state(value.get()); }
  static seen value_in(state word) noexcept {
    return word.get() != nullptr ? &word->value : nullptr;
  }

  /// The word has it now.
  static void hand_over(fresh& value) noexcept { static_cast<void>(value.release()); }

  template <class Reclaimer>
  static void retire(state word, Reclaimer& reclaimer) noexcept {
    if (word.get() != nullptr) {
      reclaimer.retire(word.get());
    }
  }

  static void destroy(state word) noexcept { delete word.get(); }
};

/// The word has the value in its upper half. A word that was changed and changed back cannot be
/// told from one that was not, but nor can a value.
template <class T>
struct packed_word {
  enum class tag : std::uint32_t { deleted, expunged, value };

  struct alignas(8) state {
    bool operator==(const state&) const = default;

    tag is = tag::deleted;
    std::uint32_t bits = 0;
  };

  using seen = std::optional<T>;
  using fresh = std::optional<T>;

  static fresh make(const T& value) noexcept { return value; }

  static state deleted() noexcept { return {}; }
  static state expunged() noexcept { return {tag::expunged}; }
  static state of(const fresh& value) noexcept {
    if (!value.has_value()) {
      return deleted();
    }
    state word{tag::value};
    std::memcpy(&word.bits, &*value, sizeof(T));
    return word;
  }
  static seen value_in(state word) noexcept {
    if (word.is != tag::value) {
      return std::nullopt;
    }
    std::array<std::byte, sizeof(T)> bytes;
    std::memcpy(bytes.data(), &word.bits, sizeof(T));
    return std::bit_cast<T>(bytes);
  }

  static void hand_over(fresh&) noexcept {}
  template <class Reclaimer>
  static void retire(state, Reclaimer&) noexcept {}
  static void destroy(state) noexcept {}
};

template <class T>
inline constexpr bool fits_in_word =
    std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint32_t);

template <class T>
using word_of = std::conditional_t<fits_in_word<T>, packed_word<T>, boxed_word<T>>;

}  // namespace maps::sync_map_parts
