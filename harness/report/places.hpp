// Command-line world. Where in the program something happened, from the engine's trace.
#pragma once

#include <string>
#include <vector>

#include "exec/execution.hpp"
#include "heddle/value.hpp"
#include "report/symbols.hpp"

namespace heddle::report {

struct Place {
  ThreadId thread = ThreadId::kNone;
  u32 operation = memory::kNoOperation;
  uptr pc = 0;
  std::vector<uptr> callers;  // innermost first
};

/// The event of the last execution with that index; null if there is none.
const exec::Event* event_at(u32 index);
Place place_of(const exec::Event& event);
Place place_of_allocation(const memory::Block& block);
Place place_of_free(const memory::Block& block);
/// Where the finding shows; for a wrong result, within the operation that gave it.
Place place_of(const exec::Finding& finding);

/// The innermost frame of the program under test.
Frame users_frame(const Place& place);
/// The function of the program under test that the finding is in.
Frame frame_of(const exec::Finding& finding);

std::string thread_name(ThreadId id);
/// "insert(3, 1) = true": an operation of the last execution's history.
std::string operation_text(u32 operation, bool with_result);
/// "freed by T2 in erase(3):", then the stack.
std::string stack_text(const std::string& what, const Place& place);

}  // namespace heddle::report
