/* Heddle's C interface: what a C program, or any language with a C ABI, may ask of an execution.
   Outside of an execution each of these does nothing, heddle_choose returns 0, and
   heddle_detector_on returns 1. */
#ifndef HEDDLE_HEDDLE_H
#define HEDDLE_HEDDLE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Reports a finding of kind "check" and ends the execution. `condition` is the text shown. */
void heddle_check_failed(const char* condition, const char* file, int line);

/* Unless `holds`, the calling thread goes no further, and the execution is not judged for that:
   what follows is about executions in which it does. */
void heddle_assume(int holds);

/* A value in [0, arity) by decision: random when hunting, recorded in the seed. arity >= 1. */
unsigned heddle_choose(unsigned arity);

/* 1 while the caller runs under Heddle's scheduler. */
int heddle_active(void);

/* Brackets an operation of a data structure, for the story that a report tells. `name` must
   outlive the execution (a literal will do). Operations of one thread do not nest. */
void heddle_op_begin(const char* name);
void heddle_op_end(void);

/* The present point is the linearization point of the operation that the caller is in. An operation
   may pass several; the last one counts. Without one, its return counts. */
void heddle_linearization_point(void);

/* Brackets what only one call at a time may do with an object: a step of an iterator, say. Who
   enters what is entered already, be it from the very call (by a callback) or from another thread,
   makes a finding of kind "misuse". */
void heddle_enter(const void* object, const char* what);
void heddle_leave(const void* object);

/* The operation that the caller is in, a whole iteration over a map, hands out an entry. */
void heddle_yielded(long long key, long long value);

/* A place worth a name: a step of a migration, say. It is in the trace, threads may be switched
   there, and a debugger may stop there. `name` must be a literal. See heddle/probe.h. */
void heddle_probe(const char* name);

/* Notes that the program's own, best-effort detector of misuse fired in this execution. The command
   counts executions in which it did against those in which the race oracle had a finding. */
void heddle_detector_fired(void);

/* 0 if that detector should look away (--no-detector), to let the damage be seen; else 1. */
int heddle_detector_on(void);

#ifdef __cplusplus
}
#endif

#endif
