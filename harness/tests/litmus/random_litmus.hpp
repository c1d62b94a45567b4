// Random litmus tests, small enough for brute force.
#pragma once

#include "litmus.hpp"

namespace heddle::litmus {

/// What random programs are made of.
enum class Flavour : u8 {
  kAtomics,      // loads and stores with all orders, updates, fences
  kAssumptions,  // and assumptions, guarded operations
  kMutexes,      // and critical sections, never one inside of another
  kTries,        // and some that a thread only tries to enter
};

constexpr Flavour kFlavours[] = {Flavour::kAtomics, Flavour::kAssumptions, Flavour::kMutexes,
                                 Flavour::kTries};

/// A program of three threads on two locations; the same for the same seed.
Program random_program(u64 seed, Flavour flavour);

/// The program with `order` for all accesses; fences stay as they are.
Program with_order(const Program& program, Order order);

}  // namespace heddle::litmus
