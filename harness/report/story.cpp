#include "report/story.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/rng.hpp"
#include "exec/image.hpp"
#include "oracle/describe.hpp"

namespace heddle::report {
namespace {

using exec::Event;
using exec::EventKind;
using exec::Finding;
using exec::Order;
using memory::Block;

constexpr u32 kContext = 2;    // events shown on either side of a switch
constexpr u32 kRowsMax = 400;  // a table longer than this keeps its end
constexpr u32 kStackDepthMax = 12;

exec::Execution& engine() { return exec::engine(); }

std::vector<uptr> callers_of(const Event& event) {
  const uptr* first = engine().event_frames().data() + event.stack;
  return {first, first + event.stack_depth};
}

const Event* event_at(u32 index) {
  return index < engine().events().size() ? &engine().events()[index] : nullptr;
}

const char* order_suffix(const Event& event) {
  switch (event.kind) {
    case EventKind::kLoad:
    case EventKind::kStore:
    case EventKind::kUpdate:
    case EventKind::kFailedCas:
    case EventKind::kFence: break;
    default: return "";
  }
  switch (event.order) {
    case Order::kRelaxed: return " rlx";
    case Order::kConsume:
    case Order::kAcquire: return " acq";
    case Order::kRelease: return " rel";
    case Order::kAcqRel: return " acq_rel";
    case Order::kSeqCst: return " sc";
  }
  return "";
}

std::string value_text(const Value& value) {
  switch (value.shape) {
    case Value::Shape::kVoid: return "";
    case Value::Shape::kNothing: return "nothing";
    case Value::Shape::kBool: return value.truth() ? "true" : "false";
    case Value::Shape::kInts: break;
  }
  std::string text = std::to_string(value.words[0]);
  for (unsigned i = 1; i < value.count; ++i) {
    text += ":" + std::to_string(value.words[i]);
  }
  return text;
}

std::string thread_name(ThreadId id) {
  return id == ThreadId::kNone ? "?" : "T" + std::to_string(to_index(id));
}

/// Gives the objects of a trace short names ("H1", "'counter'") in order of appearance, and says
/// in a legend what they are.
class ObjectNames {
 public:
  std::string name(uptr address) {
    if (address == 0) {
      return "";
    }
    const u32 index = engine().shadow().cell(address & ~uptr{7}).block;
    if (index != 0) {
      const Block& block = engine().arena().block(index);
      if (address >= block.address && address <= block.address + block.size) {
        return with_offset(numbered('H', index, blocks_), address - block.address);
      }
    }
    if (memory::in_stacks(address)) {
      return numbered('S', address, stack_objects_);
    }
    if (const exec::Symbol symbol = exec::symbol_at(address); symbol.name != nullptr) {
      oracle::Message text;
      oracle::describe_location(text, address);
      std::string name = text.data;
      return name.starts_with("global ") ? name.substr(7) : name;
    }
    return numbered('X', address, others_);
  }

  std::string legend() const {
    std::string text;
    for (const u32 index : sorted(blocks_)) {
      const Block& block = engine().arena().block(index);
      text += fmt::format("  H{} = {} bytes, allocated by {}{}", blocks_.at(index), block.size,
                          thread_name(block.thread),
                          at_place(block.alloc_pc, block.alloc_event, block.alloc_operation));
      if (block.state == memory::BlockState::kFreed) {
        text += fmt::format("; freed by {}{}", thread_name(block.freed_by),
                            at_place(block.free_pc, block.free_event, block.free_operation));
      }
      text += "\n";
    }
    for (const uptr address : sorted(stack_objects_)) {
      text += fmt::format("  S{} = an object on the stack of T{}\n", stack_objects_.at(address),
                          memory::stack_slot_of(address));
    }
    for (const uptr address : sorted(others_)) {
      text += fmt::format("  X{} = an object from outside of the execution\n", others_.at(address));
    }
    return text;
  }

 private:
  template <class Key>
  static std::string numbered(char letter, Key key, std::map<Key, u32>& numbers) {
    const auto [at, fresh] = numbers.try_emplace(key, static_cast<u32>(numbers.size() + 1));
    static_cast<void>(fresh);
    return letter + std::to_string(at->second);
  }

  static std::string with_offset(const std::string& name, uptr offset) {
    return offset == 0 ? name : name + "+" + std::to_string(offset);
  }

  template <class Key>
  static std::vector<Key> sorted(const std::map<Key, u32>& numbers) {
    std::vector<Key> keys;
    for (const auto& entry : numbers) {
      keys.push_back(entry.first);
    }
    std::sort(keys.begin(), keys.end(),
              [&](Key a, Key b) { return numbers.at(a) < numbers.at(b); });
    return keys;
  }

  static std::string at_place(uptr pc, u32 event, u32 operation) {
    std::string text;
    if (operation != memory::kNoOperation) {
      text += " in " + operation_text(operation, false);
    }
    const Event* traced = event_at(event);
    const Frame frame =
        users_frame(pc, traced == nullptr ? std::vector<uptr>{} : callers_of(*traced));
    if (!frame.file.empty()) {
      text += fmt::format(" at {} ({})", frame.place(), frame.function);
    }
    return text;
  }

  std::map<u32, u32> blocks_;
  std::map<uptr, u32> stack_objects_;
  std::map<uptr, u32> others_;
};

std::string event_text(const Event& event, ObjectNames& names, bool with_result) {
  switch (event.kind) {
    case EventKind::kCall: return operation_text(event.operation, with_result);
    case EventKind::kReturn: {
      const auto& entry = target::history().entries[event.operation];
      const std::string value = value_text(entry.result);
      return value.empty() ? "  done" : "  = " + value;
    }
    case EventKind::kCreate: return fmt::format("create T{}", event.value);
    case EventKind::kJoin: return fmt::format("join T{}", event.value);
    case EventKind::kAllocate:
      return fmt::format("allocate {} ({} bytes)", names.name(event.address), event.value);
    case EventKind::kFree: return fmt::format("free {}", names.name(event.address));
    case EventKind::kRead:
    case EventKind::kWrite:
      return fmt::format("{} {} ({} bytes)", exec::name_of(event.kind), names.name(event.address),
                         event.size);
    case EventKind::kLoad:
    case EventKind::kStore:
    case EventKind::kUpdate:
    case EventKind::kFailedCas: {
      const bool pointer = event.value != event.shown;
      return fmt::format(
          "{} {} {} {}{}", exec::name_of(event.kind), names.name(event.address),
          event.kind == EventKind::kLoad || event.kind == EventKind::kFailedCas ? "->" : ":=",
          pointer ? "&" + names.name(event.value) : std::to_string(static_cast<i64>(event.value)),
          order_suffix(event));
    }
    case EventKind::kTryLock:
      return fmt::format("try lock {}{}", names.name(event.address),
                         event.value == 0 ? " (busy)" : "");
    case EventKind::kChoice: return fmt::format("choose -> {}", event.value);
    default:
      return fmt::format("{} {}{}", exec::name_of(event.kind), names.name(event.address),
                         order_suffix(event));
  }
}

/// True if the operation called at `index` returned before any other thread had a turn: then one
/// row tells it all.
bool undisturbed(u32 index) {
  const auto& events = engine().events();
  if (events[index].kind != EventKind::kCall) {
    return false;
  }
  for (u32 i = index + 1; i < events.size() && events[i].thread == events[index].thread; ++i) {
    if (events[i].kind == EventKind::kReturn) {
      return true;
    }
  }
  return false;
}

/// Which events the table shows: operations, both sides of each switch, and what the finding names.
std::vector<u32> shown_events(const Finding& finding) {
  const auto& events = engine().events();
  std::vector<bool> shown(events.size(), false);
  u32 segment_begin = 0;
  const auto show_segment = [&](u32 begin, u32 end) {
    u32 seen = 0;
    for (u32 i = begin; i < end && seen < kContext; ++i) {
      if (!exec::is_plain(events[i].kind)) {
        shown[i] = true;
        ++seen;
      }
    }
    seen = 0;
    for (u32 i = end; i > begin && seen < kContext; --i) {
      if (!exec::is_plain(events[i - 1].kind)) {
        shown[i - 1] = true;
        ++seen;
      }
    }
  };
  for (u32 i = 0; i < events.size(); ++i) {
    if (events[i].thread != events[segment_begin].thread) {
      show_segment(segment_begin, i);
      segment_begin = i;
    }
    const bool about_block =
        finding.block != 0 &&
        (events[i].kind == EventKind::kAllocate || events[i].kind == EventKind::kFree) &&
        events[i].address == engine().arena().block(finding.block).address;
    if (events[i].kind == EventKind::kCall || events[i].kind == EventKind::kReturn || about_block ||
        i == finding.event || i == finding.other_event) {
      shown[i] = true;
    }
  }
  if (!events.empty()) {
    show_segment(segment_begin, events.size());
  }
  std::vector<u32> indices;
  bool told = false;  // the operation at hand, result and all, by its call
  for (u32 i = 0; i < events.size(); ++i) {
    told = events[i].kind == EventKind::kCall ? undisturbed(i) : told;
    if (shown[i] && !(told && events[i].kind == EventKind::kReturn && i != finding.event)) {
      indices.push_back(i);
    }
  }
  return indices;
}

std::string clipped(const std::string& text, std::size_t width) {
  return text.size() <= width ? text : text.substr(0, width > 1 ? width - 1 : 0) + "~";
}

std::string table(const Finding& finding, ObjectNames& names, unsigned width) {
  const u32 threads = engine().thread_count();
  const std::vector<u32> indices = shown_events(finding);
  if (indices.empty()) {
    return "";
  }
  constexpr std::size_t kPlaceWidth = 30;
  const std::size_t place_width = width > 80 ? kPlaceWidth : 0;
  const std::size_t columns = std::min<std::size_t>(threads, 6);
  const std::size_t column = std::max<std::size_t>(14, (width - 8 - place_width) / columns - 1);
  std::string text = "   event ";
  for (u32 i = 0; i < columns; ++i) {
    text += fmt::format("{:<{}} ",
                        i + 1 == columns && threads > columns ? fmt::format("T{} and on", i)
                                                              : fmt::format("T{}", i),
                        column);
  }
  text += place_width != 0 ? "where\n" : "\n";
  const std::size_t skip = indices.size() > kRowsMax ? indices.size() - kRowsMax : 0;
  if (skip != 0) {
    text += fmt::format("          ... {} rows before\n", skip);
  }
  for (std::size_t row = skip; row < indices.size(); ++row) {
    const Event& event = engine().events()[indices[row]];
    // Behind an operation told in one row, what it did is left out without a word.
    if (row > skip && indices[row] > indices[row - 1] + 1 && !undisturbed(indices[row - 1])) {
      const u32 left_out = static_cast<u32>(std::count_if(
          engine().events().begin() + indices[row - 1] + 1,
          engine().events().begin() + indices[row], [](const Event& between) {
            return !exec::is_plain(between.kind) && between.kind != EventKind::kReturn;
          }));
      if (left_out != 0) {
        text += fmt::format("          ... {} event{} of T{}\n", left_out, left_out == 1 ? "" : "s",
                            to_index(event.thread));
      }
    }
    const std::size_t own = std::min<std::size_t>(to_index(event.thread), columns - 1);
    const bool key = indices[row] == finding.other_event;
    std::string line = fmt::format("{}{:>6}  ", key ? " >" : "  ", indices[row]) +
                       std::string(own * (column + 1), ' ');
    const std::string cell = event_text(event, names, undisturbed(indices[row]));
    line += clipped(cell, width - 8 - place_width - own * (column + 1) - 1);
    if (place_width != 0) {
      const std::string place = users_frame(event.pc, callers_of(event)).place();
      const std::size_t at = 9 + columns * (column + 1);
      line += std::string(line.size() < at ? at - line.size() : 1, ' ') + place;
    }
    while (!line.empty() && line.back() == ' ') {
      line.pop_back();
    }
    text += line + "\n";
  }
  return text;
}

std::string stack(uptr pc, const std::vector<uptr>& callers) {
  std::string text;
  u32 depth = 0;
  const auto add = [&](const Frame& frame) {
    if (depth < kStackDepthMax) {
      text += fmt::format("    #{} {}  {}\n", depth++, frame.function, frame.place());
    }
  };
  for (std::size_t i = 0; i <= callers.size(); ++i) {
    for (const Frame& frame : frames_at(i == 0 ? pc : callers[i - 1])) {
      if (is_users(frame) || i == 0) {
        add(frame);
      }
    }
  }
  return text;
}

/// "T2 in range.next() at go_map.hpp:88", then the stack.
std::string place_of(const char* what, ThreadId thread, u32 operation, uptr pc,
                     const std::vector<uptr>& callers) {
  std::string text = fmt::format("  {} by {}", what, thread_name(thread));
  if (operation != memory::kNoOperation) {
    text += " in " + operation_text(operation, false);
  }
  return text + ":\n" + stack(pc, callers);
}

u32 operation_of(ThreadId thread) {
  return thread == ThreadId::kNone ? memory::kNoOperation : engine().thread(thread).operation;
}

std::vector<uptr> live_callers(ThreadId thread) {
  if (thread == ThreadId::kNone) {
    return {};
  }
  const auto& frames = engine().thread(thread).frames;
  return {std::reverse_iterator(frames.end()), std::reverse_iterator(frames.begin())};
}

std::string places(const Finding& finding) {
  std::string text;
  if (finding.pc != 0) {
    text += place_of(finding.kind == exec::FindingKind::kRace ? "second access" : "happened",
                     finding.thread, operation_of(finding.thread), finding.pc,
                     live_callers(finding.thread));
  }
  if (const Event* other = event_at(finding.other_event);
      other != nullptr && finding.kind == exec::FindingKind::kRace) {
    text +=
        place_of("first access", other->thread, other->operation, other->pc, callers_of(*other));
  }
  if (finding.block != 0) {
    const Block& block = engine().arena().block(finding.block);
    if (block.state == memory::BlockState::kFreed) {
      const Event* event = event_at(block.free_event);
      text += place_of("freed", block.freed_by, block.free_operation, block.free_pc,
                       event == nullptr ? std::vector<uptr>{} : callers_of(*event));
    }
    const Event* event = event_at(block.alloc_event);
    text += place_of("allocated", block.thread, block.alloc_operation, block.alloc_pc,
                     event == nullptr ? std::vector<uptr>{} : callers_of(*event));
  }
  return text;
}

// A sanitizer's report: without template arguments, and without the bytes of its shadow memory.
std::string readable_detail(const std::string& detail) {
  std::string text =
      without_template_arguments(detail.substr(0, detail.find("Shadow bytes around")));
  return text + (text.ends_with('\n') ? "" : "\n");
}

}  // namespace

std::string operation_text(u32 operation, bool with_result) {
  if (operation >= target::history().entries.size()) {
    return "?";
  }
  const target::HistoryEntry& entry = target::history().entries[operation];
  std::string text = entry.name;
  text += "(";
  for (u32 i = 0; i < entry.argument_count; ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(entry.arguments[i]);
  }
  text += ")";
  if (with_result && entry.returned && !value_text(entry.result).empty()) {
    text += " = " + value_text(entry.result);
  }
  return text;
}

std::string location_of() {
  const Finding& finding = engine().finding();
  return users_frame(finding.pc, live_callers(finding.thread)).place();
}

std::string signature_of(const exploration::Recording& recording) {
  const Finding& finding = engine().finding();
  std::string text = std::string(exec::name_of(recording.kind)) + "/" + recording.rule;
  text += "/" + users_frame(finding.pc, live_callers(finding.thread)).function;
  if (const Event* other = event_at(finding.other_event)) {
    text += "/" + users_frame(other->pc, callers_of(*other)).function;
  }
  u64 hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<u8>(c)) * 0x100000001b3ULL;
  }
  return fmt::format("{:016x}", mix64(hash));
}

std::string tell(const exploration::Recording& recording, const StoryOptions& options) {
  const Finding& finding = engine().finding();
  const char* bold = options.color ? "\033[1;31m" : "";
  const char* plain = options.color ? "\033[0m" : "";
  ObjectNames names;
  std::string text = fmt::format("{}{} in {}{}\n  {}\n", bold, exec::name_of(recording.kind),
                                 recording.target, plain, recording.message);
  const std::string rows = table(finding, names, options.width);
  text += "\n" + places(finding);
  if (finding.detail.length != 0) {
    text += "\n";
    text += readable_detail(finding.detail.data);
  }
  text += "\n" + rows;
  const std::string legend = names.legend();
  if (!legend.empty()) {
    text += "\n" + legend;
  }
  if (!options.replay_command.empty()) {
    text += fmt::format("\n  replay: {}\n", options.replay_command);
  }
  return text;
}

}  // namespace heddle::report
