#include "fuzz/driver.hpp"

#include <cstdlib>

#ifdef HEDDLE_WITH_LIBFUZZER
extern "C" int LLVMFuzzerRunDriver(int* argc, char*** argv,
                                   int (*callback)(const std::uint8_t* data, std::size_t size));
#endif

namespace heddle::fuzz {

#ifdef HEDDLE_WITH_LIBFUZZER

namespace {

struct Fuzzing {
  exploration::Session* session;
  const std::function<bool(const exec::Finding&)>* on_finding;
  u64* executions;
};

Fuzzing fuzzing;  // libFuzzer's callback takes no context

int one_input(const std::uint8_t* data, std::size_t size) {
  const exec::Finding& finding = fuzzing.session->run_bytes(data, size);
  ++*fuzzing.executions;
  if (finding && (*fuzzing.on_finding)(finding)) {
    std::abort();
  }
  return 0;
}

}  // namespace

bool has_libfuzzer() { return true; }

void run_libfuzzer(exploration::Session& session, const std::vector<std::string>& flags,
                   const std::function<bool(const exec::Finding&)>& on_finding, u64* executions) {
  fuzzing = Fuzzing{&session, &on_finding, executions};
  // The engine's handlers turn the target's signals into findings; libFuzzer keeps those that
  // end an input from outside.
  std::vector<std::string> words = {"heddle",        "-handle_segv=0", "-handle_bus=0",
                                    "-handle_fpe=0", "-handle_ill=0",  "-detect_leaks=0"};
  words.insert(words.end(), flags.begin(), flags.end());
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  int count = static_cast<int>(pointers.size());
  pointers.push_back(nullptr);
  char** arguments = pointers.data();
  std::exit(LLVMFuzzerRunDriver(&count, &arguments, one_input));
}

#else

bool has_libfuzzer() { return false; }

void run_libfuzzer(exploration::Session&, const std::vector<std::string>&,
                   const std::function<bool(const exec::Finding&)>&, u64*) {
  internal_bug("libFuzzer is not linked in", __FILE__, __LINE__);
}

#endif

}  // namespace heddle::fuzz
