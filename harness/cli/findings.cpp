#include "cli/findings.hpp"

#include <fmt/format.h>

#include "cli/output.hpp"
#include "fuzz/seed.hpp"
#include "report/story.hpp"

namespace heddle::cli {

FiledFinding* Findings::take() {
  const exec::Finding& finding = exec::engine().finding();
  // Cheap, before anything is run again: kind, rule and place.
  const std::string quick =
      fmt::format("{}/{}/{:x}", exec::name_of(finding.kind), finding.rule, finding.pc);
  if (!quick_.insert(quick).second) {
    return nullptr;
  }
  exploration::Divergence divergence;
  FiledFinding filed;
  filed.recording = session_.record(divergence);
  if (divergence.diverged) {
    complain(filed.recording.target + ": " + divergence.message);
    diverged_ = true;
    return nullptr;
  }
  filed.recording.signature = report::signature_of(filed.recording);
  if (!signatures_.insert(filed.recording.signature).second) {
    return nullptr;
  }
  filed.location = report::location_of();
  const std::string path =
      fmt::format("{}/{}/{}-{}.seed", options_.findings_folder, filed.recording.target,
                  exec::name_of(filed.recording.kind), filed.recording.signature);
  report::StoryOptions story;
  // The seed may be moved and is replayed by any build: no command in its copy of the story.
  const fuzz::SeedError error = fuzz::write_atomically(
      path, fuzz::to_text(filed.recording, report::tell(filed.recording, story)));
  story.replay_command = fmt::format("{} replay '{}'", program_, path);
  story.color = use_color();
  story.width = terminal_width();
  filed.story = report::tell(filed.recording, story);
  if (error) {
    complain(error.message);
    write_failed_ = true;
  } else {
    filed.seed = path;
    exploration::Recording read;
    exploration::Recording seen;
    const fuzz::SeedError unread = fuzz::read_seed(path, read);
    const exploration::Divergence again =
        unread ? exploration::Divergence{true, unread.message} : session_.replay(read, seen);
    filed.confirmed = !again.diverged;
    if (again.diverged) {
      complain(path + ": " + again.message);
      diverged_ = true;
    }
  }
  all_.push_back(std::move(filed));
  return &all_.back();
}

}  // namespace heddle::cli
