// In-target world. The heap oracle's reports.
#pragma once

#include "exec/execution.hpp"

namespace heddle::oracle {

void report_unaddressable(exec::Thread& thread, uptr address, u32 size, u8 flags, uptr pc);
void report_ended_stack(exec::Thread& thread, uptr address, u32 size, u8 flags, uptr pc);
void report_bad_free(exec::Thread& thread, uptr address, u32 block, uptr pc);

void report_mismatched_free(exec::Thread& thread, u32 block, uptr pc);

/// What AddressSanitizer found on its own, in the heap oracle's words.
exec::Finding& sanitizer_finding(exec::Thread& thread, const exec::SanitizerReport& report);

}  // namespace heddle::oracle
