// In-target world. How oracles take part in an execution.
#pragma once

#include "exec/event.hpp"
#include "memory/shadow.hpp"

namespace heddle::exec {

class Execution;
struct Finding;
struct Thread;
struct SyncVar;

/// What a sanitizer says about an access or a free.
struct SanitizerReport {
  const char* text = "";
  const char* rule = "";  // in the words of the heap oracle; static storage
  uptr address = 0;
  u32 size = 0;
  u8 flags = 0;  // memory::kWrite
  uptr pc = 0;
};

/// A sanitizer that is linked in. What the heap oracle objects to counts if the sanitizer objects
/// too, whose report is then part of the finding.
class Sanitizer {
 public:
  virtual ~Sanitizer() = default;
  /// Null if it has nothing against the access.
  virtual const SanitizerReport* on_access(uptr address, u32 size, u8 flags, uptr pc) = 0;
  /// Null if it has nothing against the free: the memory is free then.
  virtual const SanitizerReport* on_free(uptr address) = 0;
};

/// A judge of executions. Each callback may call Execution::report(), which does not return
/// unless the oracle's findings let the execution go on.
class Oracle {
 public:
  virtual ~Oracle() = default;
  /// No thread can run, and not all have finished.
  virtual void on_stuck(Execution& execution) { static_cast<void>(execution); }
  /// More scheduling points than the limit.
  virtual void on_step_limit(Execution& execution, Thread& thread) {
    static_cast<void>(execution);
    static_cast<void>(thread);
  }
  /// Of the threads that are not frozen, none gets on; `thread` is one of them.
  virtual void on_no_progress(Execution& execution, Thread& thread) {
    static_cast<void>(execution);
    static_cast<void>(thread);
  }
  /// All threads have finished and static objects are destroyed.
  virtual void on_end(Execution& execution) { static_cast<void>(execution); }
};

/// Judges accesses to memory; separate, because it is asked for each one.
class __attribute__((visibility("hidden"))) AccessOracle {
 public:
  virtual ~AccessOracle() = default;
  /// A plain access to bytes of one granule, described as it would be remembered.
  virtual void on_plain(Thread& thread, uptr granule, memory::Cell& cell,
                        memory::AccessEntry access, uptr pc) = 0;
  /// The free of what is addressable of one granule; nobody may access it afterwards.
  virtual void on_free(Thread& thread, uptr granule, memory::Cell& cell, uptr pc) = 0;
  /// An atomic access; `variable` has the atomic history of the location.
  virtual void on_atomic(Thread& thread, SyncVar& variable, memory::Cell& cell, u8 mask, u8 flags,
                         uptr pc) = 0;
  /// The first access to a granule of a block that another thread allocated, or the block's free.
  virtual void on_block_of_another(Thread& thread, u32 block, uptr granule,
                                   memory::AccessEntry access, uptr pc) = 0;
  /// An access to bytes that are not addressable.
  virtual void on_unaddressable(Thread& thread, uptr address, u32 size, u8 flags, uptr pc) = 0;
  /// An access to the stack of a thread that has ended.
  virtual void on_ended_stack(Thread& thread, uptr address, u32 size, u8 flags, uptr pc) = 0;
  /// A block freed in another way than it was obtained (malloc, new, new[]).
  virtual void on_mismatched_free(Thread& thread, u32 block, uptr pc) = 0;
  /// free() of something that is not a live block.
  virtual void on_bad_free(Thread& thread, uptr address, u32 block, uptr pc) = 0;
  /// The finding of a report that a sanitizer makes unasked; the caller commits it.
  virtual Finding& on_sanitizer_report(Thread& thread, const SanitizerReport& report) = 0;
};

}  // namespace heddle::exec
