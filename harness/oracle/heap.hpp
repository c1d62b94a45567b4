// In-target world. The heap oracle's reports.
#pragma once

#include "exec/execution.hpp"

namespace heddle::oracle {

void report_unaddressable(exec::Thread& thread, uptr address, u32 size, u8 flags, uptr pc);
void report_bad_free(exec::Thread& thread, uptr address, u32 block, uptr pc);

void report_mismatched_free(exec::Thread& thread, u32 block, uptr pc);

}  // namespace heddle::oracle
