#include <dlfcn.h>

#include "intercept/hook.hpp"

namespace heddle::intercept {

void* find_original(const char* name) {
  // By hand: the C library's string functions are interceptors too, and may not be called while a
  // sanitizer initialises itself, which is when some originals are asked for first.
  char interceptor[80] = "__interceptor_";
  u32 length = sizeof("__interceptor_") - 1;
  for (const char* c = name; *c != '\0' && length + 1 < sizeof interceptor; ++c) {
    interceptor[length++] = *c;
  }
  interceptor[length] = '\0';
  const exec::RuntimeScope runtime;  // the C library allocates when a symbol is not there
  void* symbol = ::dlsym(RTLD_DEFAULT, interceptor);
  if (symbol == nullptr) {
    symbol = ::dlsym(RTLD_NEXT, name);
  }
  HEDDLE_INVARIANT(symbol != nullptr);
  return symbol;
}

}  // namespace heddle::intercept
