// Values that histories hold: arguments and results of operations.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "heddle/contract.hpp"

namespace heddle {

/// A small result: nothing, a truth value, up to three integers, or a refusal. Trivially copyable,
/// so that writing one down disturbs nothing that is being observed.
struct Value {
  enum class Shape : std::uint8_t { kVoid, kNothing, kBool, kInts, kRefused };

  std::int64_t words[3] = {0, 0, 0};
  std::uint8_t count = 0;
  Shape shape = Shape::kVoid;

  bool truth() const { return words[0] != 0; }
  bool has_ints() const { return shape == Shape::kInts; }
  bool refused() const { return shape == Shape::kRefused; }

  friend bool operator==(const Value& a, const Value& b) {
    if (a.shape != b.shape || a.count != b.count) {
      return false;
    }
    for (unsigned i = 0; i < a.count; ++i) {
      if (a.words[i] != b.words[i]) {
        return false;
      }
    }
    return true;
  }
};

/// Turns a result into a Value. Overload it for your own types, next to them.
inline Value value_of(bool truth) { return Value{{truth ? 1 : 0, 0, 0}, 1, Value::Shape::kBool}; }

inline Value value_of(Refusal refusal) {
  return Value{{static_cast<std::int64_t>(refusal), 0, 0}, 1, Value::Shape::kRefused};
}

template <class T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>)
Value value_of(T number) {
  return Value{{static_cast<std::int64_t>(number), 0, 0}, 1, Value::Shape::kInts};
}

template <class A, class B>
Value value_of(const std::pair<A, B>& pair) {
  Value value = value_of(pair.first);
  const Value second = value_of(pair.second);
  for (unsigned i = 0; i < second.count && value.count < 3; ++i) {
    value.words[value.count++] = second.words[i];
  }
  value.shape = Value::Shape::kInts;
  return value;
}

template <class T>
Value value_of(const std::optional<T>& optional) {
  if (optional.has_value()) {
    return value_of(*optional);
  }
  return Value{{0, 0, 0}, 0, Value::Shape::kNothing};
}

/// A step of an iteration that may be refused: std::variant<Refusal, std::optional<...>>, say.
template <class... Types>
Value value_of(const std::variant<Types...>& variant) {
  return std::visit([](const auto& held) { return value_of(held); }, variant);
}

}  // namespace heddle
