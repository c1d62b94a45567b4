// A queue: first in, first out.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "models/operation.hpp"

namespace models {

class queue {
 public:
  heddle::Value apply(std::string_view operation, const std::int64_t* arguments) {
    if (operation == "push") {
      values_.push_back(arguments[0]);
      return {};
    }
    if (operation == "pop") {
      const auto value = front();
      if (value.has_value()) {
        values_.pop_front();
      }
      return heddle::value_of(value);
    }
    if (operation == "front") {
      return heddle::value_of(front());
    }
    if (operation == "size") {
      return heddle::value_of(values_.size());
    }
    if (operation == "empty") {
      return heddle::value_of(values_.empty());
    }
    refuse("queue", operation);
  }

  std::uint64_t hash() const { return hash_of(values_); }

  friend bool operator==(const queue&, const queue&) = default;

 private:
  std::optional<std::int64_t> front() const {
    return values_.empty() ? std::nullopt : std::optional(values_.front());
  }

  std::deque<std::int64_t> values_;
};

}  // namespace models
