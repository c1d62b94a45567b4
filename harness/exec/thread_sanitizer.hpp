// In-target world. ThreadSanitizer as a second judge of races. It is told each access and each edge
// of happens-before, as the engine has decided them; in builds without it, nobody is told anything.
#pragma once

#include "exec/sync_var.hpp"
#include "exec/thread.hpp"
#include "memory/shadow.hpp"

namespace heddle::exec::tsan {

#ifdef HEDDLE_WITH_TSAN
constexpr bool kPresent = true;

/// Where its reports go. Call once, before the first execution.
void initialize();
/// A forked child: reports go there still, not to a file of its own.
void enter_process();

// ---- threads, as fibers of its own; switches order nothing ----

void start_thread(ThreadId created);
void switch_to(ThreadId thread);
void switch_outside();
/// Forgets what the threads did: each execution is judged afresh.
void end_execution(u32 threads);

// ---- what the running thread does; `pc` is a return address into the target ----

void enter_function(void* caller);
void leave_function();
void plain(uptr address, uptr size, bool write, uptr pc);
/// A load that took its value from the newest store, or a compare-exchange that failed.
void load(const Thread& thread, const SyncVar& variable, u32 size, Order order, uptr pc);
void store(const Thread& thread, const SyncVar& variable, u32 size, u128 value, Order order,
           uptr pc);
/// A read-modify-write that left `value` in memory.
void update(const Thread& thread, const SyncVar& variable, u32 size, u128 value, Order order,
            uptr pc);
void fence(const Thread& thread, Order order);
/// A lock is acquired or released: as by an atomic access to its first byte.
void touch(uptr address, uptr pc);
/// All that was released under a key happens before what the thread, running or not, does next.
void acquire(const Thread& thread, uptr key);
void release(uptr key);

/// Makes the access, described as the race oracle remembers it, with which the race oracle is about
/// to end the execution. Returns ThreadSanitizer's report of it; null if it has nothing to say.
const char* opinion_on(uptr granule, const memory::AccessEntry& access, uptr pc);

#else
constexpr bool kPresent = false;

inline void initialize() {}
inline void enter_process() {}
inline void start_thread(ThreadId) {}
inline void switch_to(ThreadId) {}
inline void switch_outside() {}
inline void end_execution(u32) {}
inline void enter_function(void*) {}
inline void leave_function() {}
inline void plain(uptr, uptr, bool, uptr) {}
inline void load(const Thread&, const SyncVar&, u32, Order, uptr) {}
inline void store(const Thread&, const SyncVar&, u32, u128, Order, uptr) {}
inline void update(const Thread&, const SyncVar&, u32, u128, Order, uptr) {}
inline void fence(const Thread&, Order) {}
inline void touch(uptr, uptr) {}
inline void acquire(const Thread&, uptr) {}
inline void release(uptr) {}
inline const char* opinion_on(uptr, const memory::AccessEntry&, uptr) { return nullptr; }
#endif

}  // namespace heddle::exec::tsan
