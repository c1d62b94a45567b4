// The defaults of maps with a seed: a hash, and a source of random numbers to draw seeds from.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace maps {

/// The splitmix64 finaliser over key and seed; of a pointer, over its address. Never std::hash,
/// whose result depends on the standard library.
struct seeded_hash {
  template <class Key>
    requires(std::is_arithmetic_v<Key> || std::is_enum_v<Key> || std::is_pointer_v<Key>)
  std::uint64_t operator()(Key key, std::uint32_t seed) const noexcept {
    std::uint64_t bits = 0;
    if constexpr (std::is_floating_point_v<Key>) {
      bits = std::bit_cast<std::uint64_t>(static_cast<double>(key) + 0.0);  // -0 hashes as +0
    } else if constexpr (std::is_pointer_v<Key>) {
      bits = reinterpret_cast<std::uintptr_t>(key);
    } else {
      bits = static_cast<std::uint64_t>(key);
    }
    bits ^= seed * 0x9e3779b97f4a7c15U;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    return bits ^ (bits >> 31);
  }
};

/// xorshift32 from a fixed state, so that runs repeat.
struct repeatable_random {
  std::uint32_t state = 0x9e3779b9;

  std::uint32_t operator()() noexcept {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
  }
};

}  // namespace maps
