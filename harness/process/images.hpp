// In-target world. The executable and the libraries that are loaded, and whose they are.
#pragma once

#include "base/types.hpp"

namespace heddle::process {

enum class Owner : u8 {
  kProgram,     // the executable, and libraries compiled with instrumentation
  kCxxLibrary,  // libstdc++ or libc++
  kLoader,      // ld.so; its state belongs to the process
  kSystem,      // everything else
};

struct Range {
  uptr begin = 0;
  uptr end = 0;

  bool contains(uptr address) const { return address - begin < end - begin; }
};

struct Image {
  Owner owner = Owner::kSystem;
  bool executable = false;
  bool c_library = false;  // libc or the compiler's own
  Range code;
  Range data;                  // writable
  Range thread_local_data;     // of the OS thread that asked
  Range thread_local_initial;  // what a new thread's begins with; zeroes follow
};

constexpr u32 kImagesMax = 256;

/// The loaded images; the executable is the first.
struct Images {
  Image images[kImagesMax] = {};
  u32 count = 0;

  const Image* begin() const { return images; }
  const Image* end() const { return images + count; }
};

/// Looked up at the first call, and again by is_... when it meets code from nowhere known.
const Images& images();
const Image* image_of_code(uptr pc);

/// Calls `visit(range)` for variables of libraries that the linker moved into the executable.
void each_copied_variable(void (*visit)(void* context, Range range), void* context);

}  // namespace heddle::process
