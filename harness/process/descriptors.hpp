// In-target world. Files, folder and streams of the process around an execution.
#pragma once

#include <sys/types.h>

#include "process/images.hpp"

namespace heddle::process {

/// Where the program's output goes while it runs.
enum class Output : u8 {
  kDiscard,
  kKeep,  // shown after the execution
};

class Descriptors {
 public:
  /// Notes what is open now; it stays open.
  void take();
  void set_output(Output output) { output_ = output; }
  void enter();
  /// Another execution follows. Closing what may be open at any number costs more than all else
  /// here, so that is done only if more or less is open than at enter().
  void renew();
  void leave();
  /// What was opened in this execution stays open, too: a sanitizer needs it. The first time only,
  /// as it opens nothing more.
  void keep_new() { keep_new_ = true; }

 private:
  void open_table();
  off_t count_open() const;
  void find_gaps();
  void put_standard();
  void close_new();
  void put_back_folder();

  static constexpr u32 kGapsMax = 64;
  struct Gap {
    unsigned first;
    unsigned last;
  };
  Gap gaps_[kGapsMax] = {};  // numbers that nothing was open at
  u32 gap_count_ = 0;
  bool keep_new_ = false;
  bool kept_new_ = false;
  Output output_ = Output::kDiscard;
  int standard_[3] = {-1, -1, -1};
  int sink_ = -1;
  int kept_ = -1;
  int folder_ = -1;
  int table_ = -1;  // this process's descriptors, as a folder
  pid_t table_owner_ = 0;
  off_t count_ = 0;  // of those that are open as an execution begins; 0: not known
  off_t input_start_ = -1;
  mode_t mask_ = 0;
};

}  // namespace heddle::process
