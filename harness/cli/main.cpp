// A file of its own, because programs that bring a main link everything else.
#include "cli/options.hpp"

int main(int argc, char** argv) { return heddle::cli::run_command(argc, argv); }
