#include <dlfcn.h>

#include "intercept/hook.hpp"

namespace heddle::intercept {

void* find_in_libraries(const char* name) {
  const exec::RuntimeScope runtime;  // the C library may allocate
  void* symbol = ::dlsym(RTLD_NEXT, name);
  HEDDLE_INVARIANT(symbol != nullptr);
  return symbol;
}

}  // namespace heddle::intercept
