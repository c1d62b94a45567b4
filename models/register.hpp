// A register: one integer, 0 to begin with.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "models/operation.hpp"

namespace models {

class register_ {
 public:
  heddle::Value apply(std::string_view operation, const std::int64_t* arguments) {
    if (operation == "write") {
      value_ = arguments[0];
      return {};
    }
    if (operation == "read") {
      return heddle::value_of(value_);
    }
    if (operation == "exchange") {
      return heddle::value_of(std::exchange(value_, arguments[0]));
    }
    if (operation == "compare_exchange") {
      const bool equal = value_ == arguments[0];
      value_ = equal ? arguments[1] : value_;
      return heddle::value_of(equal);
    }
    if (operation == "fetch_add") {
      return heddle::value_of(std::exchange(value_, value_ + arguments[0]));
    }
    refuse("register", operation);
  }

  std::uint64_t hash() const { return static_cast<std::uint64_t>(value_); }

  friend bool operator==(const register_&, const register_&) = default;

 private:
  std::int64_t value_ = 0;
};

}  // namespace models
