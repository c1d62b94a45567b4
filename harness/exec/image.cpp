#include "exec/image.hpp"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/vec.hpp"

namespace heddle::exec {
namespace {

struct Entry {
  uptr begin;
  uptr end;
  const char* name;
};

struct Image {
  uptr bias = 0;
  uptr begin = ~uptr{0};
  uptr end = 0;
  bool loaded = false;
  Vec<Entry> entries;  // by address
};

constinit Image image;

int find_executable(dl_phdr_info* info, std::size_t, void*) {
  image.bias = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD) {
      image.begin = std::min(image.begin, info->dlpi_addr + segment.p_vaddr);
      image.end = std::max(image.end, info->dlpi_addr + segment.p_vaddr + segment.p_memsz);
    }
  }
  return 1;
}

void load_symbols(const char* file, std::size_t bytes) {
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(file);
  if (bytes < sizeof *header || header->e_shoff == 0 ||
      header->e_shoff + std::size_t{header->e_shnum} * sizeof(Elf64_Shdr) > bytes) {
    return;
  }
  const auto* sections = reinterpret_cast<const Elf64_Shdr*>(file + header->e_shoff);
  for (u32 i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB) {
      continue;
    }
    const char* strings = file + sections[sections[i].sh_link].sh_offset;
    const auto* symbols = reinterpret_cast<const Elf64_Sym*>(file + sections[i].sh_offset);
    for (u32 s = 0; s < sections[i].sh_size / sizeof(Elf64_Sym); ++s) {
      const u32 type = ELF64_ST_TYPE(symbols[s].st_info);
      if ((type == STT_OBJECT || type == STT_FUNC) && symbols[s].st_size != 0 &&
          symbols[s].st_shndx != SHN_UNDEF) {
        const uptr begin = image.bias + symbols[s].st_value;
        image.entries.push_back(
            Entry{begin, begin + symbols[s].st_size, strings + symbols[s].st_name});
      }
    }
  }
  // Aliases share an address: the name decides, so that the same one wins in every build.
  std::sort(image.entries.begin(), image.entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : __builtin_strcmp(a.name, b.name) > 0;
  });
}

void ensure_loaded() {
  if (image.loaded) {
    return;
  }
  image.loaded = true;
  ::dl_iterate_phdr(find_executable, nullptr);
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat status = {};
  if (file < 0 || ::fstat(file, &status) != 0) {
    return;
  }
  // Stays mapped: the names point into it.
  const auto bytes = static_cast<std::size_t>(status.st_size);
  load_symbols(static_cast<const char*>(os_map_file(file, bytes)), bytes);
  ::close(file);
}

}  // namespace

bool in_image(uptr address) {
  ensure_loaded();
  return address >= image.begin && address < image.end;
}

u64 without_bias(u64 number) { return in_image(number) ? ~(number - image.bias) : number; }

Symbol symbol_at(uptr address) {
  ensure_loaded();
  u32 low = 0;
  u32 high = image.entries.size();
  while (low < high) {
    const u32 middle = (low + high) / 2;
    if (image.entries[middle].begin <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0 || address >= image.entries[low - 1].end) {
    return Symbol{};
  }
  return Symbol{image.entries[low - 1].name, address - image.entries[low - 1].begin};
}

}  // namespace heddle::exec
