// Goal: a story says what happened: the right functions, lines, threads and operations, every
// result, and where to look.
#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <mutex>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "explore/session.hpp"
#include "report/function_name.hpp"
#include "report/story.hpp"
#include "target/history.hpp"
#include "tests/explore_helpers.hpp"

namespace {

using heddle::explore;
using heddle::ExploreOptions;
using heddle::ExploreResult;
using heddle::u64;
using heddle::exploration::Recording;

// Opaque to the optimiser, which would see through a wrong program and drop what is wrong.
template <class T>
T* opaque(T* p) {
  asm volatile("" : "+r"(p));
  return p;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

u64 count(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return static_cast<u64>(
      std::distance(std::sregex_iterator(text.begin(), text.end(), regex), std::sregex_iterator()));
}

/// The lines from the one that begins with `head` to the next that is indented no deeper.
std::string section(const std::string& story, const std::string& head) {
  std::string out;
  for (const std::string& line : lines_of(story)) {
    if (line.starts_with("  " + head) || (!out.empty() && line.starts_with("    "))) {
      out += line + "\n";
    } else if (!out.empty()) {
      break;
    }
  }
  return out;
}

/// The rows that the table points at.
std::string pointed_at(const std::string& story) {
  std::string out;
  for (const std::string& line : lines_of(story)) {
    out += line.starts_with(" > ") ? line + "\n" : "";
  }
  return out;
}

std::string signature_in(const std::string& seed) {
  std::smatch match;
  std::regex_search(seed, match, std::regex("\nsignature: (\\w+)\n"));
  return match[1];
}

struct Told {
  Recording recording;
  std::string text;
  std::string location;
};

/// The story of the first finding in a target of this file, which the engine then holds.
Told story_of(const char* name, unsigned width = 120) {
  heddle::exploration::Session session(*heddle::target::find_target(name), {});
  heddle::exploration::Budget budget;
  budget.executions = 10'000;
  const auto tally = session.run(budget, [](const auto&, const auto&) { return false; }, nullptr);
  EXPECT_EQ(tally.with_finding, 1u) << name;
  heddle::exploration::Divergence divergence;
  Told told{session.record(divergence), "", ""};
  EXPECT_FALSE(divergence.diverged) << divergence.message;
  told.recording.signature = heddle::report::signature_of(told.recording);
  told.text = heddle::report::tell(told.recording, {.replay_command = "", .width = width});
  told.location = heddle::report::location_of();
  return told;
}

// ---- targets ----

/// Operations long enough to be interrupted.
class Counter {
 public:
  long add(int amount) {
    long before = 0;
    {
      const std::lock_guard lock(mutex_);
      before = value_;
    }
    const std::lock_guard lock(mutex_);
    value_ = before + amount;
    added_ += amount;
    return before;
  }
  bool exact() {
    const std::lock_guard lock(mutex_);
    HEDDLE_CHECK(value_ == added_);
    return true;
  }
  int draw() { return static_cast<int>(heddle::choose(50)); }

 private:
  std::mutex mutex_;
  long value_ = 0;
  long added_ = 0;
};

HEDDLE_TARGET(story_counter, t) {
  auto s = t.subject<Counter>();
  s.op("add", &Counter::add, t.ints(100, 999));
  s.op("exact", &Counter::exact).not_in_setup().weight(1);
  s.op("draw", &Counter::draw);
}

/// A map that forgets, or one whose insertions lie.
template <bool Forgets>
class WrongMap {
 public:
  bool insert(int key, int value) {
    const std::lock_guard lock(mutex_);
    heddle::linearization_point();
    const bool inserted = entries_.insert_or_assign(key, value).second;
    return Forgets ? inserted : true;
  }
  std::optional<int> find(int key) {
    const std::lock_guard lock(mutex_);
    heddle::linearization_point();
    const auto at = entries_.find(key);
    return Forgets || at == entries_.end() ? std::nullopt : std::optional(at->second);
  }

 private:
  std::mutex mutex_;
  std::map<int, int> entries_;
};

template <bool Forgets>
void declare_wrong_map(heddle::Target& t) {
  auto s = t.subject<WrongMap<Forgets>>();
  s.op("insert", &WrongMap<Forgets>::insert, t.ints(0, 3), t.ints(0, 9))
      .means(heddle::Role::kAssign);
  s.op("find", &WrongMap<Forgets>::find, t.ints(0, 3)).means(heddle::Role::kFind);
  s.follows(heddle::contracts::go_range());
}

HEDDLE_TARGET(story_forgets, t) { declare_wrong_map<true>(t); }
HEDDLE_TARGET(story_lies, t) { declare_wrong_map<false>(t); }

// ---- the table ----

struct Row {
  u64 number;
  std::string text;
};

/// The rows with a number, without place.
std::vector<Row> rows_of(const std::string& story) {
  static const std::regex form(R"(^ [ >] +(\d+) +(.*?)(  +\S+:\d+)?$)");
  std::vector<Row> rows;
  for (const std::string& line : lines_of(story)) {
    if (std::smatch match; std::regex_match(line, match, form)) {
      rows.push_back({std::stoull(match[1]), match[2]});
    }
  }
  return rows;
}

TEST(Story, NumbersAreThoseOfTheVisibleEvents) {
  const Told told = story_of("story_counter");
  const auto& marks = told.recording.marks;
  u64 creates = 0;
  for (const Row& row : rows_of(told.text)) {
    ASSERT_LT(row.number, marks.size()) << told.text;
    if (row.text.starts_with("create T")) {
      EXPECT_EQ(marks[row.number].kind, heddle::exec::EventKind::kCreate) << told.text;
      ++creates;
    } else if (contains(row.text, "(") && !row.text.starts_with("allocate")) {
      EXPECT_EQ(marks[row.number].kind, heddle::exec::EventKind::kCall) << told.text;
    }
  }
  EXPECT_EQ(creates, told.recording.program.workers) << told.text;
}

TEST(Story, EveryResultIsToldOnce) {
  const Told told = story_of("story_counter");
  u64 returned = 0;
  for (const auto& entry : heddle::target::history().entries) {
    returned += entry.returned ? 1 : 0;
  }
  u64 results = 0;
  u64 interrupted = 0;
  for (const Row& row : rows_of(told.text)) {
    results += count(row.text, "= \\w+(, choose \\d+)?$");
    interrupted += row.text.starts_with("= ") ? 1 : 0;
  }
  EXPECT_EQ(results, returned) << told.text;
  EXPECT_GT(interrupted, 0u) << "the bug needs an interrupted operation\n" << told.text;
  EXPECT_FALSE(contains(told.text, "~")) << told.text;
}

TEST(Story, AnOperationToldInOneRowHasNoOthers) {
  const Told told = story_of("story_counter");
  const auto& marks = told.recording.marks;
  const std::vector<Row> rows = rows_of(told.text);
  u64 checked = 0;
  for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
    const bool in_turn = marks[rows[i].number].thread == marks[rows[i + 1].number].thread;
    if (in_turn && count(rows[i].text, "^\\w+\\(\\d*\\) = ") != 0) {
      EXPECT_FALSE(rows[i + 1].text.starts_with("unlock")) << told.text;
      EXPECT_FALSE(rows[i + 1].text.starts_with("lock")) << told.text;
      ++checked;
    }
  }
  EXPECT_GT(checked, 0u) << told.text;
}

TEST(Story, NothingIsLeftOutSilently) {
  const Told told = story_of("story_counter");
  const auto& marks = told.recording.marks;
  const std::vector<Row> rows = rows_of(told.text);
  u64 left_out = 0;
  const std::regex gap(R"(\.\.\. (\d+) events? of T\d)");
  for (std::sregex_iterator at(told.text.begin(), told.text.end(), gap), end; at != end; ++at) {
    left_out += std::stoull((*at)[1]);
  }
  u64 in_operations = 0;  // that are told in one row
  for (const Row& row : rows) {
    if (count(row.text, "^\\w+\\(\\d*\\) = ") != 0) {
      for (u64 i = row.number + 1; marks[i - 1].kind != heddle::exec::EventKind::kReturn; ++i) {
        ++in_operations;
      }
    }
  }
  EXPECT_EQ(rows.size() + left_out + in_operations, told.recording.events) << told.text;
}

TEST(Story, ChoicesAndTheSubjectAreNamed) {
  const Told told = story_of("story_counter");
  u64 drawn = 0;
  for (const auto& entry : heddle::target::history().entries) {
    if (std::string(entry.name) == "draw" && entry.returned) {
      EXPECT_TRUE(contains(told.text, "choose " + std::to_string(entry.result.words[0])))
          << told.text;
      ++drawn;
    }
  }
  EXPECT_GT(drawn, 0u) << told.text;
  EXPECT_TRUE(contains(told.text, "H1 = the object under test, heap block of")) << told.text;
  EXPECT_TRUE(contains(told.text, "(T0's allocation #0)")) << told.text;
}

TEST(Story, NarrowTerminalsLoseNothing) {
  const Told told = story_of("story_counter", 60);
  EXPECT_FALSE(contains(told.text, "~")) << told.text;
}

// ---- findings ----

TEST(Story, AWrongResultIsPointedAt) {
  const Told forgets = story_of("story_forgets");
  EXPECT_EQ(forgets.recording.rule, "wrong-answer");
  EXPECT_EQ(count(pointed_at(forgets.text), "find\\("), 1u) << forgets.text;
  EXPECT_EQ(count(pointed_at(forgets.text), "= nothing"), 1u) << forgets.text;
  EXPECT_TRUE(contains(forgets.text, "> = what it is about")) << forgets.text;
  EXPECT_TRUE(contains(forgets.location, "story_test.cpp:")) << forgets.location;
  EXPECT_TRUE(contains(forgets.text, "in find(")) << forgets.text;
  EXPECT_TRUE(contains(forgets.text, "WrongMap<>::find")) << forgets.text;
  const Told lies = story_of("story_lies");
  EXPECT_EQ(lies.recording.rule, "wrong-answer");
  EXPECT_EQ(count(pointed_at(lies.text), "insert\\("), 1u) << lies.text;
  EXPECT_NE(lies.recording.signature, forgets.recording.signature);
}

__attribute__((noinline)) void write_to(int* p) { *opaque(p) = 2; }
__attribute__((noinline)) int value_at(const volatile int* p) { return *p; }

TEST(Story, TheAccessToFreedMemoryHasARow) {
  const ExploreResult result = explore([] {
    int* p = opaque(new int(1));
    std::thread other([p] { delete p; });
    other.join();
    write_to(p);
  });
  ASSERT_EQ(result.rule, "use-after-free") << result.report;
  const std::string pointed = pointed_at(result.report);
  EXPECT_EQ(count(pointed, "free H\\d+ "), 1u) << result.report;
  EXPECT_EQ(count(pointed, "use-after-free: H\\d+ .*story_test.cpp:\\d+"), 1u) << result.report;
  EXPECT_TRUE(contains(section(result.report, "happened by T0"), "write_to")) << result.report;
  EXPECT_FALSE(contains(result.report, "0x")) << "addresses\n" << result.report;
  EXPECT_FALSE(contains(result.report, "harness/intercept")) << result.report;
}

__attribute__((noinline)) void store_whole(void* p) {
  static_cast<std::atomic<u64>*>(p)->store(1, std::memory_order_relaxed);
}

__attribute__((noinline)) unsigned load_half(void* p) {
  return static_cast<std::atomic<unsigned>*>(p)->load(std::memory_order_relaxed);
}

TEST(Story, AtomicAccessesOfTwoSizesAreBothTold) {
  ExploreOptions options;
  options.model = "rc11";
  const ExploreResult result = explore(
      [] {
        alignas(8) unsigned char bytes[8] = {};
        store_whole(opaque(bytes));
        load_half(opaque(bytes) + 4);
      },
      options);
  ASSERT_EQ(result.rule, "mixed-size") << result.report;
  EXPECT_TRUE(contains(section(result.report, "second access by T0"), "load_half"))
      << result.report;
  EXPECT_TRUE(contains(section(result.report, "first access by T0"), "store_whole"))
      << result.report;
}

TEST(Story, FindingsInTwoPlacesAreTwo) {
  const auto signature = [](void (*use)(int*)) {
    const ExploreResult result = explore([use] {
      int* p = opaque(new int(1));
      delete p;
      use(p);
    });
    return signature_in(result.seed);
  };
  const std::string writing = signature(write_to);
  const std::string reading = signature([](int* p) { value_at(p); });
  EXPECT_NE(writing, reading);
  EXPECT_EQ(writing, signature(write_to));
}

TEST(Story, ARaceThatIsLetThroughIsToldFromWhereItWas) {
  ExploreOptions options;
  options.race_continue = true;
  const ExploreResult result = explore(
      [] {
        auto shared = std::make_unique<int>(0);
        std::thread other([&] { write_to(shared.get()); });
        write_to(shared.get());
        other.join();
        heddle_detector_fired();
        write_to(std::make_unique<int>(1).get());
      },
      options);
  ASSERT_EQ(result.rule, "data-race") << result.report;
  EXPECT_TRUE(contains(section(result.report, "second access"), "write_to")) << result.report;
  EXPECT_TRUE(contains(section(result.report, "first access"), "write_to")) << result.report;
  EXPECT_EQ(count(pointed_at(result.report), "data-race: H"), 1u) << result.report;
  EXPECT_EQ(count(pointed_at(result.report), "write H"), 1u) << result.report;
  EXPECT_EQ(section(result.report, "freed"), "") << "later, by the rules\n" << result.report;
  EXPECT_TRUE(contains(result.report, "the execution went on")) << result.report;
  EXPECT_TRUE(contains(result.report, "detector fired")) << result.report;
}

TEST(Explore, TellsADetectorToLookAway) {
  EXPECT_EQ(heddle_detector_on(), 1) << "outside of executions";
  for (const bool detector : {true, false}) {
    const ExploreResult result = explore([] { HEDDLE_CHECK(heddle_detector_on() != 0); },
                                         {.executions = 1, .detector = detector});
    EXPECT_EQ(result.found, !detector) << result.report;
    EXPECT_EQ(contains(result.seed, "\ndetector: off\n"), !detector) << result.seed;
  }
}

TEST(Session, ADetectorThatFiresInAnotherProcessIsCounted) {
  const std::function<void()> body = [] {
    heddle_detector_fired();
    auto shared = std::make_unique<int>(0);
    std::thread other([&] { write_to(shared.get()); });
    write_to(shared.get());
    other.join();
  };
  for (const bool apart : {false, true}) {
    explore([] {}, {.executions = 1});  // the last one in this process in which nothing fires
    heddle::exploration::Session session(body, {});
    if (apart) {
      session.isolate();
    }
    heddle::exploration::Budget budget;
    budget.executions = 3;
    const auto tally = session.run(budget, [](const auto&, const auto&) { return true; }, nullptr);
    EXPECT_EQ(tally.detected, 3u) << apart;
    EXPECT_EQ(tally.raced, 3u) << apart;
    EXPECT_EQ(tally.raced_and_detected, 3u) << apart;
  }
}

TEST(Story, SwitchesAtPlainAccessesAreShown) {
  ExploreOptions options;
  options.preempt_all = true;
  options.race_continue = true;
  int* shared = nullptr;
  const ExploreResult result = explore(
      [&] {
        shared = opaque(new int(0));
        std::thread other([&] { write_to(shared); });
        for (int i = 0; i < 3; ++i) {
          const int seen = value_at(shared);
          HEDDLE_CHECK(seen == value_at(shared));
        }
        other.join();
        delete shared;
      },
      options);
  ASSERT_TRUE(result.found);
  EXPECT_GT(count(result.report, "\n {10,}(read|write) \\w+ \\(\\d bytes\\)"), 0u) << result.report;
}

TEST(Story, EachLeakIsListed) {
  const ExploreResult result = explore([] {
    opaque(new int[10])[0] = 1;
    std::thread other([] { opaque(new char[7])[0] = 1; });
    other.join();
  });
  ASSERT_EQ(result.rule, "leak") << result.report;
  EXPECT_TRUE(contains(result.report, "leaked: 40 bytes (T0's allocation #")) << result.report;
  EXPECT_TRUE(contains(result.report, "leaked: 7 bytes (T1's allocation #0), allocated by T1"))
      << result.report;
  EXPECT_FALSE(contains(result.report, "happened")) << result.report;
  EXPECT_EQ(count(pointed_at(result.report), "allocate H\\d+ "), 2u) << result.report;
}

constexpr int kThrowingLine = __LINE__ + 1;
__attribute__((noinline)) void throw_error() { throw std::runtime_error("a text, long enough"); }

TEST(Story, ExceptionObjectsComeFromWhereTheyAreThrown) {
  const ExploreResult result = explore([] {
    try {
      throw_error();
    } catch (const std::runtime_error&) {
      HEDDLE_CHECK(false);
    }
  });
  ASSERT_EQ(result.kind, "check") << result.report;
  const std::string place = "story_test.cpp:" + std::to_string(kThrowingLine);
  EXPECT_GT(count(result.report, "allocate H\\d+ .*" + place), 0u) << result.report;
}

TEST(Story, FunctionNames) {
  using heddle::report::function_name;
  const std::pair<const char*, const char*> names[] = {
      {"main", "main"},
      {"i", "i"},  // to the demangler, int
      {"_ZN4maps6go_mapIiiE4findERKi", "maps::go_map<>::find"},
      {"_ZNK2ns1SclEi", "ns::S::operator()"},
      {"void ns::delete_chain<int>(ns::bucket<int>*)", "ns::delete_chain<>"},
      {"decltype ((fp)()) (anonymous namespace)::Map<(maps::bug)0>::detecting<int>(int)",
       "Map<>::detecting<>"},
      {"(anonymous namespace)::Map<int>::find(int)::{lambda()#1}::operator()() const",
       "Map<>::find::lambda"},
      {"ns::f(int)::$_1::operator()() const::{lambda()#1}::operator()() const",
       "ns::f::lambda::lambda"},
      {"auto ns::f<ns::g(int)::{lambda(int)#2}>(ns::g(int)::{lambda(int)#2})", "ns::f<>"},
      {"std::ostream& ns::operator<< <int>(std::ostream&, ns::S<int> const&)", "ns::operator<< <>"},
      {"bool ns::operator< <int>(ns::S<int> const&, ns::S<int> const&)", "ns::operator< <>"},
      {"bool ns::operator== <int>(ns::S<int> const&, ns::S<int> const&)", "ns::operator== <>"},
      {"ns::cooperator(int)", "ns::cooperator"},
      {"ns::S::operator bool() const", "ns::S::operator bool"},
      {"ns::S::operator->() const", "ns::S::operator->"},
      {"ns::S::f() const &", "ns::S::f"},
      {"operator new(unsigned long)", "operator new"},
      {"std::vector<int, std::allocator<int> >::operator[](unsigned long)",
       "std::vector<>::operator[]"},
      {"ns::f(int) [clone .cold]", "ns::f"},
  };
  for (const auto& [given, expected] : names) {
    EXPECT_EQ(function_name(given), expected);
  }
}

}  // namespace
