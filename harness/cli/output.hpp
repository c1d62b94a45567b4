// Command-line world. What goes to the terminal.
#pragma once

#include <string>

#include "explore/session.hpp"

namespace heddle::cli {

/// "unknown target 'gomap'; did you mean 'go_map'?"
std::string unknown_target(const std::string& name);

/// True if stories and tables on stdout may be coloured: a terminal, and no NO_COLOR.
bool use_color();

/// Columns of the terminal on stdout; 120 if it is none.
unsigned terminal_width();

/// A line on stderr that is written over and over on a terminal, and left out elsewhere.
class Progress {
 public:
  explicit Progress(bool enabled);
  ~Progress();
  void show(const std::string& what, const exploration::Tally& tally,
            const exploration::Budget& budget);
  void show(const std::string& line);
  void clear();

 private:
  bool enabled_;
  bool shown_ = false;
};

/// One line to stderr: "heddle: ...".
void complain(const std::string& what);

/// "3.4e+20", "5.6G", "1.2M", "34k", "999".
std::string short_count(double number);

/// "3 days", "5 h", "12 min", "40 s".
std::string short_duration(double seconds);

}  // namespace heddle::cli
