#include "process/images.hpp"

#include <cstring>
#include <elf.h>
#include <initializer_list>
#include <link.h>

namespace heddle::process {
namespace {

constinit Images the_images;
const Image* latest = nullptr;  // that code was found in, as more will be

struct Dynamic {
  const ElfW(Sym) * symbols = nullptr;
  const char* strings = nullptr;
  const u32* gnu_hash = nullptr;
  const ElfW(Rela) * relocations = nullptr;
  uptr relocation_bytes = 0;
};

Dynamic dynamic_of(const dl_phdr_info& info) {
  Dynamic dynamic;
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    if (info.dlpi_phdr[i].p_type != PT_DYNAMIC) {
      continue;
    }
    const auto* entry =
        reinterpret_cast<const ElfW(Dyn)*>(info.dlpi_addr + info.dlpi_phdr[i].p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      switch (entry->d_tag) {
        case DT_SYMTAB:
          dynamic.symbols = reinterpret_cast<const ElfW(Sym)*>(entry->d_un.d_ptr);
          break;
        case DT_STRTAB: dynamic.strings = reinterpret_cast<const char*>(entry->d_un.d_ptr); break;
        case DT_GNU_HASH: dynamic.gnu_hash = reinterpret_cast<const u32*>(entry->d_un.d_ptr); break;
        case DT_RELA:
          dynamic.relocations = reinterpret_cast<const ElfW(Rela)*>(entry->d_un.d_ptr);
          break;
        case DT_RELASZ: dynamic.relocation_bytes = entry->d_un.d_val; break;
        default: break;
      }
    }
  }
  return dynamic;
}

// Each instrumented file calls __tsan_init. The hash table begins behind the undefined symbols.
bool is_instrumented(const dl_phdr_info& info) {
  const Dynamic dynamic = dynamic_of(info);
  if (dynamic.symbols == nullptr || dynamic.strings == nullptr || dynamic.gnu_hash == nullptr) {
    return false;
  }
  for (u32 i = 1; i < dynamic.gnu_hash[1]; ++i) {
    if (std::strcmp(dynamic.strings + dynamic.symbols[i].st_name, "__tsan_init") == 0) {
      return true;
    }
  }
  return false;
}

Owner owner_of(const dl_phdr_info& info, bool executable) {
  const auto is_named = [&info](const char* part) {
    return std::strstr(info.dlpi_name, part) != nullptr;
  };
  return executable                                        ? Owner::kProgram
         : is_named("/ld-linux") || is_named("linux-vdso") ? Owner::kLoader
         : is_named("libstdc++") || is_named("libc++.")    ? Owner::kCxxLibrary
         : is_instrumented(info)                           ? Owner::kProgram
                                                           : Owner::kSystem;
}

int add_image(dl_phdr_info* info, std::size_t, void*) {
  if (the_images.count == kImagesMax) {
    return 1;
  }
  Image image = {};
  image.executable = the_images.count == 0;  // it is reported first
  image.owner = owner_of(*info, image.executable);
  for (const char* name : {"/libc.so", "/libgcc_s.", "/libm.so", "/libatomic."}) {
    image.c_library |= std::strstr(info->dlpi_name, name) != nullptr;
  }
  uptr protected_end = 0;  // the loader made what is below read-only
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    const uptr begin = info->dlpi_addr + segment.p_vaddr;
    const Range range{begin, begin + segment.p_memsz};
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0) {
      image.code = range;
    } else if (segment.p_type == PT_LOAD && (segment.p_flags & PF_W) != 0) {
      image.data = range;  // lld makes two, of which the first becomes read-only
    } else if (segment.p_type == PT_GNU_RELRO) {
      protected_end = range.end & ~uptr{4095};
    } else if (segment.p_type == PT_TLS && info->dlpi_tls_data != nullptr) {
      const uptr data = reinterpret_cast<uptr>(info->dlpi_tls_data);
      image.thread_local_data = Range{data, data + segment.p_memsz};
      image.thread_local_initial = Range{begin, begin + segment.p_filesz};
    }
  }
  if (protected_end > image.data.begin) {
    image.data.begin = protected_end < image.data.end ? protected_end : image.data.end;
  }
  the_images.images[the_images.count++] = image;
  return 0;
}

const Image* find(uptr pc) {
  if (latest != nullptr && latest->code.contains(pc)) {
    return latest;
  }
  for (const Image& image : the_images) {
    if (image.code.contains(pc)) {
      latest = &image;
      return latest;
    }
  }
  return nullptr;
}

void look_again() {
  the_images.count = 0;
  latest = nullptr;
  ::dl_iterate_phdr(add_image, nullptr);
}

}  // namespace

const Images& images() {
  if (the_images.count == 0) {
    look_again();
  }
  return the_images;
}

const Image* image_of_code(uptr pc) {
  const Image* image = find(pc);
  if (image == nullptr) {
    look_again();
    image = find(pc);
  }
  return image;
}

void each_copied_variable(void (*visit)(void* context, Range range), void* context) {
  struct Request {
    void (*visit)(void* context, Range range);
    void* context;
  } request{visit, context};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* argument) {
        const auto& wanted = *static_cast<Request*>(argument);
        const Dynamic dynamic = dynamic_of(*info);
        for (uptr i = 0; i < dynamic.relocation_bytes / sizeof(ElfW(Rela)); ++i) {
          const auto& relocation = dynamic.relocations[i];
#if defined(__x86_64__)
          constexpr u32 kCopy = R_X86_64_COPY;
#elif defined(__aarch64__)
          constexpr u32 kCopy = R_AARCH64_COPY;
#endif
          if (ELF64_R_TYPE(relocation.r_info) == kCopy) {
            const uptr begin = info->dlpi_addr + relocation.r_offset;
            const auto& symbol = dynamic.symbols[ELF64_R_SYM(relocation.r_info)];
            wanted.visit(wanted.context, Range{begin, begin + symbol.st_size});
          }
        }
        return 1;  // the executable only
      },
      &request);
}

}  // namespace heddle::process
