// In-target world. A driven program's process: what each execution finds as new.
#pragma once

#include "exec/surroundings.hpp"
#include "process/descriptors.hpp"
#include "process/library_tls.hpp"
#include "process/memory_image.hpp"

namespace heddle::process {

class Around final : public exec::Surroundings {
 public:
  /// main is next; the process is as each execution shall find it.
  void take(int argument_count, char** arguments);
  void set_output(Output output) { descriptors_.set_output(output); }

  void before_execution() override;
  void after_execution() override;
  void hand_back() override;
  void switch_thread(ThreadId from, ThreadId to) override { library_tls_.switch_thread(from, to); }
  void run_exits() override;
  void each_root(void (*visit)(void* context, u64 word), void* context) override;
  void after_report() override { descriptors_.keep_new(); }

 private:
  MemoryImage memory_;
  Descriptors descriptors_;
  LibraryTls library_tls_;
  bool entered_ = false;  // the process is as executions have it
};

Around& around();

}  // namespace heddle::process
