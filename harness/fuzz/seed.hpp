// In-target world, outside of executions. Seeds: recorded executions as text files.
//
// A seed is UTF-8 text, made to be read in a review and kept in git. Lines are "name: value";
// order is fixed; lines that begin with '#' are comments (the writer puts the story there).
//
//   heddle seed 1                    magic and version of the format
//   target: go_map@some_bug          the target that it is for
//   executable: ./prog               programs: the file, as the command was given it
//   argument: --level=9              programs: one line an argument; \\ and \n stand for \ and a
//                                    line's end
//   kind: heap                       the oracle whose finding it reproduces, or "none"
//   rule: use-after-free             finer
//   message: ...                     one line
//   signature: 0123456789abcdef      of the finding
//   model: sc                        memory model: sc, tso or rc11
//   preempt: sync                    or "all"
//   on-race: stop                    or "continue"
//   spinning: free                   left out if threads that seem to spin are parked, as all but
//                                    check do
//   faults: weak-cas,bad-alloc       what may fail by decision; left out if weak-cas only
//   raced: 0123456789abcdef ...      names of plain locations that are scheduling points, for
//                                    they were seen to race; left out if there are none
//   steps-max: 100000
//   workers: 2                       operation targets: number of threads
//   step: 1 insert 3 10              operation targets: thread (0: before the others), operation,
//                                    arguments; one line a step, each thread's in order
//   decisions: 213                   how many were asked in all
//   switch: 17 thread 2              decision 17 was not the default: thread 2 ran. Also
//                                    "waiter", "value", "reads-from", "coherence", a fault, and the
//                                    choice.
//   events: 140                      visible events in all
//   digest: 0123456789abcdef         of all of them
//   marks: T0.start.1f2e T1.lock.0a0b ...  the first 4,096 of them: thread, kind, fingerprint of
//                                    location and value; many to a line
//   end: 89abcdef                    CRC-32 of every byte before this line; nothing follows
//
// A reader accepts version 1 only, and rejects a file whose checksum is wrong or missing: an
// edited or cut off seed must not pass for another execution.
#pragma once

#include <string>

#include "explore/session.hpp"
#include "fuzz/sealed.hpp"

namespace heddle::fuzz {

/// `story` becomes comment lines.
std::string to_text(const exploration::Recording& recording, const std::string& story);

using SeedError = FileError;

/// Parses the text of a seed. The target must be linked into this program, and have the operations
/// that the seed names. A seed for an executable is read by any program; if this one is being
/// driven, it stands for that executable.
SeedError from_text(const std::string& text, exploration::Recording& recording);

/// Reads and parses a file.
SeedError read_seed(const std::string& path, exploration::Recording& recording);

}  // namespace heddle::fuzz
