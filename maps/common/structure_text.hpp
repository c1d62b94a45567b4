// For the texts of structures, which people read who look for what broke one.
#pragma once

#include <charconv>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace maps {

/// A key, a value or a number as text. Of other types than numbers and strings, what
/// to_text(value) says, if the type's namespace has one; else a question mark.
template <class V>
std::string text_of(const V& value) {
  char digits[32];
  if constexpr (requires { to_text(value); }) {
    return to_text(value);
  } else if constexpr (requires { std::to_chars(digits, digits + sizeof digits, value); }) {
    return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
  } else if constexpr (requires {
                         std::string_view(value).size();
                         value.size();
                       }) {
    return std::string(value);
  } else {
    return "?";
  }
}

inline std::string hex_of(unsigned char byte) {
  constexpr const char* kDigits = "0123456789abcdef";
  return {kDigits[byte >> 4], kDigits[byte & 15]};
}

/// Lines that end when they are many: maps may be large, and the links of a broken one may lead
/// round in a circle. Who adds in a loop asks whether it is full.
class structure_text {
 public:
  bool full() const noexcept { return text_.size() >= kSizeMax; }

  void begin_line(std::initializer_list<std::string_view> parts) {
    if (!full()) {
      text_ += text_.empty() ? "" : "\n";
      add(parts);
    }
  }

  void add(std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) {
      if (!full()) {
        text_ += part;
      }
    }
  }

  std::string take() && { return full() ? text_ + "\n..." : std::move(text_); }

 private:
  static constexpr std::size_t kSizeMax = 16384;

  std::string text_;
};

}  // namespace maps
