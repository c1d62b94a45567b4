// Outside world. An execution that can be repeated: its settings, its schedule, what it came to.
#pragma once

#include <string>
#include <vector>

#include "exec/execution.hpp"
#include "target/registry.hpp"

namespace heddle::exploration {

/// What decides how an execution goes, besides program and schedule; part of every seed.
struct Settings {
  std::string model = "sc";
  bool preempt_all = false;
  bool race_continue = false;
  bool look_at_steps = false;  // the target's invariant holds at each scheduling point, or should
  bool detector = true;        // the target's own, of misuse
  bool parks = true;           // see exec::Options; not where check() found something
  exec::Faults faults = exec::kDefaultFaults;
  u64 steps_max = 100'000;

  friend bool operator==(const Settings&, const Settings&) = default;
};

/// "weak-cas,bad-alloc", "all" or "none" as a set of faults; false for an unknown word.
bool parse_faults(const std::string& text, exec::Faults& faults);
std::string text_of(exec::Faults faults);

/// One visible event as a seed keeps it: enough to say what was expected where a replay diverges.
struct EventMark {
  ThreadId thread;
  exec::EventKind kind;
  u16 fingerprint;  // of location and value

  friend bool operator==(const EventMark&, const EventMark&) = default;
};

/// An execution that can be repeated, and what it came to.
struct Recording {
  std::string target;
  target::Executable executable;  // its path is empty if the target is no program
  Settings settings;
  std::vector<u64> raced;  // names of plain locations that are scheduling points, seen to race
  target::Program program;
  std::vector<exec::Deviation> schedule;  // the default schedule, but for these
  u64 decisions = 0;

  exec::FindingKind kind = exec::FindingKind::kNone;
  std::string rule;
  std::string message;
  std::string signature;       // filled in by the report room
  std::string second_opinion;  // see exec::Finding

  u64 events = 0;
  u64 digest = 0;
  std::vector<EventMark> marks;  // of the first kMarksMax visible events
  static constexpr u32 kMarksMax = 4096;
};

/// Where two runs of what should be one execution part.
struct Divergence {
  bool diverged = false;
  std::string message;  // "diverged at event 12: expected ..., got ..."
  u64 event = ~u64{0};  // the visible event at which they part, if it is one
};

/// Compares what was seen with what was expected, event by event.
Divergence compare(const Recording& expected, const Recording& seen);

}  // namespace heddle::exploration
