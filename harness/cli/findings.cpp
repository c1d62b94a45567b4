#include "cli/findings.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/output.hpp"
#include "explore/isolation.hpp"
#include "fuzz/seed.hpp"
#include "report/story.hpp"
#include "report/uncontrolled.hpp"

namespace heddle::cli {

using Json = nlohmann::ordered_json;

std::string to_text(const FiledFinding& filed) {
  return Json{{"kind", exec::name_of(filed.recording.kind)},
              {"rule", filed.recording.rule},
              {"message", filed.recording.message},
              {"signature", filed.recording.signature},
              {"second_opinion", filed.recording.second_opinion},
              {"seed", filed.seed},
              {"location", filed.location},
              {"story", filed.story},
              {"uncontrolled", filed.uncontrolled},
              {"confirmed", filed.confirmed},
              {"seconds", filed.seconds},
              {"executions", filed.executions},
              {"strategy", filed.strategy}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

FiledFinding from_text(const std::string& text) {
  const Json object = Json::parse(text);
  FiledFinding filed;
  filed.seed = object["seed"];
  if (filed.seed.empty() || fuzz::read_seed(filed.seed, filed.recording)) {
    filed.recording.kind = exec::finding_kind_of(object["kind"].get<std::string>().c_str());
    filed.recording.rule = object["rule"];
    filed.recording.message = object["message"];
  }
  filed.recording.signature = object["signature"];
  filed.recording.second_opinion = object["second_opinion"];
  filed.location = object["location"];
  filed.story = object["story"];
  filed.uncontrolled = object["uncontrolled"];
  filed.confirmed = object["confirmed"];
  filed.seconds = object["seconds"];
  filed.executions = object["executions"];
  filed.strategy = object["strategy"];
  return filed;
}

// Records, tells and writes; what was wrong, if the execution did not repeat.
std::string Findings::file(FiledFinding& filed) {
  exploration::Divergence divergence;
  filed.recording = session_.record(divergence);
  if (divergence.diverged) {
    return divergence.message;
  }
  filed.recording.signature = report::signature_of(filed.recording);
  if (signatures_.contains(filed.recording.signature)) {
    return "";
  }
  filed.location = report::location_of();
  filed.uncontrolled = report::uncontrolled_in_execution();
  report::StoryOptions story;
  // The seed may be moved and is replayed by any build: no command in its copy of the story.
  write(filed, report::tell(filed.recording, story));
  story.replay_command = replay_command(filed);
  story.color = use_color();
  story.width = terminal_width();
  filed.story = report::tell(filed.recording, story);
  return "";
}

std::string Findings::file_apart(FiledFinding& filed) {
  constexpr char kError = 'E';  // what is behind it went wrong; else the finding
  const exploration::ChildEnd end = exploration::in_child([this] {
    FiledFinding its;
    const std::string error = file(its);
    return error.empty() ? to_text(its) : kError + error;
  });
  if (!end.finished) {
    return "the execution did not repeat: the second time its process died: " + end.how;
  }
  if (end.result[0] == kError) {
    return end.result.substr(1);
  }
  filed = from_text(end.result);
  return "";
}

// There are no events to tell: they died with the process.
void Findings::file_death(FiledFinding& filed) {
  filed.recording = session_.recording_of_death();
  filed.recording.signature = report::signature_of(filed.recording);
  if (signatures_.contains(filed.recording.signature)) {
    return;
  }
  const std::string story = fmt::format("{} in {}\n  {}\n", exec::name_of(filed.recording.kind),
                                        filed.recording.target, filed.recording.message);
  write(filed, story);
  filed.story = fmt::format("{}\n  replay: {}\n", story, replay_command(filed));
}

void Findings::write(FiledFinding& filed, const std::string& story) {
  filed.seed = fmt::format("{}/{}/{}-{}.seed", options_.findings_folder, filed.recording.target,
                           exec::name_of(filed.recording.kind), filed.recording.signature);
  if (const fuzz::SeedError error =
          fuzz::write_atomically(filed.seed, fuzz::to_text(filed.recording, story))) {
    complain(error.message);
    filed.seed.clear();
  }
}

std::string Findings::replay_command(const FiledFinding& filed) const {
  return fmt::format("{} replay '{}'", program_, filed.seed);
}

FiledFinding* Findings::take() {
  const exploration::Observed& seen = session_.observed();
  if (seen.kind == exec::FindingKind::kRace && !options_.settings.detector) {
    return nullptr;  // what comes of them is asked for
  }
  // Cheap, before anything is run again: kind, rule and place.
  const std::string quick = fmt::format("{}/{}/{:x}", exec::name_of(seen.kind), seen.rule, seen.pc);
  if (!quick_.insert(quick).second) {
    return nullptr;
  }
  FiledFinding filed;
  std::string error;
  if (seen.died) {
    file_death(filed);
  } else {
    error = session_.isolated() ? file_apart(filed) : file(filed);
  }
  if (!error.empty()) {
    complain(session_.name() + ": " + error);
    diverged_ = true;
    return nullptr;
  }
  if (!signatures_.insert(filed.recording.signature).second) {
    return nullptr;
  }
  write_failed_ |= filed.seed.empty();
  if (!filed.seed.empty()) {
    exploration::Recording read;
    const fuzz::SeedError unread = fuzz::read_seed(filed.seed, read);
    const exploration::Divergence again = unread ? exploration::Divergence{true, unread.message}
                                          : session_.isolated() ? session_.replay_apart(read)
                                                                : replay(read);
    filed.confirmed = !again.diverged;
    if (again.diverged) {
      complain(filed.seed + ": " + again.message);
      diverged_ = true;
    }
  }
  all_.push_back(std::move(filed));
  return &all_.back();
}

void Findings::know(const std::vector<FiledFinding>& findings) {
  for (const FiledFinding& finding : findings) {
    signatures_.insert(finding.recording.signature);
    all_.push_back(finding);
  }
}

exploration::Divergence Findings::replay(const exploration::Recording& recording) {
  exploration::Recording seen;
  return session_.replay(recording, seen);
}

}  // namespace heddle::cli
