// A set of integers.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>

#include "models/operation.hpp"

namespace models {

class set {
 public:
  heddle::Value apply(std::string_view operation, const std::int64_t* arguments) {
    if (operation == "insert") {
      return heddle::value_of(values_.insert(arguments[0]).second);
    }
    if (operation == "erase") {
      return heddle::value_of(values_.erase(arguments[0]) != 0);
    }
    if (operation == "contains") {
      return heddle::value_of(values_.contains(arguments[0]));
    }
    if (operation == "size") {
      return heddle::value_of(values_.size());
    }
    if (operation == "clear") {
      values_.clear();
      return {};
    }
    refuse("set", operation);
  }

  std::uint64_t hash() const { return hash_of(values_); }

  friend bool operator==(const set&, const set&) = default;

 private:
  std::set<std::int64_t> values_;
};

}  // namespace models
