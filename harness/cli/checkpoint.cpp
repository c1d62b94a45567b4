// A checkpoint is a sealed text file (fuzz/sealed.hpp) of one line of JSON:
//
//   search      target, model and all else that decides which executions there are, and the
//   checksum
//               of this program: places in its code are part of what is known of spins
//   keep_going, findings_folder      unless the user says something else
//   jobs        of each process: census, programs, findings, and two Archives
#include "cli/checkpoint.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "cli/drive.hpp"

namespace heddle::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kKind = "checkpoint";

Json to_json(const exploration::Census& census) {
  return Json{{"complete", census.complete},
              {"blocked", census.blocked},
              {"with_finding", census.with_finding},
              {"undecided", census.undecided},
              {"finished", census.finished},
              {"bounded", census.bounded},
              {"untimed", census.untimed},
              {"preempted", census.preempted},
              {"seconds", census.seconds}};
}

exploration::Census census_from_json(const Json& object) {
  exploration::Census census;
  census.complete = object.at("complete");
  census.blocked = object.at("blocked");
  census.with_finding = object.at("with_finding");
  census.undecided = object.at("undecided");
  census.finished = object.at("finished");
  census.bounded = object.at("bounded");
  census.untimed = object.at("untimed");
  census.preempted = object.at("preempted");
  census.seconds = object.at("seconds");
  return census;
}

std::string checksum_of_executable() {
  std::string bytes;
  read_whole("/proc/self/exe", bytes);
  return fuzz::hex(fuzz::crc32(bytes), 8);
}

Json search_of(const CommandOptions& options, const std::string& name) {
  const target::Executable& executable = target::find_target(name)->executable();
  const exploration::Shard& shard = options.budget.shard;
  return Json{{"target", name},
              {"executable", executable.path},
              {"arguments", executable.arguments},
              {"strategy", options.budget.search},
              {"preemptions", options.budget.preemptions},
              {"model", options.settings.model},
              {"faults", exploration::text_of(options.settings.faults)},
              {"max-steps", options.settings.steps_max},
              {"operations", options.smallness.operations},
              {"values", options.smallness.values},
              {"shard", shard.index + 1},
              {"shards", shard.count},
              {"jobs", options.jobs},
              {"build", checksum_of_executable()}};
}

void ask_for(const Json& search, CommandOptions& options) {
  options.targets = {search.at("target").get<std::string>()};
  options.budget.search = search.at("strategy");
  options.budget.preemptions = search.at("preemptions");
  options.settings.model = search.at("model");
  options.model_is_given = true;
  exploration::parse_faults(search.at("faults"), options.settings.faults);
  options.settings.steps_max = search.at("max-steps");
  options.smallness = {search.at("operations"), search.at("values")};
  options.budget.shard = {search.at("shard").get<u32>() - 1, search.at("shards")};
  options.jobs = search.at("jobs");
  // In the program itself, the target has its name.
  if (search.at("executable") != "" && target::program() == nullptr) {
    options.targets = {search.at("executable").get<std::string>()};
    if (options.executable.arguments.empty()) {
      options.executable.arguments = search.at("arguments");
    }
  }
}

void take_over(const Json& object, const std::string& path, CommandOptions& options) {
  const Json& search = object.at("search");
  auto checkpoint = std::make_shared<Checkpoint>(Checkpoint{path, search.dump()});
  for (const Json& job : object.at("jobs")) {
    checkpoint->jobs.push_back(job_from_json(job));
  }
  ask_for(search, options);
  options.keep_going = object.at("keep_going");
  options.findings_folder = object.at("findings_folder");
  options.resumed = checkpoint;
}

}  // namespace

Json to_json(const JobState& job) {
  Json findings = Json::array();
  for (const FiledFinding& finding : job.findings) {
    findings.push_back(to_text(finding));
  }
  return Json{{"census", to_json(job.census)},
              {"programs", job.programs},
              {"findings", findings},
              {"program", job.program},
              {"executions", job.executions}};
}

JobState job_from_json(const Json& object) {
  JobState job;
  job.census = census_from_json(object.at("census"));
  job.programs = object.at("programs");
  for (const Json& text : object.at("findings")) {
    job.findings.push_back(from_text(text));
  }
  job.program = object.at("program");
  job.executions = object.at("executions");
  return job;
}

std::string checkpoint_path(const CommandOptions& options, const std::string& target) {
  if (!options.checkpoint.empty() || options.resumed != nullptr) {
    return options.checkpoint.empty() ? options.resumed->path : options.checkpoint;
  }
  const exploration::Shard& shard = options.budget.shard;
  return fmt::format(
      "{}/{}/{}{}.checkpoint", options.findings_folder, target, options.settings.model,
      shard.count == 1 ? "" : fmt::format("-{}-of-{}", shard.index + 1, shard.count));
}

fuzz::FileError write_checkpoint(const CommandOptions& options, const std::string& target,
                                 const std::vector<JobState>& jobs) {
  Json list = Json::array();
  for (const JobState& job : jobs) {
    list.push_back(to_json(job));
  }
  const Json object{{"search", search_of(options, target)},
                    {"keep_going", options.keep_going},
                    {"findings_folder", options.findings_folder},
                    {"jobs", list}};
  return fuzz::write_atomically(checkpoint_path(options, target),
                                fuzz::seal(object.dump() + "\n", kKind));
}

fuzz::FileError resume_from(const std::string& path, CommandOptions& options) {
  std::string text;
  std::string body;
  fuzz::FileError error = fuzz::read_file(path, kKind, text);
  if (error) {
    return error;
  }
  error = fuzz::unseal(text, kKind, body);
  if (error) {
    return {path + ": " + error.message};
  }
  try {
    take_over(Json::parse(body), path, options);
  } catch (const Json::exception&) {
    return {path + ": not what a check writes"};
  }
  const std::string& target = options.targets.front();
  if (!is_path(target) && target::find_target(target) == nullptr) {
    return {path + ": it is for target '" + target + "', which this program does not have"};
  }
  return {};
}

std::string misfit_of_checkpoint(const CommandOptions& options) {
  const std::string& path = options.resumed->path;
  if (options.targets.size() > 1) {
    return path + ": a search of one target; name no others";
  }
  const Json theirs = Json::parse(options.resumed->search);
  const Json ours = search_of(options, options.targets.front());
  for (const auto& [name, value] : ours.items()) {
    if (name == "build" && theirs[name] != value) {
      return path + ": was written by another build of this program";
    }
    if (theirs[name] != value) {
      return fmt::format("{}: its search has {} {}, not {}", path, name, theirs[name].dump(),
                         value.dump());
    }
  }
  return "";
}

}  // namespace heddle::cli
