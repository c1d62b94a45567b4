// In-target world. Looks at the target's state by the target's own code, unseen by the execution.
#pragma once

#include "exec/execution.hpp"

namespace heddle::exec {

/// While it lives, the target's code runs as if outside of the execution: no events, no oracles, no
/// switches. If it crashes or hangs, that is a finding of `thread`.
class ObserverScope {
 public:
  explicit ObserverScope(Thread& thread) { engine().observe_by(&thread); }
  ~ObserverScope() { engine().observe_by(nullptr); }
  ObserverScope(const ObserverScope&) = delete;
  ObserverScope& operator=(const ObserverScope&) = delete;

 private:
  RuntimeScope runtime_;
};

}  // namespace heddle::exec
