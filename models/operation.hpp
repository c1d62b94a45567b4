// What the models share.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "heddle/value.hpp"

namespace models {

[[noreturn]] inline void refuse(std::string_view model, std::string_view operation) {
  throw std::invalid_argument("the model of a " + std::string(model) + " knows no operation '" +
                              std::string(operation) + "'");
}

}  // namespace models
