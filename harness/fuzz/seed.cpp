#include "fuzz/seed.hpp"

#include <charconv>
#include <sstream>

namespace heddle::fuzz {
namespace {

using exploration::EventMark;
using exploration::Recording;

constexpr const char* kKind = "seed";

// Event names with blanks would fall apart as words of a line.
std::string word(const char* name) {
  std::string text = name;
  for (char& c : text) {
    c = c == ' ' ? '-' : c;
  }
  return text;
}

bool event_kind_of(const std::string& text, exec::EventKind& kind) {
  for (u8 i = 0; i <= static_cast<u8>(exec::kLastEventKind); ++i) {
    if (word(exec::name_of(static_cast<exec::EventKind>(i))) == text) {
      kind = static_cast<exec::EventKind>(i);
      return true;
    }
  }
  return false;
}

bool decision_kind_of(const std::string& text, exec::DecisionKind& kind) {
  for (u8 i = 0; i <= static_cast<u8>(exec::kLastDecisionKind); ++i) {
    if (exec::name_of(static_cast<exec::DecisionKind>(i)) == text) {
      kind = static_cast<exec::DecisionKind>(i);
      return true;
    }
  }
  return false;
}

/// The whole of `text` as a number that Number can hold; hexadecimal for base 16.
template <class Number>
bool parse(const std::string& text, Number& out, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size();
}

std::string escaped(const std::string& text) {
  std::string line;
  for (const char c : text) {
    line += c == '\\' ? "\\\\" : c == '\n' ? "\\n" : std::string(1, c);
  }
  return line;
}

std::string unescaped(const std::string& line) {
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool escape = line[i] == '\\' && i + 1 < line.size();
    text += !escape ? line[i] : line[++i] == 'n' ? '\n' : line[i];
  }
  return text;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) {
    words.push_back(word);
  }
  return words;
}

class Reader {
 public:
  Reader(const std::string& text, Recording& recording) : lines_(text), recording_(recording) {}

  SeedError read() {
    std::string line;
    while (error_.message.empty() && std::getline(lines_, line)) {
      ++line_number_;
      if (!line.empty() && line[0] != '#') {
        read_line(line);
      }
    }
    if (!error_ && recording_.target.empty()) {
      fail("no target");
    }
    return error_;
  }

 private:
  void fail(const std::string& what) {
    error_.message = "line " + std::to_string(line_number_) + ": " + what;
  }

  void read_line(const std::string& line) {
    const std::size_t colon = line.find(": ");
    const std::string name = line.substr(0, colon);
    const std::string value = colon == std::string::npos ? "" : line.substr(colon + 2);
    bool good = true;
    if (target_ == nullptr && !recording_.target.empty() && recording_.executable.path.empty() &&
        name != "executable") {
      error_.message =
          "it is for target '" + recording_.target + "', which this program does not have";
      return;
    }
    if (name == "target") {
      recording_.target = value;
      target_ = target::find_target(value);
    } else if (name == "executable") {
      recording_.executable.path = unescaped(value);
      target_ = target::program();
    } else if (name == "argument") {
      recording_.executable.arguments.push_back(unescaped(value));
    } else if (name == "kind") {
      recording_.kind = exec::finding_kind_of(value.c_str());
      good = recording_.kind != exec::FindingKind::kNone || value == "none";
    } else if (name == "rule") {
      recording_.rule = value;
    } else if (name == "message") {
      recording_.message = value;
    } else if (name == "signature") {
      recording_.signature = value;
    } else if (name == "model") {
      recording_.settings.model = value;
      good = graph::consistency_of(value.c_str()) != nullptr;
    } else if (name == "preempt") {
      recording_.settings.preempt_all = value == "all";
      good = value == "all" || value == "sync";
    } else if (name == "on-race") {
      recording_.settings.race_continue = value == "continue";
      good = value == "stop" || value == "continue";
    } else if (name == "invariant") {
      recording_.settings.look_at_steps = value == "steps";
      good = value == "steps";
    } else if (name == "spinning") {
      recording_.settings.parks = value != "free";
      good = value == "free";
    } else if (name == "detector") {
      recording_.settings.detector = value != "off";
      good = value == "on" || value == "off";
    } else if (name == "faults") {
      good = exploration::parse_faults(value, recording_.settings.faults);
    } else if (name == "raced") {
      for (const std::string& text : words_of(value)) {
        good &= parse(text, recording_.raced.emplace_back(), 16);
      }
    } else if (name == "steps-max") {
      good = parse(value, recording_.settings.steps_max) && recording_.settings.steps_max >= 10 &&
             recording_.settings.steps_max <= 1'000'000'000;
    } else if (name == "workers") {
      good =
          parse(value, recording_.program.workers) && recording_.program.workers < kThreadCountMax;
    } else if (name == "step") {
      read_step(value);
    } else if (name == "decisions") {
      good = parse(value, recording_.decisions);
    } else if (name == "switch") {
      read_switch(value);
    } else if (name == "events") {
      good = parse(value, recording_.events);
    } else if (name == "digest") {
      good = parse(value, recording_.digest, 16);
    } else if (name == "marks") {
      read_marks(value);
    } else {
      fail("unknown entry '" + name + "'");
    }
    if (!good) {
      fail("'" + value + "' is no value for '" + name + "'");
    }
  }

  void read_step(const std::string& value) {
    if (target_ == nullptr || target_->is_test()) {
      fail("a step, but the target has no operations");
      return;
    }
    const std::vector<std::string> words = words_of(value);
    target::ProgramStep step{};
    if (words.size() < 2 || !parse(words[0], step.thread) ||
        step.thread > recording_.program.workers) {
      fail("no step: '" + value + "'");
      return;
    }
    const auto& operations = target_->declared().operations;
    while (step.operation < operations.size() && operations[step.operation]->name != words[1]) {
      ++step.operation;
    }
    if (step.operation == operations.size()) {
      fail("target '" + recording_.target + "' has no operation '" + words[1] + "' (any more)");
      return;
    }
    const unsigned count = operations[step.operation]->argument_count;
    bool good = words.size() == 2 + count;
    for (unsigned i = 0; good && i < count; ++i) {
      good = parse(words[2 + i], step.arguments[i]);
    }
    if (!good) {
      fail("operation '" + words[1] + "' takes " + std::to_string(count) + " numbers");
      return;
    }
    recording_.program.steps.push_back(step);
  }

  void read_switch(const std::string& value) {
    const std::vector<std::string> words = words_of(value);
    exec::Deviation deviation{};
    if (words.size() != 3 || !parse(words[0], deviation.decision) ||
        !decision_kind_of(words[1], deviation.kind) || !parse(words[2], deviation.choice)) {
      fail("no switch: '" + value + "'");
    } else if (!recording_.schedule.empty() &&
               recording_.schedule.back().decision >= deviation.decision) {
      fail("switches are not in order");
    } else {
      recording_.schedule.push_back(deviation);
    }
  }

  void read_marks(const std::string& value) {
    for (const std::string& text : words_of(value)) {
      const std::size_t first = text.find('.');
      const std::size_t second = text.rfind('.');
      EventMark mark{};
      u32 thread = 0;
      if (text[0] != 'T' || first == second || !parse(text.substr(1, first - 1), thread) ||
          thread >= kThreadCountMax ||
          !event_kind_of(text.substr(first + 1, second - first - 1), mark.kind) ||
          !parse(text.substr(second + 1), mark.fingerprint, 16)) {
        fail("no mark: '" + text + "'");
        return;
      }
      mark.thread = to_thread_id(thread);
      recording_.marks.push_back(mark);
    }
  }

  std::istringstream lines_;
  Recording& recording_;
  target::Definition* target_ = nullptr;
  SeedError error_;
  u32 line_number_ = 1;
};

}  // namespace

std::string to_text(const Recording& recording, const std::string& story) {
  std::string text;
  std::istringstream lines(story);
  for (std::string line; std::getline(lines, line);) {
    text += line.empty() ? "#\n" : "# " + line + "\n";
  }
  const auto add = [&text](const char* name, const std::string& value) {
    text += std::string(name) + ": " + value + "\n";
  };
  add("target", recording.target);
  if (!recording.executable.path.empty()) {
    add("executable", escaped(recording.executable.path));
    for (const std::string& argument : recording.executable.arguments) {
      add("argument", escaped(argument));
    }
  }
  add("kind", exec::name_of(recording.kind));
  add("rule", recording.rule);
  add("message", recording.message);
  add("signature", recording.signature);
  add("model", recording.settings.model);
  add("preempt", recording.settings.preempt_all ? "all" : "sync");
  add("on-race", recording.settings.race_continue ? "continue" : "stop");
  if (recording.settings.look_at_steps) {
    add("invariant", "steps");
  }
  if (!recording.settings.parks) {
    add("spinning", "free");
  }
  if (!recording.settings.detector) {
    add("detector", "off");
  }
  if (recording.settings.faults != exec::kDefaultFaults) {
    add("faults", exploration::text_of(recording.settings.faults));
  }
  if (!recording.raced.empty()) {
    std::string names;
    for (const u64 name : recording.raced) {
      names += (names.empty() ? "" : " ") + hex(name, 16);
    }
    add("raced", names);
  }
  add("steps-max", std::to_string(recording.settings.steps_max));
  if (target::Definition* target = target::find_target(recording.target);
      target != nullptr && !target->is_test()) {
    add("workers", std::to_string(recording.program.workers));
    for (const target::ProgramStep& step : recording.program.steps) {
      const Operation& operation = *target->declared().operations[step.operation];
      std::string value = std::to_string(step.thread) + " " + operation.name;
      for (unsigned i = 0; i < operation.argument_count; ++i) {
        value += " " + std::to_string(step.arguments[i]);
      }
      add("step", value);
    }
  }
  add("decisions", std::to_string(recording.decisions));
  for (const exec::Deviation& deviation : recording.schedule) {
    add("switch", std::to_string(deviation.decision) + " " + exec::name_of(deviation.kind) + " " +
                      std::to_string(deviation.choice));
  }
  add("events", std::to_string(recording.events));
  add("digest", hex(recording.digest, 16));
  std::string line;
  for (const EventMark& mark : recording.marks) {
    const std::string item = "T" + std::to_string(to_index(mark.thread)) + "." +
                             word(exec::name_of(mark.kind)) + "." + hex(mark.fingerprint, 4);
    if (line.size() + item.size() > 90) {
      add("marks", line);
      line.clear();
    }
    line += (line.empty() ? "" : " ") + item;
  }
  if (!line.empty()) {
    add("marks", line);
  }
  return seal(text, kKind);
}

SeedError from_text(const std::string& text, Recording& recording) {
  std::string body;
  if (SeedError error = unseal(text, kKind, body)) {
    return error;
  }
  recording = Recording{};
  return Reader(body, recording).read();
}

SeedError read_seed(const std::string& path, Recording& recording) {
  std::string text;
  if (SeedError error = read_file(path, kKind, text)) {
    return error;
  }
  SeedError parsed = from_text(text, recording);
  if (parsed) {
    parsed.message = path + ": " + parsed.message;
  }
  return parsed;
}

}  // namespace heddle::fuzz
