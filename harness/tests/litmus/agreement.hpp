// Holds an explorer against the enumerator.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "enumerator.hpp"

namespace heddle::litmus {

/// What an explorer says it saw.
struct Explored {
  u64 complete = 0;
  u64 blocked = 0;
};

/// Explores all executions of a body.
using Explorer = std::function<Explored(const std::function<void()>& body, Model model)>;

/// Empty if the explorer counts as many complete executions of the program as there are, and the
/// body ended as it can; else both sides. Blocked executions are shown, but not compared: an
/// explorer may know that it need not visit all of them.
std::string disagreement(const Program& program, Model model, const Explorer& explore);

/// Under all models, of all that is in the catalogue. What disagrees, a text each.
std::vector<std::string> disagreements_on_catalogue(const Explorer& explore);

/// The same of random programs, `programs` in all.
std::vector<std::string> disagreements_on_random_programs(u64 programs, const Explorer& explore);

/// Counts of members of families that have no more than `executions` complete ones.
std::vector<std::string> disagreements_on_families(u64 executions, const Explorer& explore);

}  // namespace heddle::litmus
