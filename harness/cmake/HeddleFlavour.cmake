# What each build flavour compiles and links, and heddle_add_targets().
#
#   heddle_warnings      warnings for the project's own code
#   heddle_instrumented  flags for code under test: clang's instrumentation, Heddle's hooks behind it
#   heddle_runtime_flags flags for the runtime, which must not be instrumented

include(CheckCXXSourceCompiles)

add_library(heddle_warnings INTERFACE)
target_compile_options(heddle_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough
  $<$<BOOL:${HEDDLE_WERROR}>:-Werror>)

add_library(heddle_instrumented INTERFACE)
add_library(heddle_runtime_flags INTERFACE)
target_compile_options(heddle_runtime_flags INTERFACE
  # Hooks must not come back through the guard hooks; one OS thread initialises the runtime.
  -fno-threadsafe-statics)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
  # Maxima of clocks and counts of bits as instructions; all processors since 2009 have them.
  target_compile_options(heddle_runtime_flags INTERFACE -march=x86-64-v2)
endif()
if(HEDDLE_FLAVOUR STREQUAL "plain")
  # Hook, engine and oracle lie in rooms of their own, and a hook is too short for three calls.
  target_compile_options(heddle_runtime_flags INTERFACE -flto -fwhole-program-vtables)
endif()

set(HEDDLE_HAS_ASAN OFF)
if(HEDDLE_FLAVOUR MATCHES "^(asan|fuzz)$")
  set(HEDDLE_HAS_ASAN ON)
endif()

# heddle_correct_header(<header> <regular expression> <replacement>)
#
# A corrected copy of libstdc++ 12's bits/<header> goes before the original.
function(heddle_correct_header header regex replacement)
  set(original /usr/include/c++/12/bits/${header})
  if(EXISTS ${original})
    file(READ ${original} content)
    string(REGEX REPLACE "${regex}" "${replacement}" content "${content}")
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/corrected/bits/${header} CONTENT "${content}" @ONLY)
    target_compile_options(heddle_instrumented INTERFACE "SHELL:-isystem ${CMAKE_BINARY_DIR}/corrected")
  endif()
endfunction()

if(NOT HEDDLE_FLAVOUR STREQUAL "native")
  string(REGEX MATCH "^[0-9]+" compiler_major ${CMAKE_CXX_COMPILER_VERSION})
  target_compile_options(heddle_instrumented INTERFACE
    -fno-omit-frame-pointer
    # Tells weak compare-exchanges from strong ones.
    "SHELL:-include ${CMAKE_CURRENT_LIST_DIR}/../include/heddle/weak_cas.h"
    # Tells barriers whose serial thread matters from others.
    "SHELL:-isystem ${CMAKE_CURRENT_LIST_DIR}/../include/heddle/system"
    # All logical threads share one OS thread: thread_local must ask the runtime.
    -femulated-tls
    # No allocation is the optimiser's to leave out, and with it what is wrong with its use.
    -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free -fno-builtin-strdup
    -fno-builtin-strndup
    # A large frame must not step over the guard into another thread's stack.
    -fstack-clash-protection)
  # libstdc++ 12's atomic<shared_ptr> gives its lock back with relaxed or acquiring accesses: a data
  # race by the standard, in every program that uses it. Later versions hide it from ThreadSanitizer
  # by annotations.
  heddle_correct_header(shared_ptr_atomic.h
    "fetch_sub\\(1, (__o|memory_order_relaxed)\\)"
    "fetch_sub(1, __o == memory_order_seq_cst ? __o : memory_order_release)")
  # Threads that wait for an atomic poll a while before they do: executions that no program can tell
  # apart. Who tries to take from a semaphore must then not give up because somebody else took.
  heddle_correct_header(atomic_wait.h "__atomic_spin_count = 16" "__atomic_spin_count = 1")
  heddle_correct_header(semaphore_base.h "if \\(__old == 0\\)[^}]*"
    "while (__old != 0)
	if (__atomic_impl::compare_exchange_strong(__counter, __old, __old - 1,
						   memory_order::acquire,
						   memory_order::relaxed))
	  return true;
      return false;
    ")
  # Code inside of libstdc++.so is not instrumented. Before C++20, that of strings is there.
  heddle_correct_header(basic_string.tcc "201703L && _GLIBCXX_EXTERN_TEMPLATE > 0" "0")
  target_compile_definitions(heddle_instrumented INTERFACE HEDDLE_INSTRUMENTED=1)
  if(HEDDLE_HAS_ASAN)
    target_compile_options(heddle_instrumented INTERFACE -fsanitize=address -fsanitize-recover=address)
    target_compile_definitions(heddle_runtime_flags INTERFACE HEDDLE_WITH_ASAN=1)
    # AddressSanitizer finds its stacks by frame pointers, through hooks of malloc and free too.
    target_compile_options(heddle_runtime_flags INTERFACE -fno-omit-frame-pointer)
  endif()
  find_program(HEDDLE_SYMBOLIZER NAMES llvm-symbolizer llvm-symbolizer-19 PATHS /usr/lib/llvm-19/bin)
  if(HEDDLE_SYMBOLIZER)
    target_compile_definitions(heddle_runtime_flags INTERFACE "HEDDLE_SYMBOLIZER=\"${HEDDLE_SYMBOLIZER}\"")
  endif()
  # A new name when a pass changes: the compilation cache and the build look at names of plugins.
  find_path(HEDDLE_LLVM_INCLUDE llvm/Passes/PassPlugin.h
    PATHS /usr/lib/llvm-${compiler_major}/include NO_DEFAULT_PATH)
  if(NOT HEDDLE_LLVM_INCLUDE)
    message(FATAL_ERROR "LLVM's headers for ${CMAKE_CXX_COMPILER} not found; on Debian they come with "
                        "the package llvm-${compiler_major}-dev (or set HEDDLE_LLVM_INCLUDE)")
  endif()
  # They run in this order: captured_locals hides the addresses that loads looks at.
  foreach(pass loads captured_locals library_calls machine_instructions replaced_operators)
    set(source ${CMAKE_CURRENT_LIST_DIR}/../instrumentation/${pass}.cpp)
    file(SHA256 ${source} hash)
    string(SUBSTRING ${hash} 0 8 hash)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    add_library(heddle_${pass} MODULE ${source})
    set_target_properties(heddle_${pass} PROPERTIES
      PREFIX "" OUTPUT_NAME ${pass}-${hash} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/heddle)
    target_include_directories(heddle_${pass} SYSTEM PRIVATE ${HEDDLE_LLVM_INCLUDE})
    target_compile_options(heddle_${pass} PRIVATE -O1 -g0 -fno-rtti)
    target_link_libraries(heddle_${pass} PRIVATE heddle_warnings)
    target_compile_options(heddle_instrumented INTERFACE -fpass-plugin=$<TARGET_FILE:heddle_${pass}>)
    list(APPEND passes heddle_${pass})
  endforeach()
  # Compilations wait for custom targets, and of a library's dependency only for its compilations.
  add_custom_target(heddle_passes DEPENDS ${passes})
  add_dependencies(heddle_instrumented heddle_passes)

  # The compiler proper is told: its driver would link ThreadSanitizer, and refuses it beside address.
  target_compile_options(heddle_instrumented INTERFACE -Xclang -fsanitize=thread)
  if(HEDDLE_FLAVOUR STREQUAL "fuzz")
    # What -fsanitize=fuzzer-no-link stands for, less the stack depth: that is a thread-local
    # variable, and fibers have depths of their own.
    target_compile_options(heddle_instrumented INTERFACE
      -fsanitize-coverage=inline-8bit-counters,pc-table,indirect-calls,trace-cmp)
  endif()
endif()

# -Xclang -fsanitize=thread beside -fsanitize=address is undocumented: look whether both kinds of
# calls come out of the compiler, before anything rests on it.
if(HEDDLE_HAS_ASAN AND NOT DEFINED HEDDLE_BOTH_INSTRUMENTATIONS)
  file(WRITE ${CMAKE_BINARY_DIR}/probe/probe.cpp
    "#include <atomic>\nint load(std::atomic<int>& a, int* p) { return a.load() + *p; }\n")
  execute_process(
    COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -O1 -fsanitize=address -Xclang -fsanitize=thread -S -o -
            ${CMAKE_BINARY_DIR}/probe/probe.cpp
    OUTPUT_VARIABLE probe_assembly ERROR_VARIABLE probe_error RESULT_VARIABLE probe_result)
  if(NOT probe_result EQUAL 0 OR NOT probe_assembly MATCHES "__tsan_atomic32_load" OR
     NOT probe_assembly MATCHES "__tsan_read4" OR NOT probe_assembly MATCHES "__asan_report_load4")
    message(FATAL_ERROR "this compiler does not combine AddressSanitizer with ThreadSanitizer's "
                        "instrumentation, which the flavour '${HEDDLE_FLAVOUR}' needs: ${probe_error}")
  endif()
  set(HEDDLE_BOTH_INSTRUMENTATIONS ON CACHE INTERNAL "")
endif()

# heddle_find_sanitizer(<variable> <part>)
#
# The archive of a part of clang's runtime.
function(heddle_find_sanitizer variable part)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-runtime-dir OUTPUT_VARIABLE runtime_dir
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  find_library(${variable}
    NAMES libclang_rt.${part}-x86_64.a libclang_rt.${part}-aarch64.a libclang_rt.${part}.a
    PATHS ${runtime_dir} /usr/lib/llvm-19/lib/clang/19/lib/linux REQUIRED)
endfunction()

# heddle_add_thread_sanitizer(<name> <file>...)
#
# ThreadSanitizer's runtime as a library <name>, less the names that the hooks in these files have,
# too: what HEDDLE_TSAN_HOOK makes of them, and nobody else knows. There they begin with __real_.
function(heddle_add_thread_sanitizer name)
  set(renamed)
  foreach(file IN LISTS ARGN)
    execute_process(
      COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -E -DHEDDLE_LIST_TSAN_HOOKS=1 -I${CMAKE_CURRENT_SOURCE_DIR} ${file}
      WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
      OUTPUT_VARIABLE preprocessed RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
      message(FATAL_ERROR "cannot preprocess ${file}")
    endif()
    string(REGEX MATCHALL "__hook_[A-Za-z0-9_]+" found "${preprocessed}")
    list(APPEND renamed ${found})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  endforeach()
  list(REMOVE_DUPLICATES renamed)
  list(TRANSFORM renamed REPLACE "^__hook_(.*)" "\\1 __real_\\1\n")
  string(CONCAT renamed ${renamed})
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/renamed ${renamed})

  heddle_find_sanitizer(TSAN_LIBRARY tsan)
  heddle_find_sanitizer(TSAN_CXX_LIBRARY tsan_cxx)
  set(library ${CMAKE_CURRENT_BINARY_DIR}/lib${name}.a)
  execute_process(
    COMMAND ${CMAKE_OBJCOPY} --redefine-syms=${CMAKE_CURRENT_BINARY_DIR}/renamed ${TSAN_LIBRARY} ${library}
    COMMAND_ERROR_IS_FATAL ANY)
  add_library(${name} STATIC IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${library})
endfunction()

# heddle_add_targets(<name> SOURCES <file>...)
#
# Compiles files with HEDDLE_TEST, HEDDLE_TARGET and the code they test, instrumented, into an
# object library <name>.
function(heddle_add_targets name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "heddle_add_targets(<name> SOURCES <file>...)")
  endif()
  add_library(${name} OBJECT ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE heddle_instrumented heddle_warnings heddle_api)
endfunction()

# heddle_add_command(<name> TARGETS <object library>...)
#
# Links a `heddle` command that knows these targets. Their objects come first on the link line:
# of a template that both worlds instantiate the linker keeps the first copy, and that must be the
# instrumented one (its hooks do nothing outside of executions).
function(heddle_add_command name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "TARGETS")
  set(objects)
  foreach(target IN LISTS arg_TARGETS)
    list(APPEND objects $<TARGET_OBJECTS:${target}>)
  endforeach()
  add_executable(${name} ${objects} ${heddle_SOURCE_DIR}/harness/cli/main.cpp)
  target_link_libraries(${name} PRIVATE heddle_cli heddle_runtime)
endfunction()
