// In-target world. The heap behind malloc(), new and their kin.
#pragma once

#include "intercept/hook.hpp"
#include "process/before_main.hpp"

namespace heddle::intercept {

/// The logical thread on whose account `pc` takes memory; null if it is no part of an execution. In
/// a driven program what libraries take is: their state is undone with the execution.
Thread* accountable(uptr pc);
/// A block of the execution; null when memory is out, or by decision.
void* allocate(Thread& thread, std::size_t size, std::size_t alignment, memory::AllocKind kind,
               uptr pc);
/// The block from before main that starts at `memory`; null if there is none, or not yet.
const process::EarlyBlock* early_block(void* memory);
void* allocate_or_null(std::size_t size, std::size_t alignment, memory::AllocKind kind, uptr pc);
void release(void* memory, memory::AllocKind kind, uptr pc);

}  // namespace heddle::intercept
