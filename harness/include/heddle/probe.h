/* Places worth a name, in code that is also used without Heddle: a step of a migration, a
   hand-over. HEDDLE_PROBE("name") is an event of the trace and a point at which threads may be
   switched; a debugger stops there by `break heddle_probe`. Compiled without Heddle's flags it is
   nothing. */
#ifndef HEDDLE_PROBE_H
#define HEDDLE_PROBE_H

#ifdef HEDDLE_INSTRUMENTED
#include "heddle/heddle.h"
#define HEDDLE_PROBE(name) heddle_probe(name)
#else
#define HEDDLE_PROBE(name) ((void)0)
#endif

#endif
