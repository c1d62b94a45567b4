// Go's best-effort detector of operations that overlap although they must not.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <utility>

namespace maps {

/// Thrown by the best-effort detector when two operations overlap that must not.
class overlap_error : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// A plain flag: set inside of writes, looked at by every operation. On purpose it is not atomic:
/// it costs nothing, and sees only those overlaps that happen to be seen.
class write_detector {
 public:
  class scope;

  explicit write_detector(bool enabled) : enabled_(enabled) {}

  bool writing() const noexcept { return writing_ != 0; }

  void check(const char* message) const {
    if (enabled_ && writing()) {
      throw overlap_error(message);
    }
  }

 private:
  bool enabled_;
  std::uint8_t writing_ = 0;
};

/// One write. The flag is flipped, not set, on entry: two writers that pass the entry check
/// together cancel each other, and the check on exit sees it.
class write_detector::scope {
 public:
  scope(write_detector& detector, const char* message)
      : detector_(detector), message_(message), active_(detector.enabled_) {
    detector.check(message);
    if (active_) {
      detector.writing_ ^= 1;
    }
  }

  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;

  ~scope() {
    if (active_) {  // left by an exception: the map is whole, so it stays usable
      detector_.writing_ = 0;
    }
  }

  void finish() {
    if (std::exchange(active_, false)) {
      if (!detector_.writing()) {
        throw overlap_error(message_);
      }
      detector_.writing_ = 0;
    }
  }

 private:
  write_detector& detector_;
  const char* message_;
  bool active_;
};

}  // namespace maps
