// In-target world. What an execution shares with its process.
#pragma once

#include "base/types.hpp"

namespace heddle::exec {

/// The process around an execution, where that is part of the program under test: a program with a
/// main of its own finds its libraries, its early heap, its descriptors as new each time.
class Surroundings {
 public:
  virtual ~Surroundings() = default;
  virtual void before_execution() = 0;
  virtual void after_execution() = 0;
  /// The process is the command's again. Until then, and between executions that follow each other,
  /// it is as the last one left it: nobody may write to a stream, or ask the C library for what an
  /// execution may have changed.
  virtual void hand_back() = 0;
  /// Another thread goes on: thread-local variables of libraries without instrumentation change.
  virtual void switch_thread(ThreadId from, ThreadId to) = 0;
  /// The last steps of exit(), on a fiber: destructors of objects made before main, open streams.
  virtual void run_exits() = 0;
  /// Calls `visit(context, word)` for each word that outlives the execution: what it points to is
  /// not leaked.
  virtual void each_root(void (*visit)(void* context, u64 word), void* context) = 0;
  /// A sanitizer has reported: it needs what it has opened for that in later executions, too.
  virtual void after_report() = 0;
};

}  // namespace heddle::exec
