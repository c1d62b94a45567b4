// In-target world. The only source of randomness of the harness.
#pragma once

#include "base/types.hpp"

namespace heddle {

/// One round of splitmix64: a bijection that spreads every input bit over the output.
/// Source: Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (OOPSLA 2014).
constexpr u64 mix64(u64 x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// xoshiro256**: own generator, because the standard's distributions differ between libraries.
/// Source: Blackman, Vigna: Scrambled Linear Pseudorandom Number Generators (TOMS 2021).
class Rng {
 public:
  constexpr explicit Rng(u64 seed = 0) { reseed(seed); }

  constexpr void reseed(u64 seed) {
    for (u64& word : state_) {
      word = mix64(seed);
      seed = word;
    }
  }

  u64 next() {
    const u64 result = rotate(state_[1] * 5, 7) * 9;
    const u64 shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  /// Uniform in [0, bound), bound >= 1. Multiply-shift on 32 bits: the bias is below bound / 2^32.
  u32 below(u32 bound) { return static_cast<u32>(((next() >> 32) * bound) >> 32); }

  /// True with probability `numerator` / 65536.
  bool chance(u32 numerator) { return (next() >> 48) < numerator; }

 private:
  static constexpr u64 rotate(u64 x, int by) { return (x << by) | (x >> (64 - by)); }

  u64 state_[4] = {};
};

}  // namespace heddle
