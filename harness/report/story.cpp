#include "report/story.hpp"

#include <fmt/format.h>

#include "base/rng.hpp"
#include "report/places.hpp"
#include "report/sanitizer_text.hpp"
#include "report/table.hpp"
#include "report/uncontrolled.hpp"
#include "target/history.hpp"

namespace heddle::report {
namespace {

using exec::Event;
using exec::Finding;
using exec::FindingKind;
using memory::Block;
using memory::BlockState;

constexpr u32 kLeaksMax = 8;

exec::Execution& engine() { return exec::engine(); }

std::string leaks() {
  std::string text;
  u32 blocks = 0;
  for (u32 index = 1; index <= engine().arena().last_block(); ++index) {
    const Block& block = engine().arena().block(index);
    if (block.state == BlockState::kLeaked && ++blocks <= kLeaksMax) {
      text += stack_text(fmt::format("leaked: {} bytes (T{}'s allocation #{}), allocated",
                                     block.size, to_index(block.thread), block.ordinal),
                         place_of_allocation(block));
    }
  }
  return blocks <= kLeaksMax ? text : text + fmt::format("  and {} more\n", blocks - kLeaksMax);
}

std::string life_of(const Block& block, const Finding& finding) {
  std::string text;
  // What is freed later on, when all is over, has nothing to do with it.
  if (block.state == BlockState::kFreed && block.free_event < finding.event) {
    text += stack_text("freed", place_of_free(block));
  }
  return text + stack_text("allocated", place_of_allocation(block));
}

std::string places(const Finding& finding) {
  if (finding.block != 0 && engine().arena().block(finding.block).state == BlockState::kLeaked) {
    return leaks();
  }
  std::string text;
  const bool conflict =
      finding.kind == FindingKind::kRace || finding.kind == FindingKind::kUnsupported;
  const Event* other = conflict ? event_at(finding.other_event) : nullptr;
  const bool race = finding.kind == FindingKind::kRace;
  if (const Place place = place_of(finding); place.pc != 0) {
    text += stack_text(race || other != nullptr ? "second access" : "happened", place);
  }
  if (other != nullptr) {
    text += stack_text("first access", place_of(*other));
  }
  if (finding.block != 0) {
    text += life_of(engine().arena().block(finding.block), finding);
  }
  return text;
}

std::string detail(const Finding& finding) {
  const std::string text = finding.detail.data;
  if (text.find("AddressSanitizer") == std::string::npos) {
    return text;
  }
  const std::size_t after = text.rfind("after: ");  // the race that came first
  return sanitizer_text(finding) + (after == std::string::npos ? "" : text.substr(after));
}

std::string heading(const exploration::Recording& recording, const Finding& finding, bool color) {
  const char* bold = color ? "\033[1;31m" : "";
  const char* plain = color ? "\033[0m" : "";
  const char* kind = finding ? exec::name_of(recording.kind) : "no finding";
  const std::string& model = recording.settings.model;
  std::string text = fmt::format("{}{} in {}{}{}\n", bold, kind, recording.target,
                                 model == "sc" ? "" : " under " + model, plain);
  if (finding) {
    text += fmt::format("  {}\n", recording.message);
  }
  if (finding.kind == FindingKind::kRace && recording.settings.race_continue) {
    text += "  (the execution went on after it, as races do not end this one)\n";
  }
  for (const std::string& line :
       finding ? uncontrolled_in_execution() : std::vector<std::string>()) {
    text += fmt::format("  (not controlled: {})\n", line);
  }
  return text;
}

/// Where the finding belongs, whatever the line: for a wrong result, the operation too.
std::string belongs_to(const Finding& finding) {
  std::string text = "/" + frame_of(finding).function;
  if (const Event* other = event_at(finding.other_event)) {
    text += "/" + users_frame(place_of(*other)).function;
  }
  if (finding.operation < target::history().entries.size()) {
    text += std::string("/") + target::history().entries[finding.operation].name;
  }
  return text;
}

}  // namespace

std::string location_of() { return frame_of(engine().finding()).place(); }

std::string signature_of(const exploration::Recording& recording) {
  const std::string text = std::string(exec::name_of(recording.kind)) + "/" + recording.rule +
                           belongs_to(engine().finding());
  u64 hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<u8>(c)) * 0x100000001b3ULL;
  }
  return fmt::format("{:016x}", mix64(hash));
}

std::string tell(const exploration::Recording& recording, const StoryOptions& options) {
  const Finding& finding = engine().finding();
  ObjectNames names;
  std::string text = heading(recording, finding, options.color);
  for (const std::string& part :
       {places(finding), detail(finding), table(names, {options.width, options.diverged_at}),
        names.legend()}) {
    text += part.empty() ? "" : "\n" + part;
  }
  if (!options.replay_command.empty()) {
    text += fmt::format("\n  replay: {}\n", options.replay_command);
  }
  return text;
}

}  // namespace heddle::report
