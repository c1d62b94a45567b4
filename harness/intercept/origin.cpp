#include "intercept/origin.hpp"

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

bool is_loader(uptr pc) {
  const Image* image = process::image_of_code(pc);
  return image != nullptr && image->owner == Owner::kLoader;
}

}  // namespace heddle::intercept
