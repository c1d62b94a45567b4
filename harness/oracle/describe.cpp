#include "oracle/describe.hpp"

#include <cstdlib>
#include <cxxabi.h>

#include "exec/execution.hpp"
#include "exec/image.hpp"

namespace heddle::oracle {

void describe_location(Message& message, uptr address) {
  exec::Execution& execution = exec::engine();
  const u32 index = execution.arena().block_near(address);
  if (index != 0) {
    const memory::Block& block = execution.arena().block(index);
    message.add("heap block of %zu bytes (T%u's allocation #%u)",
                static_cast<std::size_t>(block.size), to_index(block.thread), block.ordinal);
    if (address < block.address) {
      message.add(", %zu bytes before it", static_cast<std::size_t>(block.address - address));
    } else if (address >= block.address + block.size) {
      message.add(", %zu bytes past its end",
                  static_cast<std::size_t>(address - block.address - block.size));
    } else {
      message.add(" at offset %zu", static_cast<std::size_t>(address - block.address));
    }
  } else if (memory::in_stacks(address)) {
    message.add("the stack of T%u", memory::stack_slot_of(address));
  } else if (const exec::Symbol symbol = exec::symbol_at(address); symbol.name != nullptr) {
    const exec::RuntimeScope runtime;
    // A plain C name may be the code of a type.
    int status = -1;
    char* readable = __builtin_strncmp(symbol.name, "_Z", 2) != 0
                         ? nullptr
                         : abi::__cxa_demangle(symbol.name, nullptr, nullptr, &status);
    message.add("global '%s'", status == 0 ? readable : symbol.name);
    if (symbol.offset != 0) {
      message.add(" at offset %zu", static_cast<std::size_t>(symbol.offset));
    }
    std::free(readable);
  } else if (address < 4096) {
    message.add("a null pointer");
  } else {
    message.add("memory from outside of the execution");
  }
}

void describe_object(Message& message, const char* what, uptr address) {
  message.add("%s in ", what);
  describe_location(message, address);
}

}  // namespace heddle::oracle
