// Places in maps that have names, and objects that one call at a time may use: Heddle sees both,
// and elsewhere they are nothing.
#pragma once

#ifdef HEDDLE_INSTRUMENTED
#include "heddle/probe.h"
#endif

/// MAPS_PROBE("map.next.chain"): an event of the trace, where threads may be switched and a
/// debugger may stop. Names begin with the map's, then comes `next` for iterations, `migrate` for
/// all that moves entries from one structure to another, then the step.
#ifdef HEDDLE_INSTRUMENTED
#define MAPS_PROBE(name) HEDDLE_PROBE(name)
#else
#define MAPS_PROBE(name) ((void)0)
#endif

namespace maps {

/// While it lives, who else enters the object makes a finding: a step of an iteration from within
/// that step, or from another thread.
class entered {
 public:
#ifdef HEDDLE_INSTRUMENTED
  entered(const void* object, const char* what) noexcept : object_(object) {
    heddle_enter(object, what);
  }
  ~entered() { heddle_leave(object_); }
  entered(const entered&) = delete;
  entered& operator=(const entered&) = delete;

 private:
  const void* object_;
#else
  entered(const void* /*object*/, const char* /*what*/) noexcept {}
#endif
};

}  // namespace maps
