// The first thing that a program built by heddle-cc does. If nobody drives it, it runs as without
// Heddle.
#include <dlfcn.h>

#include "cli/drive.hpp"
#include "process/phase.hpp"

namespace {

using Main = int (*)(int, char**, char**);
using Start = int (*)(Main, int, char**, void (*)(), void (*)(), void (*)(), void*);

Main program_main = nullptr;

int run(int argument_count, char** arguments, char** environment) {
  heddle_makes_own_objects = false;
  return heddle::process::is_before_main()
             ? heddle::cli::run_driven(program_main, argument_count, arguments)
             : program_main(argument_count, arguments, environment);
}

}  // namespace

// crt1.o calls it with the program's main; static constructors run inside of the original.
extern "C" __attribute__((visibility("default"), used)) int __libc_start_main(
    Main main, int argument_count, char** arguments, void (*initialise)(), void (*finish)(),
    void (*finish_loader)(), void* stack_end) {
  const auto original = reinterpret_cast<Start>(::dlsym(RTLD_NEXT, "__libc_start_main"));
  program_main = main;
  return original(run, argument_count, arguments, initialise, finish, finish_loader, stack_end);
}
