// In-target world. How far a program with a main of its own has come.
#pragma once

#include "process/program_data.hpp"

/// While Heddle's own static constructors run, behind those of a program that has it inside (see
/// program/end.c). What they make is not the program's, and never destroyed.
extern "C" bool heddle_makes_own_objects;

namespace heddle::process {

enum class Phase : u8 {
  kUnknown,     // nothing has been set up, not even the environment
  kNative,      // nobody drives it, or there is no such program: hooks do as the originals
  kStarting,    // static constructors of a command with tests in it run
  kBeforeMain,  // those of a driven program run; what they make, each execution finds
  kDriven,      // the command has taken over
};

Phase phase_slow();
extern Phase the_phase;

inline Phase phase() {
  Phase phase = Phase::kUnknown;
  __atomic_load(&the_phase, &phase, __ATOMIC_RELAXED);
  return __builtin_expect(phase == Phase::kUnknown, 0) ? phase_slow() : phase;
}

inline bool is_driven() { return phase() == Phase::kDriven; }
inline bool is_before_main() { return phase() == Phase::kBeforeMain; }

/// Whether blocks are early ones, which executions find as they were made.
inline bool makes_early_blocks() {
  return phase() == Phase::kStarting || phase() == Phase::kBeforeMain;
}

/// In a program of heddle-cc that nobody drives; not in a command with tests.
inline bool is_native_program() { return phase() == Phase::kNative && is_program_linked(); }

/// Names the environment variable by which the command hands its arguments to the program.
constexpr char kDriveVariable[] = "HEDDLE_DRIVE";

}  // namespace heddle::process
