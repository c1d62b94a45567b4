// What protocols are written with, beside the standard library. Whoever includes one has said what
// these mean: heddle_std.hpp or relacy_std.hpp comes first.
//
//   plain<T>               shared data that is no atomic: T itself, or something that sees races
//   PROTOCOL_CHECK(...)    a property that must hold
//
// A protocol is a class template over its forms: the correct one, and wrong ones that differ by one
// memory order or step. Two threads run `thread`, with the index 0 and 1, after `before` and before
// `after`; these run alone. Loops end by themselves: each round but the last saw a change, and
// changes are few.
#pragma once

namespace protocols {

struct protocol {
  void before() {}
  void after() {}
};

}  // namespace protocols
