// As c_library.cpp: functions that read texts, up to where the answer is known, and write them.
#include <cstdlib>
#include <cstring>
#include <cwchar>

#include "intercept/ranges.hpp"

using heddle::uptr;
using heddle::intercept::Caller;

namespace {

constexpr uptr kAll = ~uptr{0};

template <class Char>
bool is_same(Char a, Char b) {
  return a == b;
}

bool is_same_letter(char a, char b) {
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; };
  return small(a) == small(b);
}

}  // namespace

HEDDLE_CHECKED(uptr, strlen, const char* text) {
  HEDDLE_CALLER;
  caller.reads_text(text);
  return std::strlen(text);
}

HEDDLE_CHECKED(uptr, strnlen, const char* text, uptr max) {
  HEDDLE_CALLER;
  caller.reads_text(text, max);
  return strnlen(text, max);
}

HEDDLE_CHECKED(int, strcmp, const char* a, const char* b) {
  HEDDLE_CALLER;
  caller.compares(a, b, kAll, is_same<char>);
  return std::strcmp(a, b);
}

HEDDLE_CHECKED(int, strncmp, const char* a, const char* b, uptr max) {
  HEDDLE_CALLER;
  caller.compares(a, b, max, is_same<char>);
  return std::strncmp(a, b, max);
}

HEDDLE_CHECKED(int, strcasecmp, const char* a, const char* b) {
  HEDDLE_CALLER;
  caller.compares(a, b, kAll, is_same_letter);
  return strcasecmp(a, b);
}

HEDDLE_CHECKED(int, strncasecmp, const char* a, const char* b, uptr max) {
  HEDDLE_CALLER;
  caller.compares(a, b, max, is_same_letter);
  return strncasecmp(a, b, max);
}

HEDDLE_CHECKED(char*, strchr, const char* text, int wanted) {
  HEDDLE_CALLER;
  caller.reads_until(text, kAll, [=](char c) { return c == static_cast<char>(wanted); });
  return const_cast<char*>(std::strchr(text, wanted));
}

HEDDLE_CHECKED(char*, strchrnul, const char* text, int wanted) {
  HEDDLE_CALLER;
  caller.reads_until(text, kAll, [=](char c) { return c == static_cast<char>(wanted); });
  return const_cast<char*>(strchrnul(text, wanted));
}

HEDDLE_CHECKED(char*, strrchr, const char* text, int wanted) {
  HEDDLE_CALLER;
  caller.reads_text(text);
  return const_cast<char*>(std::strrchr(text, wanted));
}

HEDDLE_CHECKED(char*, strstr, const char* text, const char* wanted) {
  HEDDLE_CALLER;
  caller.reads_text(text);
  caller.reads_text(wanted);
  return const_cast<char*>(std::strstr(text, wanted));
}

HEDDLE_CHECKED(char*, strpbrk, const char* text, const char* wanted) {
  HEDDLE_CALLER;
  caller.reads_text(wanted);
  caller.reads_until(text, kAll, [=](char c) { return std::strchr(wanted, c) != nullptr; });
  return const_cast<char*>(std::strpbrk(text, wanted));
}

HEDDLE_CHECKED(uptr, strcspn, const char* text, const char* wanted) {
  HEDDLE_CALLER;
  caller.reads_text(wanted);
  caller.reads_until(text, kAll, [=](char c) { return std::strchr(wanted, c) != nullptr; });
  return std::strcspn(text, wanted);
}

HEDDLE_CHECKED(uptr, strspn, const char* text, const char* wanted) {
  HEDDLE_CALLER;
  caller.reads_text(wanted);
  caller.reads_until(text, kAll, [=](char c) { return std::strchr(wanted, c) == nullptr; });
  return std::strspn(text, wanted);
}

HEDDLE_CHECKED(char*, strcpy, char* to, const char* from) {
  HEDDLE_CALLER;
  caller.writes(to, caller.reads_text(from));
  return std::strcpy(to, from);
}

HEDDLE_CHECKED(char*, strncpy, char* to, const char* from, uptr max) {
  HEDDLE_CALLER;
  caller.reads_text(from, max);
  caller.writes(to, max);
  return std::strncpy(to, from, max);
}

HEDDLE_CHECKED(char*, strcat, char* to, const char* from) {
  HEDDLE_CALLER;
  const uptr length = caller.reads_text(to) - 1;
  caller.writes(to + length, caller.reads_text(from));
  return std::strcat(to, from);
}

HEDDLE_CHECKED(char*, strncat, char* to, const char* from, uptr max) {
  HEDDLE_CALLER;
  const uptr length = caller.reads_text(to) - 1;
  caller.reads_text(from, max);
  caller.writes(to + length, strnlen(from, max) + 1);
  return std::strncat(to, from, max);
}

HEDDLE_CHECKED(char*, strtok_r, char* text, const char* between, char** rest) {
  HEDDLE_CALLER;
  caller.reads_text(between);
  caller.reads(rest, text == nullptr ? 1 : 0);
  if (char* from = text == nullptr ? *rest : text) {
    const auto ends = [=](char c) { return std::strchr(between, c) != nullptr; };
    from += caller.reads_until(from, kAll, [=](char c) { return !ends(c); }) - 1;
    const uptr count = caller.reads_until(from, kAll, ends);
    caller.writes(from + count - 1, from[count - 1] == 0 ? 0 : 1);
  }
  caller.writes(rest, 1);
  return strtok_r(text, between, rest);
}

HEDDLE_CHECKED(char*, strsep, char** rest, const char* between) {
  HEDDLE_CALLER;
  caller.reads(rest, 1);
  if (*rest != nullptr) {
    caller.reads_text(between);
    const uptr count =
        caller.reads_until(*rest, kAll, [=](char c) { return std::strchr(between, c) != nullptr; });
    caller.writes(*rest + count - 1, (*rest)[count - 1] == 0 ? 0 : 1);
    caller.writes(rest, 1);
  }
  return strsep(rest, between);
}

HEDDLE_CHECKED(char*, strdup, const char* text) {
  HEDDLE_CALLER;
  caller.reads_text(text);
  return strdup(text);
}

HEDDLE_CHECKED(char*, strndup, const char* text, uptr max) {
  HEDDLE_CALLER;
  caller.reads_text(text, max);
  return strndup(text, max);
}

// ---- numbers ----

namespace {

/// `convert(&end)`; what it looked at ends behind the number.
template <class Convert>
auto converted(const Caller& caller, const char* text, char** end, Convert convert) {
  caller.reads(text, 1);
  char* behind = nullptr;
  const auto value = convert(&behind);
  caller.reads(text, static_cast<uptr>(behind - text) + 1);
  if (end != nullptr) {
    caller.writes(end, 1);
    *end = behind;
  }
  return value;
}

}  // namespace

#define HEDDLE_CONVERSION(type, name)                                                          \
  HEDDLE_CHECKED(type, name, const char* text, char** end, int base) {                         \
    HEDDLE_CALLER;                                                                             \
    if (base < 0 || base == 1 || base > 36) { /* neither reads nor writes */                   \
      return std::name(text, end, base);                                                       \
    }                                                                                          \
    return converted(caller, text, end, [=](char** at) { return std::name(text, at, base); }); \
  }
HEDDLE_CONVERSION(long, strtol)
HEDDLE_CONVERSION(unsigned long, strtoul)
HEDDLE_CONVERSION(long long, strtoll)
HEDDLE_CONVERSION(unsigned long long, strtoull)

HEDDLE_CHECKED(float, strtof, const char* text, char** end) {
  HEDDLE_CALLER;
  return converted(caller, text, end, [=](char** at) { return std::strtof(text, at); });
}

HEDDLE_CHECKED(double, strtod, const char* text, char** end) {
  HEDDLE_CALLER;
  return converted(caller, text, end, [=](char** at) { return std::strtod(text, at); });
}

HEDDLE_CHECKED(double, atof, const char* text) {
  HEDDLE_CALLER;
  return converted(caller, text, nullptr, [=](char** at) { return std::strtod(text, at); });
}

HEDDLE_CHECKED(int, atoi, const char* text) {
  HEDDLE_CALLER;
  return static_cast<int>(
      converted(caller, text, nullptr, [=](char** at) { return std::strtol(text, at, 10); }));
}

HEDDLE_CHECKED(long, atol, const char* text) {
  HEDDLE_CALLER;
  return converted(caller, text, nullptr, [=](char** at) { return std::strtol(text, at, 10); });
}

HEDDLE_CHECKED(long long, atoll, const char* text) {
  HEDDLE_CALLER;
  return converted(caller, text, nullptr, [=](char** at) { return std::strtoll(text, at, 10); });
}

// ---- wide characters ----

HEDDLE_CHECKED(int, wmemcmp, const wchar_t* a, const wchar_t* b, uptr count) {
  HEDDLE_CALLER;
  caller.reads(a, count);
  caller.reads(b, count);
  return std::wmemcmp(a, b, count);
}

HEDDLE_CHECKED(wchar_t*, wmemchr, const wchar_t* text, wchar_t wanted, uptr count) {
  HEDDLE_CALLER;
  caller.reads(text, count == 0 ? 0 : 1);
  const wchar_t* found = std::wmemchr(text, wanted, count);
  caller.reads(text, found == nullptr ? count : static_cast<uptr>(found - text) + 1);
  return const_cast<wchar_t*>(found);
}

HEDDLE_CHECKED(wchar_t*, wmemcpy, wchar_t* to, const wchar_t* from, uptr count) {
  HEDDLE_CALLER;
  caller.reads(from, count);
  caller.writes(to, count);
  return std::wmemcpy(to, from, count);
}

HEDDLE_CHECKED(wchar_t*, wmemmove, wchar_t* to, const wchar_t* from, uptr count) {
  HEDDLE_CALLER;
  caller.reads(from, count);
  caller.writes(to, count);
  return std::wmemmove(to, from, count);
}

HEDDLE_CHECKED(wchar_t*, wmemset, wchar_t* to, wchar_t character, uptr count) {
  HEDDLE_CALLER;
  caller.writes(to, count);
  return std::wmemset(to, character, count);
}

HEDDLE_CHECKED(uptr, wcslen, const wchar_t* text) {
  HEDDLE_CALLER;
  caller.reads_text(text);
  return std::wcslen(text);
}

HEDDLE_CHECKED(uptr, wcsnlen, const wchar_t* text, uptr max) {
  HEDDLE_CALLER;
  caller.reads_text(text, max);
  return wcsnlen(text, max);
}

HEDDLE_CHECKED(int, wcscmp, const wchar_t* a, const wchar_t* b) {
  HEDDLE_CALLER;
  caller.compares(a, b, kAll, is_same<wchar_t>);
  return std::wcscmp(a, b);
}

HEDDLE_CHECKED(int, wcsncmp, const wchar_t* a, const wchar_t* b, uptr max) {
  HEDDLE_CALLER;
  caller.compares(a, b, max, is_same<wchar_t>);
  return std::wcsncmp(a, b, max);
}

HEDDLE_CHECKED(wchar_t*, wcscpy, wchar_t* to, const wchar_t* from) {
  HEDDLE_CALLER;
  caller.writes(to, caller.reads_text(from));
  return std::wcscpy(to, from);
}
