// In-target world. What a program does to the signals of its process.
#pragma once

#include <csignal>

#include "base/types.hpp"

namespace heddle::process {

class Signals {
 public:
  void take();
  /// As sigaction(), undone after the execution. Signals that Heddle lives by are only noted.
  int change(int number, const struct sigaction* wanted, struct sigaction* previous);
  void leave();

 private:
  struct Change {
    bool made;
    bool noted;  // and not handed to the kernel
    struct sigaction before;
    struct sigaction now;
  };

  Change changes_[NSIG] = {};
  bool any_ = false;
  sigset_t mask_ = {};
};

Signals& signals();

}  // namespace heddle::process
