// In-target world, outside of executions. What another process goes on with, as text.
#pragma once

#include <sstream>
#include <string>

#include "base/types.hpp"

namespace heddle {

/// Numbers, one after the other. What is to be kept lists its numbers once, for writing and
/// reading.
class Archive {
 public:
  Archive() = default;  // to be written
  explicit Archive(const std::string& text) : stream_(text), reads_(true) {}

  bool reads() const { return reads_; }
  std::string text() const { return stream_.str(); }
  /// What was read was there, and nothing else.
  bool is_complete() { return stream_ && (stream_ >> std::ws).eof(); }

  template <class... Numbers>
  void operator()(Numbers&... numbers) {
    (visit(numbers), ...);
  }

  /// How many there are, then each, as `visit(element)` lists it.
  template <class List, class Visit>
  void list(List& list, Visit visit) {
    u64 count = list.size();
    (*this)(count);
    if (reads_) {
      list.clear();
      for (; stream_ && count > 0; --count) {
        list.push_back({});
        visit(list.back());
      }
    } else {
      for (auto& element : list) {
        visit(element);
      }
    }
  }

 private:
  template <class Number>
  void visit(Number& number) {
    u64 low = static_cast<u64>(number);
    if (reads_) {
      stream_ >> low;
      number = static_cast<Number>(low);
    } else {
      stream_ << low << ' ';
    }
  }

  void visit(u128& number) {
    u64 low = static_cast<u64>(number);
    u64 high = static_cast<u64>(number >> 64);
    (*this)(low, high);
    number = u128{high} << 64 | low;
  }

  std::stringstream stream_;
  bool reads_ = false;
};

}  // namespace heddle
