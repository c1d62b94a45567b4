// Runs every form of every protocol under Relacy's schedulers, and prints what each of them says.
//
//   protocols_relacy [--json] [<form>...]
//
// Forms go by the names of Heddle's targets. Of those that are named, the execution that shows the
// fault is printed, too.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "relacy_std.hpp"
#include "protocols.hpp"

#undef std

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kExecutionsMax = 300'000;
constexpr unsigned kSwitchesMax = 2;  // of the context-bounded scheduler

struct Scheduler {
  const char* name;
  rl::scheduler_type_e type;
};

constexpr Scheduler kSchedulers[] = {
    {"full", rl::sched_full}, {"bounded", rl::sched_bound}, {"random", rl::sched_random}};

/// A form whose type is forgotten, so that Relacy is compiled once and not for each of them.
struct Form {
  std::string name;
  protocols::description what;
  void (*construct)(void* at);
  void (*before)(void* protocol);
  void (*thread)(void* protocol, unsigned index);
  void (*after)(void* protocol);
  void (*destroy)(void* protocol);
};

constexpr std::size_t kSizeMax = 2048;

struct Forms {
  template <class Protocol>
  void form(const protocols::description& what) {
    static_assert(sizeof(Protocol) <= kSizeMax);
    const std::string name = std::string("protocol_") + what.protocol;
    all.push_back({what.form == nullptr ? name : name + "@" + what.form, what,
                   [](void* at) { new (at) Protocol; },
                   [](void* p) { static_cast<Protocol*>(p)->before(); },
                   [](void* p, unsigned index) { static_cast<Protocol*>(p)->thread(index); },
                   [](void* p) { static_cast<Protocol*>(p)->after(); },
                   [](void* p) { static_cast<Protocol*>(p)->~Protocol(); }});
  }

  std::vector<Form> all;
};

const Form* running = nullptr;
std::uint64_t executions = 0;

struct Suite : rl::test_suite<Suite, 2> {
  Suite() { running->construct(protocol); }
  ~Suite() { running->destroy(protocol); }

  void before() {
    // The searches of the tree know no limit.
    if (++executions > kExecutionsMax) {
      rl::ctx().rl_until("that is enough", RL_INFO);
    }
    running->before(protocol);
  }

  void thread(unsigned index) { running->thread(protocol, index); }
  void after() { running->after(protocol); }

  alignas(std::max_align_t) std::byte protocol[kSizeMax];
};

/// In the words of Heddle's findings.
std::string verdict_of(rl::test_result_e result) {
  switch (result) {
    case rl::test_result_success:
    case rl::test_result_until_condition_hit: return "none";
    case rl::test_result_user_assert_failed: return "check";
    case rl::test_result_data_race: return "race";
    case rl::test_result_access_to_freed_memory:
    case rl::test_result_double_free:
    case rl::test_result_unitialized_access: return "heap";
    case rl::test_result_memory_leak: return "leak";
    case rl::test_result_deadlock: return "deadlock";
    case rl::test_result_livelock: return "livelock";
    default: return rl::test_result_str(result);
  }
}

struct Result {
  std::string verdict;
  std::uint64_t executions;
  bool complete;  // the scheduler has no execution left
};

Result run(const Form& form, const Scheduler& scheduler, std::ostream& history) {
  running = &form;
  executions = 0;
  rl::test_params parameters;
  parameters.search_type = scheduler.type;
  parameters.iteration_count = kExecutionsMax;
  parameters.context_bound = kSwitchesMax;
  parameters.output_stream = &history;
  parameters.progress_stream = &history;
  rl::simulate<Suite>(parameters);
  const bool exhausted = parameters.test_result == rl::test_result_success;
  return {verdict_of(parameters.test_result), std::min(parameters.stop_iteration, kExecutionsMax),
          exhausted && scheduler.type != rl::sched_random};
}

Json to_json(const Form& form, const std::vector<Result>& results) {
  Json json{{"form", form.name},
            {"expect", form.what.fault == nullptr ? "none" : form.what.fault},
            {"model", form.what.fault == nullptr ? "" : protocols::name_of(form.what.where)}};
  for (std::size_t i = 0; i < results.size(); ++i) {
    json[kSchedulers[i].name] = {{"verdict", results[i].verdict},
                                 {"executions", results[i].executions},
                                 {"complete", results[i].complete}};
  }
  return json;
}

void print_row(const Form& form, const std::vector<Result>& results) {
  fmt::print("{:<49}{:<7}{:<6}", form.name, form.what.fault == nullptr ? "none" : form.what.fault,
             form.what.fault == nullptr ? "" : protocols::name_of(form.what.where));
  for (const Result& result : results) {
    fmt::print("{:<8}{:>7}{:<3}", result.verdict, result.executions, result.complete ? "" : "+");
  }
  fmt::print("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const bool as_json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  const std::vector<std::string> named(argv + 1 + as_json, argv + argc);
  Forms forms;
  protocols::visit_forms(forms);
  for (const std::string& name : named) {
    const auto is_it = [&name](const Form& form) { return form.name == name; };
    if (std::none_of(forms.all.begin(), forms.all.end(), is_it)) {
      fmt::print(stderr, "protocols_relacy: there is no form '{}'\n", name);
      return 2;
    }
  }
  // Strings would get their memory from the execution that they tell of.
  std::ostream history(named.empty() || as_json ? nullptr : std::cout.rdbuf());
  Json table = Json::array();
  if (!as_json) {
    fmt::print("{:<49}{:<13}{:<18}{:<18}{}\n", "form", "expected", "full", "bounded", "random");
  }
  for (const Form& form : forms.all) {
    if (!named.empty() && std::find(named.begin(), named.end(), form.name) == named.end()) {
      continue;
    }
    std::vector<Result> results;
    for (const Scheduler& scheduler : kSchedulers) {
      results.push_back(run(form, scheduler, history));
    }
    if (as_json) {
      table.push_back(to_json(form, results));
    } else {
      print_row(form, results);
    }
  }
  if (as_json) {
    fmt::print("{}\n", table.dump(2));
  }
}
