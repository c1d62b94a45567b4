#include "report/object_names.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "exec/image.hpp"
#include "oracle/describe.hpp"
#include "report/places.hpp"
#include "target/history.hpp"

namespace heddle::report {
namespace {

using memory::Block;

exec::Execution& engine() { return exec::engine(); }

template <class Key>
std::string numbered(char letter, Key key, std::map<Key, u32>& numbers) {
  const auto [at, fresh] = numbers.try_emplace(key, static_cast<u32>(numbers.size() + 1));
  static_cast<void>(fresh);
  return letter + std::to_string(at->second);
}

template <class Key>
std::vector<Key> sorted(const std::map<Key, u32>& numbers) {
  std::vector<Key> keys;
  for (const auto& entry : numbers) {
    keys.push_back(entry.first);
  }
  std::sort(keys.begin(), keys.end(), [&](Key a, Key b) { return numbers.at(a) < numbers.at(b); });
  return keys;
}

/// "allocated by T1 in insert(3, 1) at map.hpp:12 (Map<>::grow)"
std::string deed(const char* what, const Place& place) {
  std::string text = fmt::format("{} by {}", what, thread_name(place.thread));
  if (place.operation != memory::kNoOperation) {
    text += " in " + operation_text(place.operation, false);
  }
  if (const Frame frame = users_frame(place); !frame.file.empty()) {
    text += fmt::format(" at {} ({})", frame.place(), frame.function);
  }
  return text;
}

}  // namespace

std::string ObjectNames::name(uptr address) {
  if (address == 0) {
    return "";
  }
  const u32 index = engine().arena().block_near(address);
  if (index != 0) {
    const std::string block = numbered('H', index, blocks_);
    const auto offset = static_cast<i64>(address - engine().arena().block(index).address);
    return offset == 0 ? block : fmt::format("{}{:+}", block, offset);
  }
  if (memory::in_stacks(address)) {
    return numbered('S', address, stack_objects_);
  }
  if (const exec::Symbol symbol = exec::symbol_at(address); symbol.name != nullptr) {
    oracle::Message text;
    oracle::describe_location(text, address);
    const std::string name = text.data;
    return name.starts_with("global ") ? name.substr(7) : name;
  }
  return numbered('X', address, others_);
}

std::string ObjectNames::legend() const {
  std::string text;
  for (const u32 index : sorted(blocks_)) {
    const Block& block = engine().arena().block(index);
    text += fmt::format(
        "  H{} = {}heap block of {} bytes ({}'s allocation #{}), {}", blocks_.at(index),
        block.address == target::history().subject ? "the object under test, " : "", block.size,
        thread_name(block.thread), block.ordinal, deed("allocated", place_of_allocation(block)));
    if (block.state == memory::BlockState::kFreed) {
      text += "; " + deed("freed", place_of_free(block));
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

}  // namespace heddle::report
