// What libraries without instrumentation touch for the program: the C library, and the parts of
// libstdc++'s containers that are no templates.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <functional>
#include <gtest/gtest.h>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <strings.h>
#include <vector>

#include "tests/check_helpers.hpp"
#include "tests/explore_helpers.hpp"

namespace heddle::testing {
namespace {

volatile std::size_t four = 4;  // nothing for the compiler to know
volatile char three = '3';

/// A call that touches the characters of kText, or room for as many, up to `last` and no more.
struct Call {
  const char* name;
  u32 last;
  void (*call)(char* text);
};

constexpr char kText[16] = "12345 7\0 abcdef";

template <class T>
void use(T value) {
  [[maybe_unused]] volatile T used = value;
}

void free_used(char* text) {
  use(*text);
  std::free(text);
}

/// A file with that in it.
std::unique_ptr<FILE, int (*)(FILE*)> file_of(const char* content) {
  static char bytes[16];
  std::memcpy(bytes, content, std::strlen(content));
  return {fmemopen(bytes, std::strlen(content), "r+"), std::fclose};
}

int compare(const void* a, const void* b) {
  return *static_cast<const char*>(a) - *static_cast<const char*>(b);
}

const Call kCalls[] = {
    {"memcmp", 3, [](char* t) { use(std::memcmp(t, "1234567", four)); }},
    {"memcmp, the other one", 3, [](char* t) { use(std::memcmp("1234567", t, four)); }},
    {"bcmp", 3, [](char* t) { use(bcmp(t, "1234567", four)); }},
    {"memchr", 2, [](char* t) { use(std::memchr(t, three, 8)); }},
    {"memchr of what is not there", 3, [](char* t) { use(std::memchr(t, three + 20, four)); }},
    {"memrchr", 3, [](char* t) { use(memrchr(t, three, four)); }},
    {"memmem", 3, [](char* t) { use(memmem(t, four, "xy", 2)); }},
    {"memmem, what is looked for", 3, [](char* t) { use(memmem("xyzxyzxyz", 9, t, four)); }},
    {"mempcpy", 3, [](char* t) { use(mempcpy(t, "abcdefg", four)); }},
    {"memccpy", 2,
     [](char* t) {
       char copy[16];
       use(memccpy(copy, t, three, 8));
     }},
    {"memccpy to", 2, [](char* t) { use(memccpy(t, "ab3defg", three, 8)); }},
    {"__memcpy_chk", 3, [](char* t) { use(__builtin___memcpy_chk(t, "abcdefg", four, 16)); }},
    {"__memcpy_chk from", 3,
     [](char* t) {
       char copy[16];
       use(__builtin___memcpy_chk(copy, t, four, 16));
     }},
    {"__memmove_chk", 3, [](char* t) { use(__builtin___memmove_chk(t, "abcdefg", four, 16)); }},
    {"__memmove_chk from", 3,
     [](char* t) {
       char copy[16];
       use(__builtin___memmove_chk(copy, t, four, 16));
     }},
    {"__memset_chk", 3, [](char* t) { use(__builtin___memset_chk(t, three, four, 16)); }},
    {"strlen", 7, [](char* t) { use(std::strlen(t)); }},
    {"strnlen", 3, [](char* t) { use(strnlen(t, four)); }},
    {"strcmp", 2, [](char* t) { use(std::strcmp(t, "12x45")); }},
    {"strcmp, the other one", 2, [](char* t) { use(std::strcmp("12x45", t)); }},
    {"strncmp", 3, [](char* t) { use(std::strncmp(t, "12345", four)); }},
    {"strcasecmp", 2, [](char* t) { use(strcasecmp(t, "12x45")); }},
    {"strncasecmp", 3, [](char* t) { use(strncasecmp(t, "12345", four)); }},
    {"strchr", 2, [](char* t) { use(std::strchr(t, three)); }},
    {"strchrnul", 2, [](char* t) { use(strchrnul(t, three)); }},
    {"strrchr", 7, [](char* t) { use(std::strrchr(t, three)); }},
    {"strstr", 7, [](char* t) { use(std::strstr(t, "xy")); }},
    {"strpbrk", 2, [](char* t) { use(std::strpbrk(t, "x3")); }},
    {"strcspn", 2, [](char* t) { use(std::strcspn(t, "x3")); }},
    {"strspn", 2, [](char* t) { use(std::strspn(t, "12")); }},
    {"strcpy", 7,
     [](char* t) {
       char copy[16];
       use(*std::strcpy(copy, t));
     }},
    {"strcpy to", 2,
     [](char* t) {
       const char from[] = {'a', three, '\0'};
       use(std::strcpy(t, from));
     }},
    {"strncpy", 3,
     [](char* t) {
       char copy[16];
       use(*std::strncpy(copy, t, four));
     }},
    {"strncpy to", 3,
     [](char* t) {
       const char from[] = {three, '\0'};
       use(std::strncpy(t, from, four));
     }},
    {"strcat", 7,
     [](char* t) {
       char copy[16] = {three, '\0'};
       use(*std::strcat(copy, t));
     }},
    {"strcat to", 9,
     [](char* t) {
       const char from[] = {'a', three, '\0'};
       use(std::strcat(t, from));
     }},
    {"strncat", 3,
     [](char* t) {
       char copy[16] = {three, '\0'};
       use(*std::strncat(copy, t, four));
     }},
    {"strdup", 7, [](char* t) { free_used(strdup(t)); }},
    {"strndup", 3, [](char* t) { free_used(strndup(t, four)); }},
    {"strtol", 5, [](char* t) { use(std::strtol(t, nullptr, 10)); }},
    {"strtoul", 5, [](char* t) { use(std::strtoul(t, nullptr, 10)); }},
    {"strtoll", 5, [](char* t) { use(std::strtoll(t, nullptr, 10)); }},
    {"strtoull", 5, [](char* t) { use(std::strtoull(t, nullptr, 10)); }},
    {"strtod", 5, [](char* t) { use(std::strtod(t, nullptr)); }},
    {"strtof", 5, [](char* t) { use(std::strtof(t, nullptr)); }},
    {"atoi", 5, [](char* t) { use(std::atoi(t)); }},
    {"atol", 5, [](char* t) { use(std::atol(t)); }},
    {"atoll", 5, [](char* t) { use(std::atoll(t)); }},
    {"atof", 5, [](char* t) { use(std::atof(t)); }},
    {"snprintf", 3, [](char* t) { use(std::snprintf(t, four, "%s", "abcdefg")); }},
    {"snprintf with room", 2, [](char* t) { use(std::snprintf(t, 16, "a%c", three)); }},
    {"sprintf", 2, [](char* t) { use(std::sprintf(t, "a%c", three)); }},
    {"strtok_r", 2,
     [](char* t) {
       const char between[] = {three, '\0'};
       char* rest = nullptr;
       use(strtok_r(t, between, &rest));
     }},
    {"strsep", 2,
     [](char* t) {
       const char between[] = {three, '\0'};
       use(strsep(&t, between));
     }},
    {"fread", 3, [](char* t) { use(std::fread(t, 1, four, file_of("abcd").get())); }},
    {"fwrite", 3, [](char* t) { use(std::fwrite(t, 1, four, file_of("abcd").get())); }},
    {"fgets", 3, [](char* t) { use(std::fgets(t, 8, file_of("ab\ncd").get())); }},
    {"fputs", 7, [](char* t) { use(std::fputs(t, file_of("abcdefghij").get())); }},
    {"puts", 7, [](char* t) { use(std::puts(t)); }},
    {"qsort", 3, [](char* t) { std::qsort(t, four, 1, compare); }},
    {"std::hash", 3, [](char* t) { use(std::hash<std::string_view>()({t, four})); }},
    {"std::string_view", 3,
     [](char* t) { use(std::string_view(t, four) == std::string_view("1234567", four)); }},
    {"std::string", 3, [](char* t) { use(std::string(t, four)); }},
};

/// What comes of it while another thread writes one of the characters.
std::string beside_a_writer(const Call& call, u32 place) {
  return findings("sc", [&] {
    char text[16];
    std::memcpy(text, kText, sizeof text);
    run([&] { call.call(text); },
        [&] { *static_cast<volatile char*>(text + place) = kText[place]; });
  });
}

TEST(LibraryCalls, TouchWhatTheyMust) {
  for (const Call& call : kCalls) {
    EXPECT_EQ(beside_a_writer(call, 0), "race") << call.name;
    EXPECT_EQ(beside_a_writer(call, call.last), "race") << call.name;
    EXPECT_EQ(beside_a_writer(call, call.last + 1), "") << call.name;
  }
}

TEST(LibraryCalls, TouchNothingThatIsFreed) {
  for (const Call& call : kCalls) {
    EXPECT_EQ(findings("sc",
                       [&] {
                         char* text = new char[16];
                         std::memcpy(text, kText, 16);
                         delete[] text;
                         call.call(text);
                       }),
              "heap")
        << call.name;
  }
}

TEST(LibraryCalls, LeaveAloneWhatTheyHaveNothingFor) {
  void (*const calls[])(char*, FILE*) = {
      [](char* t, FILE* file) { use(std::fread(t, 1, four, file)); },
      [](char* t, FILE* file) { use(std::fgets(t, 8, file)); },
  };
  for (const auto call : calls) {
    EXPECT_EQ(findings("sc",
                       [&] {
                         char text[16] = "";
                         run(
                             [&] {
                               const auto file = file_of("a");
                               std::getc(file.get());
                               call(text, file.get());
                             },
                             [&] { *static_cast<volatile char*>(text) = 'x'; });
                       }),
              "");
  }
}

TEST(LibraryCalls, SayWhatTheyWouldAnyway) {
  char text[] = "ab,,cd";
  char* rest = nullptr;
  EXPECT_STREQ(strtok_r(text, ",", &rest), "ab");
  EXPECT_STREQ(strtok_r(nullptr, ",", &rest), "cd");
  EXPECT_EQ(strtok_r(nullptr, ",", &rest), nullptr);
  char parts[] = "ab,,cd";
  char* at = parts;
  EXPECT_STREQ(strsep(&at, ","), "ab");
  EXPECT_STREQ(strsep(&at, ","), "");
  EXPECT_STREQ(strsep(&at, ","), "cd");
  EXPECT_EQ(strsep(&at, ","), nullptr);
  errno = 0;
  volatile int base = 1;
  EXPECT_EQ(std::strtol("12", &at, base), 0);
  EXPECT_EQ(errno, EINVAL);
  if (!kAsan) {  // whose own strtol() stores what it finds on its stack
    EXPECT_EQ(at, nullptr);
  }
  base = 16;
  EXPECT_EQ(std::strtol("12z", &at, base), 18);
  EXPECT_STREQ(at, "z");
  EXPECT_EQ(std::snprintf(nullptr, 0, "%d", static_cast<int>(four)), 1);
}

TEST(LibraryCalls, WideCharacters) {
  void (*const calls[])(wchar_t*) = {
      [](wchar_t* t) { use(std::wcslen(t)); },
      [](wchar_t* t) { use(wcsnlen(t, four)); },
      [](wchar_t* t) { use(std::wcscmp(t, L"123")); },
      [](wchar_t* t) { use(std::wcsncmp(t, L"123", four)); },
      [](wchar_t* t) { use(std::wmemcmp(t, L"123", four)); },
      [](wchar_t* t) { use(std::wmemchr(t, L'x', four)); },
      [](wchar_t* t) { use(std::wmemset(t, L'x', four)); },
      [](wchar_t* t) { use(std::wmemcpy(t, L"123", four)); },
      [](wchar_t* t) { use(std::wmemmove(t, L"123", four)); },
      [](wchar_t* t) { use(std::wcscpy(t, L"123")); },
  };
  for (std::size_t i = 0; i < std::size(calls); ++i) {
    const auto beside = [&](u32 place) {
      return findings("sc", [&] {
        wchar_t text[8] = L"123";
        run([&] { calls[i](text); },
            [&] { *static_cast<volatile wchar_t*>(text + place) = L"123\0"[place]; });
      });
    };
    EXPECT_EQ(beside(3), "race") << i;
    EXPECT_EQ(beside(4), "") << i;
  }
}

// ---- containers ----

TEST(Trees, StayBalanced) {
  using Tree = std::_Rb_tree<int, int, std::_Identity<int>, std::less<>>;
  Tree tree;
  std::vector<bool> expected(200);
  u64 random = 1;
  for (int i = 0; i < 20'000; ++i) {
    random = mix64(random + 1);
    const int key = static_cast<int>(random % expected.size());
    // Grows, shrinks to nothing, and grows again.
    if ((random >> 32) % 8 < (i / 2'000 % 2 == 0 ? 5u : 2u)) {
      EXPECT_EQ(tree._M_insert_unique(key).second, !expected[static_cast<std::size_t>(key)]);
      expected[static_cast<std::size_t>(key)] = true;
    } else {
      EXPECT_EQ(tree.erase(key), expected[static_cast<std::size_t>(key)]);
      expected[static_cast<std::size_t>(key)] = false;
    }
    ASSERT_TRUE(tree.__rb_verify()) << i;
  }
  std::vector<int> keys;
  for (std::size_t key = 0; key < expected.size(); ++key) {
    if (expected[key]) {
      keys.push_back(static_cast<int>(key));
    }
  }
  EXPECT_EQ(std::vector<int>(tree.begin(), tree.end()), keys);
  std::reverse(keys.begin(), keys.end());
  EXPECT_EQ(std::vector<int>(tree.rbegin(), tree.rend()), keys);
  while (tree.size() != 0) {
    tree.erase(tree.begin());
    ASSERT_TRUE(tree.__rb_verify());
  }
  EXPECT_TRUE(tree.begin() == tree.end());
}

TEST(Lists, KeepTheirOrder) {
  using List = std::list<int>;
  List list = {3, 1, 2};
  list.sort();
  EXPECT_EQ(list, (List{1, 2, 3}));
  list.reverse();
  EXPECT_EQ(list, (List{3, 2, 1}));
  List others = {7, 8, 9};
  list.splice(std::next(list.begin()), others, std::next(others.begin()), others.end());
  EXPECT_EQ(list, (List{3, 8, 9, 2, 1}));
  EXPECT_EQ(others, List{7});
  list.splice(list.end(), list, list.begin());
  EXPECT_EQ(list, (List{8, 9, 2, 1, 3}));
  EXPECT_EQ((std::vector<int>(list.rbegin(), list.rend())), (std::vector<int>{3, 1, 2, 9, 8}));
  list.erase(std::next(list.begin(), 2));
  EXPECT_EQ(list, (List{8, 9, 1, 3}));
  List none;
  list.swap(others);
  EXPECT_EQ(list, List{7});
  list.swap(none);
  EXPECT_EQ(none, List{7});
  EXPECT_TRUE(list.empty() && list.begin() == list.end());
  none.swap(list);
  EXPECT_EQ(list, List{7});
  EXPECT_TRUE(none.empty() && none.begin() == none.end());
  others.merge(list);
  EXPECT_EQ(others, (List{7, 8, 9, 1, 3}));
}

/// `change` and `look` by two threads, with a lock or without.
template <class Container>
std::string of_two(const Container& initial, void (*change)(Container&), void (*look)(Container&),
                   bool locks) {
  return findings("sc", [&] {
    Container container = initial;
    std::mutex mutex;
    const auto with = [&](void (*what)(Container&)) {
      return [&, what] {
        std::unique_lock<std::mutex> lock(mutex, std::defer_lock);
        if (locks) {
          lock.lock();
        }
        what(container);
      };
    };
    run(with(change), with(look));
  });
}

template <class Container>
void iterate(Container& container) {
  for (const auto& element : container) {
    use(&element);
  }
}

template <class Container>
void expect_race(const Container& initial, void (*change)(Container&),
                 void (*look)(Container&) = iterate<Container>) {
  EXPECT_NE(of_two(initial, change, look, false).find("race"), std::string::npos);
  EXPECT_EQ(of_two(initial, change, look, true), "");
}

TEST(Trees, ChangesRaceWithIterations) {
  using Set = std::set<int>;
  using Map = std::map<int, int>;
  expect_race<Set>({1, 2, 3}, [](Set& set) { set.erase(2); });
  expect_race<Set>({1, 2, 3}, [](Set& set) { set.insert(4); });
  expect_race<Map>(
      {{1, 1}, {2, 2}}, [](Map& map) { map[3] = 3; },
      [](Map& map) { use(std::prev(map.end())->first); });
  expect_race<Map>(
      {{1, 1}, {2, 2}}, [](Map& map) { map.erase(1); }, [](Map& map) { use(map.find(2)->second); });
}

TEST(Lists, ChangesRaceWithIterations) {
  using List = std::list<int>;
  expect_race<List>({1, 2}, [](List& list) { list.push_back(3); });
  expect_race<List>({1, 2}, [](List& list) { list.pop_back(); });
  expect_race<List>({1, 2}, [](List& list) { list.reverse(); });
  expect_race<List>({1, 2}, [](List& list) { list.splice(list.begin(), list, --list.end()); });
  expect_race<List>({1, 2}, [](List& list) {
    List other = {3};
    list.swap(other);
  });
}

}  // namespace
}  // namespace heddle::testing
