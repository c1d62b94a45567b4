#include "intercept/origin.hpp"

#include <cstring>
#include <link.h>

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

}  // namespace

bool is_program(uptr pc) { return known_origins().program.contains(pc); }

bool is_program_or_cxx_library(uptr pc) {
  return known_origins().program.contains(pc) || origins.cxx_library.contains(pc);
}

}  // namespace heddle::intercept
