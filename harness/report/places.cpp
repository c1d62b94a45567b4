#include "report/places.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "target/history.hpp"

namespace heddle::report {
namespace {

using exec::Event;
using exec::Finding;
using memory::Block;

constexpr u32 kStackDepthMax = 12;

exec::Execution& engine() { return exec::engine(); }

Place place_in_block(ThreadId thread, u32 operation, uptr pc, u32 event) {
  const Event* traced = event_at(event);
  return {thread, operation, pc,
          traced == nullptr ? std::vector<uptr>{} : place_of(*traced).callers};
}

/// The operation's linearization point, or the first place in it that is known.
Place place_of_operation(u32 operation) {
  Place first;
  for (const Event& event : engine().events()) {
    if (event.operation != operation || event.pc == 0) {
      continue;
    }
    if (event.kind == exec::EventKind::kCommit) {
      return place_of(event);
    }
    first = first.pc == 0 ? place_of(event) : first;
  }
  return first;
}

Frame outermost_users_frame(const Place& place) {
  Frame outermost;
  for (std::size_t i = 0; i <= place.callers.size(); ++i) {
    for (const Frame& frame : frames_at(i == 0 ? place.pc : place.callers[i - 1])) {
      outermost = is_users(frame) ? frame : outermost;
    }
  }
  return outermost;
}

}  // namespace

const Event* event_at(u32 index) {
  return index < engine().events().size() ? &engine().events()[index] : nullptr;
}

Place place_of(const Event& event) {
  const uptr* first = engine().event_frames().data() + event.stack;
  return {event.thread, event.operation, event.pc, {first, first + event.stack_depth}};
}

Place place_of_allocation(const Block& block) {
  return place_in_block(block.thread, block.alloc_operation, block.alloc_pc, block.alloc_event);
}

Place place_of_free(const Block& block) {
  return place_in_block(block.freed_by, block.free_operation, block.free_pc, block.free_event);
}

Place place_of(const Finding& finding) {
  if (finding.operation != memory::kNoOperation) {
    return place_of_operation(finding.operation);
  }
  const Event* event = event_at(finding.event);
  return event != nullptr ? place_of(*event)
                          : Place{finding.thread, memory::kNoOperation, finding.pc, {}};
}

Frame users_frame(const Place& place) { return users_frame(place.pc, place.callers); }

Frame frame_of(const Finding& finding) {
  const Place place = place_of(finding);
  return finding.operation == memory::kNoOperation ? users_frame(place)
                                                   : outermost_users_frame(place);
}

std::string thread_name(ThreadId id) {
  return id == ThreadId::kNone ? "?" : "T" + std::to_string(to_index(id));
}

std::string operation_text(u32 operation, bool with_result) {
  if (operation >= target::history().entries.size()) {
    return "?";
  }
  return target::text_of(target::history().entries[operation], with_result);
}

std::string stack_text(const std::string& what, const Place& place) {
  std::string text = fmt::format("  {} by {}", what, thread_name(place.thread));
  if (place.operation != memory::kNoOperation) {
    text += " in " + operation_text(place.operation, false);
  }
  text += ":\n";
  u32 depth = 0;
  const auto add = [&](const Frame& frame) {
    text += fmt::format("    #{} {}  {}\n", depth++, frame.function, frame.place());
  };
  for (std::size_t i = 0; i <= place.callers.size(); ++i) {
    for (const Frame& frame : frames_at(i == 0 ? place.pc : place.callers[i - 1])) {
      const bool library = i == 0 && !frame.function.starts_with("heddle::");
      if ((is_users(frame) || library) && depth < kStackDepthMax) {
        add(frame);
      }
    }
  }
  if (depth == 0) {
    add(users_frame(place));
  }
  return text;
}

}  // namespace heddle::report
