// In-target world. Files that the harness keeps open beside a program's.
#pragma once

namespace heddle {

/// Out of the way of the program's own, which get the numbers that they get without Heddle.
constexpr int kFirstOwnDescriptor = 100;

/// The same file under a number that no program gets to see, closed on exec.
int out_of_the_way(int descriptor);

}  // namespace heddle
