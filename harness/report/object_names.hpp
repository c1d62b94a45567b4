// Command-line world. Short names for what a trace is about.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/types.hpp"

namespace heddle::report {

/// Gives objects short names ("H1", "'counter'") in the order in which they are asked for, and says
/// in a legend what they are.
class ObjectNames {
 public:
  std::string name(uptr address);
  std::string legend() const;

 private:
  std::map<u32, u32> blocks_;
  std::map<uptr, u32> stack_objects_;
  std::map<uptr, u32> others_;
};

}  // namespace heddle::report
