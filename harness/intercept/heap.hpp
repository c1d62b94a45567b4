// In-target world. The heap behind malloc(), new and their kin.
#pragma once

#include "intercept/hook.hpp"

namespace heddle::intercept {

void* allocate_or_null(std::size_t size, std::size_t alignment, memory::AllocKind kind, uptr pc);
void release(void* memory, memory::AllocKind kind, uptr pc);

}  // namespace heddle::intercept
