#include "process/around.hpp"

#include <cstdio>
#include <cstring>
#include <unistd.h>

#include "process/before_main.hpp"
#include "process/phase.hpp"
#include "process/program_data.hpp"
#include "process/signals.hpp"

namespace heddle::process {
namespace {

constinit Around the_surroundings;

Range between(const char* begin, const char* end) {
  return Range{reinterpret_cast<uptr>(begin), reinterpret_cast<uptr>(end)};
}

// Strings and tables of arguments and environment lie in one piece at the end of the first stack.
Range arguments_range(int argument_count, char** arguments) {
  Range range = between(reinterpret_cast<const char*>(arguments),
                        reinterpret_cast<const char*>(arguments + argument_count + 1));
  const auto include = [&range](const char* text) {
    const uptr end = reinterpret_cast<uptr>(text) + std::strlen(text) + 1;
    range.end = end > range.end ? end : range.end;
  };
  for (char** at = arguments; at < arguments + argument_count; ++at) {
    include(*at);
  }
  for (char** at = ::environ; *at != nullptr; ++at) {
    if (reinterpret_cast<uptr>(*at) > range.begin) {
      include(*at);
    }
  }
  return range;
}

}  // namespace

Around& around() { return the_surroundings; }

void Around::take(int argument_count, char** arguments) {
  before_main().close();
  descriptors_.take();
  signals().take();
  memory_.add(between(heddle_data_begin, heddle_data_end));
  memory_.add(between(heddle_bss_begin, heddle_bss_end));
  each_copied_variable(
      [](void* memory, Range range) {
        if (!is_program_data(range.begin)) {
          static_cast<MemoryImage*>(memory)->add(range);
        }
      },
      &memory_);
  for (const Image& image : images()) {
    if (!image.executable && image.owner != Owner::kLoader) {
      memory_.add(image.data);
      memory_.add(image.thread_local_data);
    }
  }
  library_tls_.take(images());
  for (const EarlyBlock& block : before_main().blocks()) {
    memory_.add(Range{block.address, block.address + block.size});
  }
  memory_.add(arguments_range(argument_count, arguments));
  std::fflush(nullptr);
  memory_.take();
}

void Around::before_execution() {
  if (entered_) {
    descriptors_.renew();
    memory_.renew();
  } else {
    std::fflush(nullptr);  // buffers change hands
    descriptors_.enter();
    memory_.enter();
    entered_ = true;
  }
  library_tls_.start();
}

void Around::after_execution() { signals().leave(); }

void Around::hand_back() {
  if (entered_) {
    memory_.leave();
    descriptors_.leave();
    entered_ = false;
  }
}

void Around::run_exits() {
  const Vec<EarlyExit>& exits = before_main().exits();
  for (u32 i = exits.size(); i > 0; --i) {
    exits[i - 1].function(exits[i - 1].argument);
  }
  std::fflush(nullptr);
}

void Around::each_root(void (*visit)(void* context, u64 word), void* context) {
  memory_.each_word([visit, context](u64 word) { visit(context, word); });
}
}  // namespace heddle::process
