#include "intercept/origin.hpp"

#include <cstring>
#include <link.h>
#include <unwind.h>

#include "exec/execution.hpp"

namespace heddle::intercept {
namespace {

struct CodeRange {
  uptr begin = 0;
  uptr end = 0;

  bool contains(uptr pc) const { return pc - begin < end - begin; }
};

struct Origins {
  bool known = false;
  CodeRange program;
  CodeRange cxx_library;
};

constinit Origins origins;

int find_ranges(dl_phdr_info* info, std::size_t, void*) {
  const bool executable = origins.program.end == 0;  // it is reported first
  const bool cxx = std::strstr(info->dlpi_name, "libstdc++") != nullptr ||
                   std::strstr(info->dlpi_name, "libc++.") != nullptr;
  if (!executable && !cxx) {
    return 0;
  }
  CodeRange& range = executable ? origins.program : origins.cxx_library;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0) {
      const uptr begin = info->dlpi_addr + segment.p_vaddr;
      range = CodeRange{begin, begin + segment.p_memsz};
    }
  }
  return 0;
}

const Origins& known_origins() {
  if (!origins.known) {
    ::dl_iterate_phdr(find_ranges, nullptr);
    origins.known = true;
  }
  return origins;
}

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

bool is_program(uptr pc) { return known_origins().program.contains(pc); }

bool is_program_or_cxx_library(uptr pc) {
  return known_origins().program.contains(pc) || origins.cxx_library.contains(pc);
}

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
