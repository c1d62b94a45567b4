#include "intercept/origin.hpp"

#include <unwind.h>

#include "exec/execution.hpp"
#include "process/images.hpp"
#include "process/program_data.hpp"

namespace heddle::intercept {

using process::Image;
using process::Owner;

bool is_program(uptr pc) {
  const Image* image = process::image_of_code(pc);
  return image != nullptr && image->owner == Owner::kProgram;
}

bool is_program_or_cxx_library(uptr pc) {
  const Image* image = process::image_of_code(pc);
  return image != nullptr &&
         (image->owner == Owner::kProgram || image->owner == Owner::kCxxLibrary);
}

bool is_programs_object(void* object, void (*function)(void*)) {
  const uptr address = reinterpret_cast<uptr>(object);
  if (address == 0) {
    return process::is_program_code(reinterpret_cast<uptr>(function));
  }
  for (const Image& image : process::images()) {
    if (image.data.contains(address)) {
      return image.executable ? process::is_program_data(address) : image.owner == Owner::kProgram;
    }
  }
  return false;
}

void note_library(exec::Uncontrolled kind, const char* function, uptr pc) {
  const Image* image = process::image_of_code(pc);
  if (image != nullptr && image->owner == Owner::kSystem && !image->c_library) {
    exec::note_escape(kind, function, image->code.begin);
  }
}

bool is_loader(uptr pc) {
  const Image* image = process::image_of_code(pc);
  return image != nullptr && image->owner == Owner::kLoader;
}

namespace {

struct Search {
  bool left = false;  // the harness, which is linked into the program
  uptr found = 0;
};

_Unwind_Reason_Code look_at(_Unwind_Context* frame, void* argument) {
  auto& search = *static_cast<Search*>(argument);
  const uptr pc = static_cast<uptr>(_Unwind_GetIP(frame));
  if (!is_program(pc)) {
    search.left = true;
  } else if (search.left) {
    search.found = pc;
    return _URC_END_OF_STACK;
  }
  return _URC_NO_REASON;
}

}  // namespace

uptr place_in_program(uptr pc) {
  if (!exec::engine().tracing() || is_program(pc)) {
    return pc;
  }
  const exec::RuntimeScope runtime;
  Search search;
  ::_Unwind_Backtrace(look_at, &search);
  return search.found != 0 ? search.found : pc;
}

}  // namespace heddle::intercept
