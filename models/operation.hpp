// What the models share.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "heddle/value.hpp"

namespace models {

[[noreturn]] inline void refuse(std::string_view model, std::string_view operation) {
  throw std::invalid_argument("the model of a " + std::string(model) + " knows no operation '" +
                              std::string(operation) + "'");
}

template <class Values>
std::uint64_t hash_of(const Values& values) {
  std::uint64_t hash = 0xcbf29ce484222325;  // Fowler, Noll and Vo's, by values instead of bytes
  for (const std::int64_t value : values) {
    hash = (hash ^ static_cast<std::uint64_t>(value)) * 0x100000001b3;
  }
  return hash;
}

}  // namespace models
