// A stack: last in, first out.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "models/operation.hpp"

namespace models {

class stack {
 public:
  heddle::Value apply(std::string_view operation, const std::int64_t* arguments) {
    if (operation == "push") {
      values_.push_back(arguments[0]);
      return {};
    }
    if (operation == "pop") {
      const auto value = top();
      if (value.has_value()) {
        values_.pop_back();
      }
      return heddle::value_of(value);
    }
    if (operation == "top") {
      return heddle::value_of(top());
    }
    if (operation == "size") {
      return heddle::value_of(values_.size());
    }
    if (operation == "empty") {
      return heddle::value_of(values_.empty());
    }
    refuse("stack", operation);
  }

  std::uint64_t hash() const { return hash_of(values_); }

  friend bool operator==(const stack&, const stack&) = default;

 private:
  std::optional<std::int64_t> top() const {
    return values_.empty() ? std::nullopt : std::optional(values_.back());
  }

  std::vector<std::int64_t> values_;
};

}  // namespace models
