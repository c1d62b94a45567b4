// What a queue and a stack share: values go in at the back.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "models/operation.hpp"

namespace models {

enum class out { first_in, last_in };

template <out Which>
class sequence {
  static constexpr bool kIsQueue = Which == out::first_in;

 public:
  heddle::Value apply(std::string_view operation, const std::int64_t* arguments) {
    if (operation == "push") {
      values_.push_back(arguments[0]);
      return {};
    }
    if (operation == "pop") {
      return heddle::value_of(pop());
    }
    if (operation == (kIsQueue ? "front" : "top")) {
      return heddle::value_of(next_out());
    }
    if (operation == "size") {
      return heddle::value_of(values_.size());
    }
    if (operation == "empty") {
      return heddle::value_of(values_.empty());
    }
    refuse(kIsQueue ? "queue" : "stack", operation);
  }

  std::uint64_t hash() const { return hash_of(values_); }

  friend bool operator==(const sequence&, const sequence&) = default;

 private:
  std::optional<std::int64_t> next_out() const {
    return values_.empty() ? std::nullopt
                           : std::optional(kIsQueue ? values_.front() : values_.back());
  }

  std::optional<std::int64_t> pop() {
    const auto value = next_out();
    if (value.has_value()) {
      kIsQueue ? values_.pop_front() : values_.pop_back();
    }
    return value;
  }

  std::deque<std::int64_t> values_;
};

}  // namespace models
