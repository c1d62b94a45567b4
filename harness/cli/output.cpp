#include "cli/output.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

namespace heddle::cli {
namespace {

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

std::string unknown_target(const std::string& name) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(3, name.size() / 3);
  for (const target::Definition* target : target::all_targets()) {
    const std::size_t distance = edit_distance(name, target->name());
    if (distance < best_distance) {
      best_distance = distance;
      best = target->name();
    }
  }
  return "unknown target '" + name + "'; " +
         (best.empty() ? "`heddle list` shows what there is" : "did you mean '" + best + "'?");
}

bool use_color() { return ::isatty(STDOUT_FILENO) == 1 && !is_set("NO_COLOR"); }

unsigned terminal_width() {
  winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 60) {
    return size.ws_col;
  }
  return 120;
}

Progress::Progress(bool enabled) {
  const char* terminal = std::getenv("TERM");
  enabled_ = enabled && ::isatty(STDERR_FILENO) == 1 && terminal != nullptr &&
             std::strcmp(terminal, "dumb") != 0;
}

Progress::~Progress() { clear(); }

void Progress::show(const std::string& what, const exploration::Tally& tally,
                    const exploration::Budget& budget) {
  if (!enabled_) {
    return;
  }
  std::string left;
  if (budget.seconds > 0) {
    left = fmt::format(", {:.0f} s left", std::max(0.0, budget.seconds - tally.seconds));
  } else if (budget.executions != ~u64{0}) {
    left = fmt::format(", {:.0f} %", 100.0 * static_cast<double>(tally.executions) /
                                         static_cast<double>(budget.executions));
  }
  const double executions = static_cast<double>(tally.executions);
  show(fmt::format("{}: {} executions, {}/s{}", what, short_count(executions),
                   short_count(tally.seconds > 0 ? executions / tally.seconds : 0), left));
}

void Progress::show(const std::string& line) {
  if (enabled_) {
    fmt::print(stderr, "\r\033[K{}", line);
    std::fflush(stderr);
    shown_ = true;
  }
}

void Progress::clear() {
  if (shown_) {
    fmt::print(stderr, "\r\033[K");
    std::fflush(stderr);
    shown_ = false;
  }
}

void complain(const std::string& what) { fmt::print(stderr, "heddle: {}\n", what); }

std::string short_count(double number) {
  if (number >= 1e12) {
    return fmt::format("{:.1e}", number);
  }
  if (number >= 1e9) {
    return fmt::format("{:.1f}G", number / 1e9);
  }
  if (number >= 1e6) {
    return fmt::format("{:.1f}M", number / 1e6);
  }
  if (number >= 1e4) {
    return fmt::format("{:.0f}k", number / 1e3);
  }
  return fmt::format("{:.0f}", number);
}

std::string short_duration(double seconds) {
  constexpr double kMinute = 60;
  constexpr double kHour = 60 * kMinute;
  constexpr double kDay = 24 * kHour;
  constexpr double kMillennium = 365'000 * kDay;
  return seconds >= kMillennium   ? "more than a thousand years"
         : seconds >= 2 * kDay    ? short_count(seconds / kDay) + " days"
         : seconds >= 2 * kHour   ? fmt::format("{:.0f} h", seconds / kHour)
         : seconds >= 2 * kMinute ? fmt::format("{:.0f} min", seconds / kMinute)
                                  : fmt::format("{:.0f} s", seconds);
}

}  // namespace heddle::cli
