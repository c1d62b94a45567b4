#include "report/sanitizer_text.hpp"

#include <regex>
#include <sstream>

#include "report/places.hpp"

namespace heddle::report {

std::string sanitizer_text(const exec::Finding& finding) {
  static const std::regex stack(
      R"(^ +#\d+ .*|.*(freed|allocated) by thread T0 here:$|SUMMARY: .*)");
  static const std::regex addresses(
      R"((==\d+==ERROR: )|( (on|for)( unknown)? address| at) 0x[0-9a-f]+|)"
      R"(^0x[0-9a-f]+ is | (at )?pc 0x.*| ?\[0x[0-9a-f]+,0x[0-9a-f]+\))");
  const std::string text = finding.detail.data;
  std::istringstream lines(text.substr(0, text.find("Shadow bytes around")));
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '=' ? line.find("ERROR: ") == std::string::npos
                                       : std::regex_match(line, stack)) {
      continue;
    }
    line = std::regex_replace(line, addresses, "");
    line = std::regex_replace(line, std::regex("(of size \\d+) thread T0"), "$1 by thread T0");
    line = std::regex_replace(line, std::regex("thread T0"), thread_name(finding.thread));
    out += "  " + line + "\n";
  }
  return out;
}

}  // namespace heddle::report
