// Compiled with -fsanitize=address in builds that have it: makes the access that AddressSanitizer
// is to report. See check_poison() in hook.hpp.
#include "intercept/hook.hpp"

#ifdef HEDDLE_WITH_ASAN

namespace heddle::intercept {

__attribute__((noinline)) void check_poison_slow(void* address, std::size_t size, bool write) {
  auto* bytes = static_cast<volatile char*>(address);
  for (std::size_t i = 0; i < size; ++i) {
    if (__asan_address_is_poisoned(const_cast<char*>(bytes + i)) != 0) {
      if (write) {
        bytes[i] = bytes[i];
      } else {
        static_cast<void>(bytes[i]);
      }
      return;
    }
  }
}

}  // namespace heddle::intercept

#endif
