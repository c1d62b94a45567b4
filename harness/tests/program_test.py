#!/usr/bin/env python3
"""End-to-end tests of programs with a main of their own: heddle-cc, heddle-c++, and what the command
does with what they build.

    program_test.py BIN FLAVOUR [unittest arguments]

BIN is the folder of heddle, heddle-cc and heddle-c++; FLAVOUR the name of the build preset. Everything
is written below a temporary directory, which is removed at the end. Standard library only.
"""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

BIN = Path()
FLAVOUR = "plain"

CLEAN, FINDING, USAGE, DIVERGED = 0, 1, 2, 4
TIMEOUT = 120  # of one process; generous, a machine may be busy

HELLO = r"""
#include <stdio.h>
int main(int argc, char** argv) {
  printf("hello, %d: %s\n", argc, argc > 1 ? argv[1] : "nobody");
  return 0;
}
"""

RACY = r"""
#include <pthread.h>
int counter;
static void* work(void* argument) { ++counter; return argument; }
int main(void) {
  pthread_t a, b;
  pthread_create(&a, 0, work, 0);
  pthread_create(&b, 0, work, 0);
  pthread_join(a, 0);
  pthread_join(b, 0);
  return 0;
}
"""

RACY_UNUSED = r"""
#include <pthread.h>
int shared;
void* look(void* unused) {
  int seen = shared;
  return unused;
}
int main(void) {
  pthread_t thread;
  pthread_create(&thread, 0, look, 0);
  shared = 1;
  pthread_join(thread, 0);
  return 0;
}
"""

RACY_UNUSED_RESULT = r"""
#include <pthread.h>
int shared;
static int look(int* result) { *result = shared; return 1; }
void* work(void* unused) {
  int seen, sum = 0;
  if (look(&seen)) sum += seen;
  return unused;
}
int main(void) {
  pthread_t thread;
  pthread_create(&thread, 0, work, 0);
  shared = 1;
  pthread_join(thread, 0);
  return 0;
}
"""

RACY_LOCAL = r"""
#include <thread>
int main() {
  struct { int asked = 0, answer = 0; } shared;
  std::thread thread([&] { shared.answer = 42; });
  const int seen = shared.answer;
  thread.join();
  return seen == 0 || seen == 42 ? shared.asked : 1;
}
"""

# Nobody can tell these allocations from none, but for what is wrong with them.
USED_AFTER_FREE = r"""
#include <stdlib.h>
int main(void) {
  int* block = malloc(4 * sizeof *block);
  block[1] = 1;
  free(block);
  block[1] = 2;
  return 0;
}
"""

LEAKED = r"""
int main() { new int(3); }
"""

# Both are read, whichever is chosen.
READ_BOTH = r"""
#include <thread>
#define EITHER(c) ({ int x = left; int y = right; (c) ? x : y; })
int left = 1, right = 2;
__attribute__((noinline)) int either(bool c) { return EITHER(c); }
int main() {
  std::thread thread([] { right = 3; });
  const int seen = either(true);
  thread.join();
  return seen - 1;
}
"""

# One of two objects is read, which the optimiser would rather have both.
CHOSEN = r"""
#include <atomic>
#include <cassert>
#include <thread>
struct Both {
  std::atomic<int> which{0};
  int left = 0;
  int right = 0;
  const int& current() const { return which.load() == 0 ? left : right; }
};
Both all;
int global = 0;
const int& either(const int& a, const int& b, bool first) { return first ? b : a; }
int main() {
  Both here;
  int left = 0;
  int right = 0;
  std::thread thread([&] {
    all.right = here.right = right = global = 1;
    all.which = 1;
    here.which = 1;
  });
  assert(all.current() <= 1);
  const int seen = here.current();
  assert(seen <= 1);
  const int& chosen = here.which.load() == 0 ? left : right;
  const bool is_new = chosen > 0;
  assert(either(global, here.left, here.which.load() == 0) <= 1);
  thread.join();
  return is_new && right == 0;
}
"""

MAPPED_BEFORE_MAIN = r"""
#include <assert.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>
static int *page, *kept, *large, *opened;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void* map(long bytes) {
  return mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
__attribute__((constructor)) static void prepare(void) {
  char* three = map(3 * 4096);
  munmap(three + 4096, 4096);
  kept = (int*)(three + 2 * 4096);
  page = map(4096);
  munmap(map(4096), 4096);
  large = map(1 << 20);
  opened = mmap(0, 1l << 36, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}
static void* work(void* argument) {
  pthread_mutex_lock(&mutex);
  ++*page;
  pthread_mutex_unlock(&mutex);
  return argument;
}
int main(int argc, char** argv) {
  pthread_t thread;
  pthread_create(&thread, 0, work, 0);
  work(0);
  pthread_join(thread, 0);
  assert(*page == 2 && *kept == 0 && (*large)++ == 0);
  assert(mprotect(opened, 4096, PROT_READ | PROT_WRITE) == 0 && (*opened)++ == 0);
  if (argc > 1) {
    munmap(page, 4096);
    *page = 1;
  }
  return 0;
}
"""

DEADLOCK = r"""
#include <mutex>
#include <thread>
std::mutex a, b;
int main() {
  std::thread thread([] {
    std::lock_guard first(a);
    std::lock_guard second(b);
  });
  {
    std::lock_guard first(b);
    std::lock_guard second(a);
  }
  thread.join();
}
"""

ASSERTION = r"""
#include <atomic>
#include <cassert>
#include <thread>
std::atomic<int> stage;
int main() {
  std::thread thread([] { stage = 1; stage = 2; });
  assert(stage != 1);
  thread.join();
}
"""

# As with a libbacktrace and a Boost.Context of its own.
SAME_NAMES = r"""
#include <assert.h>
int backtrace_create_state(void) { return 1; }
int backtrace_pcinfo(void) { return 2; }
int make_fcontext(void) { return 3; }
int jump_fcontext(void) { return 4; }
int main(void) {
  assert(backtrace_create_state() == 1 && backtrace_pcinfo() == 2);
  assert(make_fcontext() == 3 && jump_fcontext() == 4);
  return 0;
}
"""

# Functions of fmt that are no templates, as a library of the program's has them.
OWN_FMT = r"""
#include <fmt/format.h>
#include <fmt/format-inl.h>
int main() { return fmt::format("{}", 42) == "42" ? 0 : 1; }
"""

# POSIX' names are the program's, if it does not ask for the functions behind them.
OWN_NAMES = r"""
#include <pthread.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int balance;
int read(int* account) { return *account; }
void write(int* account, int sum) { *account = sum; }
void close(int* account) { write(account, -1); }
int fork = 4, waitpid = 5, lseek = 6, dup2 = 7, fcntl = 8, getpid = 9;
static void* deposit(void* is_locked) {
  if (is_locked) pthread_mutex_lock(&mutex);
  write(&balance, read(&balance) + 1);
  if (is_locked) pthread_mutex_unlock(&mutex);
  return 0;
}
int main(int argc, char** argv) {
  pthread_t a, b;
  pthread_create(&a, 0, deposit, &mutex);
  pthread_create(&b, 0, deposit, argc > 1 ? 0 : &mutex);
  pthread_join(a, 0);
  pthread_join(b, 0);
  const int sum = read(&balance);
  close(&balance);
  return sum != 2 || fork != 4 || waitpid != 5;
}
"""

# Functions of the C library, too; the C++ library, and whoever is asked otherwise, have the real ones.
OWN_LIBRARY_NAMES = r"""
#include <assert.h>
int pthread_create(unsigned long*, const void*, void* (*)(void*), void*);
int pthread_join(unsigned long, void**);
int time = 1, clock = 2, gettid = 3;
static int calls;
int rand(void) { return ++calls; }
void srand(unsigned seed) { calls = (int)seed; }
int sleep(int* account) { return ++*account; }
int open(void) { return 4; }
void signal(int* account) { *account += 10; }
int poll(void) { return 5; }
int select(int a) { return a; }
int mtx_lock(int a) { return a + 1; }
void exit(int status) { calls = status; __builtin_trap(); }
static void* work(void* argument) { return argument; }
int main(void) {
  assert(time == 1 && clock == 2 && gettid == 3 && calls == 0);
  srand(7);
  assert(rand() == 8 && open() == 4 && poll() == 5 && select(6) == 6 && mtx_lock(6) == 7);
  int account = 0;
  signal(&account);
  assert(sleep(&account) == 11);
  unsigned long thread;
  pthread_create(&thread, 0, work, 0);
  return pthread_join(thread, 0);
}
"""

# Operators that put a word in front of each block, and count. They are all that there are: forms that
# are left out end here. What the C++ library allocates inside comes from here, too.
OWN_OPERATORS = r"""
#include <atomic>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <thread>
static std::atomic<long> live;
static std::atomic<bool> is_main;  // nothing before it needs them
static constexpr long kMark = 0x1234;
void* operator new(std::size_t size) {
  if (!is_main) throw std::bad_alloc();
  auto* block = static_cast<long*>(size < 1000000 ? std::malloc(size + 16) : nullptr);
  if (block == nullptr) throw std::bad_alloc();
  block[0] = kMark;
  ++live;
  return block + 2;
}
void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  long* block = static_cast<long*>(memory) - 2;
  if (block[0] != kMark) std::abort();
  block[0] = 0;
  --live;
  std::free(block);
}
struct alignas(64) Wide { char bytes[64]; };
int main(int argc, char** argv) {
  is_main = true;
  const long before = live;
  assert(before == 0);
  void* volatile kept = nullptr;
  const auto is_new = [&](auto* made) {
    kept = made;
    assert(live == before + 1);
    return made;
  };
  delete is_new(new int);
  delete[] is_new(new char[100]);
  delete is_new(new (std::nothrow) int);
  delete[] is_new(new (std::nothrow) int[3]);
  char* volatile none = new (std::nothrow) char[2000000];
  assert(none == nullptr && live == before);
  Wide* wide = new Wide;  // of another family
  assert(live == before && reinterpret_cast<std::uintptr_t>(wide) % 64 == 0);
  delete wide;
  assert(std::filesystem::path("a/rather/long/path/that/needs/a/block").filename() == "block");
  std::thread([] { delete new int; }).join();
  try {
    throw std::bad_alloc();
  } catch (const std::bad_alloc&) {
  }
  assert(live == before);
  if (argc > 1 && !std::strcmp(argv[1], "leak")) {
    kept = new int;
    kept = nullptr;
  }
  if (argc > 1 && !std::strcmp(argv[1], "twice")) {
    int* volatile number = new int;
    delete number;
    delete number;
  }
  return 0;
}
"""

# Aligned and sized forms, arrays of their own, and placement, which is nobody's to replace.
OWN_OPERATORS_IN_FULL = r"""
#include <cassert>
#include <cstdlib>
#include <new>
static int calls[8];
void* operator new(std::size_t size) { ++calls[0]; return std::malloc(size); }
void* operator new[](std::size_t size) { ++calls[1]; return std::malloc(size); }
void* operator new(std::size_t size, std::align_val_t a) { ++calls[2]; return std::aligned_alloc(std::size_t(a), size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { ++calls[3]; return std::malloc(size); }
void operator delete(void* memory) noexcept { ++calls[4]; std::free(memory); }
void operator delete[](void* memory) noexcept { ++calls[5]; std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { ++calls[6]; std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { ++calls[7]; std::free(memory); }
struct alignas(64) Wide { char bytes[64]; };
template <class T> T* opaque(T* pointer) { T* volatile kept = pointer; return kept; }
int main() {
  for (int& count : calls) count = 0;
  delete opaque(new int);
  delete[] opaque(new int[3]);
  ::operator delete(opaque(new int), sizeof(int));
  delete opaque(new Wide);
  delete[] opaque(new Wide[2]);
  delete opaque(new (std::nothrow) int);
  char place[sizeof(int)];
  new (place) int(1);
  assert(calls[0] == 2 && calls[1] == 1 && calls[2] == 2 && calls[3] == 1);
  assert(calls[4] + calls[6] == 3 && calls[6] >= 1 && calls[5] == 1 && calls[7] == 2);
  return 0;
}
"""

# One conversion of each kind into a field of its own; T1 reads the field that the argument numbers.
SCANNING = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
static struct {
  int whole;
  short small;
  signed char smallest;
  long big;
  double real;
  char word[8];
  char set[8];
  char two[2];
  wchar_t wide[4];
  int count;
  int unmatched;
  int guard;
} fields;
static int field;
static void* look(void* unused) {
  volatile char sum = 0;
  const char* const at[] = {(char*)&fields.whole, (char*)&fields.small, (char*)&fields.smallest, (char*)&fields.big + 7,
                            (char*)&fields.real + 7, fields.word + 3, fields.set + 3, fields.two + 1,
                            (char*)(fields.wide + 3), (char*)&fields.count, (char*)&fields.unmatched,
                            (char*)&fields.guard, fields.word + 4};
  sum += *at[field];
  return unused;
}
int main(int argc, char** argv) {
  field = atoi(argv[1]);
  pthread_t thread;
  pthread_create(&thread, 0, look, 0);
  const int done = sscanf("1 2 3 4 5.5 abc x]y ab wid end", "%d%hd %hhd%*[ ]%ld %lf%7s %[]x-z] %2c %3ls%n %d", &fields.whole,
                          &fields.small, &fields.smallest, &fields.big, &fields.real, fields.word, fields.set,
                          fields.two, fields.wide, &fields.count, &fields.unmatched);
  pthread_join(thread, 0);
  return done != 9 || fields.count == 0 || strcmp(fields.word, "abc") || strcmp(fields.set, "x]y") || argc != 2;
}
"""

SCANNING_INPUT = r"""
#include <stdio.h>
#include <thread>
int number;
int main() {
  std::thread thread([] { number = 1; });
  const int done = scanf("%d", &number);
  thread.join();
  return done != 1;
}
"""

OWN_MALLOC = r"""
#include <stddef.h>
#include <stdio.h>
static _Alignas(16) char memory[1 << 20];
static size_t used;
void* malloc(size_t size) {
  void* block = memory + used;
  used += (size + 15) / 16 * 16;
  return block;
}
void free(void* block) { (void)block; }
void* calloc(size_t count, size_t size) { return malloc(count * size); }
void* realloc(void* block, size_t size) { return block ? NULL : malloc(size); }
int main(void) {
  puts("own");
  return malloc(1) == NULL || used == 0;
}
"""

# How a program can end, by its first argument.
ENDS = r"""
#include <cstdlib>
#include <cstring>
#include <err.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
int main(int argc, char** argv) {
  const char* how = argc > 1 ? argv[1] : "";
  if (!std::strcmp(how, "return")) return 3;
  if (!std::strcmp(how, "thread")) std::thread([] { std::exit(4); }).join();
  if (!std::strcmp(how, "_exit")) _exit(5);
  if (!std::strcmp(how, "quick_exit")) std::quick_exit(6);
  if (!std::strcmp(how, "library")) errx(7, "a call of exit() inside of the C library");
  if (!std::strcmp(how, "by number")) syscall(SYS_exit_group, 8);
  if (!std::strcmp(how, "exit 0")) std::exit(0);
  if (!std::strcmp(how, "exit 256")) std::exit(256);
  if (!std::strcmp(how, "running")) std::thread([] { for (;;) std::this_thread::yield(); }).detach();
  if (!std::strcmp(how, "leak")) {
    void* volatile block = std::malloc(100);
    block = nullptr;
  }
  if (!std::strcmp(how, "frame")) { void* volatile block = std::malloc(100); std::exit(block == nullptr); }
  return 0;
}
"""

# Ends of a child that main() forks, and of the process itself.
PROCESSES = r"""
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
thread_local int own = 5;
std::mutex mutex;
int main(int, char** argv) {
  const std::string how = argv[1];
  char shell[] = "/bin/sh", option[] = "-c", script[] = "exit ${STATUS:-0}", status[] = "STATUS=3";
  char* const arguments[] = {shell, option, script, nullptr};
  char* const environment[] = {status, nullptr};
  if (how == "execv") execv(shell, arguments);
  if (how == "execle") execle(shell, shell, "-c", "exit ${STATUS:-1}", nullptr, (char*[]){(char*)"STATUS=0", nullptr});
  if (how == "daemon") return daemon(1, 1);
  own = 7;
  std::string kept(100, 'x');
  std::thread other([] { const std::lock_guard lock(mutex); });
  other.join();
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (how == "exit") std::exit(3);
    if (how == "_exit") _exit(3);
    if (how == "exec") execve(shell, arguments, environment);
    if (how == "abort") std::abort();
    std::signal(SIGSEGV, SIG_DFL);  // a sanitizer's handler would turn the signal into an exit code
    if (how == "fault") *static_cast<volatile int*>(nullptr) = 1;
    if (how == "work") {
      const std::lock_guard lock(mutex);
      kept += std::string(1000, 'y');
      kept.clear();
      kept.shrink_to_fit();
      void* block = std::malloc(100);
      std::free(std::realloc(block, 1000));
    }
    return 3;
  }
  int end = 0;
  waitpid(child, &end, 0);
  if (how == "abort") return !(WIFSIGNALED(end) && WTERMSIG(end) == SIGABRT);
  if (how == "fault") return !(WIFSIGNALED(end) && WTERMSIG(end) == SIGSEGV);
  return !(WIFEXITED(end) && WEXITSTATUS(end) == 3) || own != 7;
}
"""

# Ends its process where nobody sees it.
VANISHES = r"""
int main() { __asm__ volatile("syscall" : : "a"(231), "D"(0) : "rcx", "r11", "memory"); }
"""

# Asserts that all of its process is new. Takes -a -b 3 and a word, and two lines on standard input.
EVERYTHING_NEW = r"""
#include <cassert>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <getopt.h>
#include <iostream>
#include <map>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

std::map<int, std::string> table{{1, "one"}, {2, "a string that is too long to do without the heap"}};
std::vector<int>* early = new std::vector<int>{1, 2, 3};
struct Object {
  int* value = new int(5);
  ~Object() {
    assert(*value == 5);
    delete value;
    value = nullptr;
  }
} object;
static char buffer[64];
static int handlers;

int main(int argc, char** argv) {
  assert(object.value != nullptr && *object.value == 5);
  assert(table.size() == 2 && table[1] == "one");
  table[3] = "three";
  table.erase(1);
  table[2] = "short";
  assert(early != nullptr && early->size() == 3);
  early->push_back(4);
  delete early;
  early = nullptr;

  assert(buffer[0] == '\0');
  std::snprintf(buffer, sizeof buffer, "%d", argc);  // written by a library
  assert(optind == 1);
  int options = 0;
  while (getopt(argc, argv, "ab:") != -1) ++options;
  assert(options == 2 && std::strcmp(argv[optind], "word") == 0);
  assert(std::strcmp(argv[1], "-a") == 0);
  argv[1][1] = 'z';
  std::strtok(argv[optind], "o");
  assert(getenv("HEDDLE_DRIVE") == nullptr && getenv("NEW") == nullptr);
  setenv("NEW", "1", 1);
  setenv("PATH", "/nowhere", 1);
  assert(std::strcmp(getenv("OLD"), "old") == 0);
  getenv("OLD")[0] = 'g';

  static int random_number = -1;
  assert(random_number == -1);
  random_number = std::rand();
  static int first_of_all = random_number;
  assert(first_of_all == random_number);
  errno = 33;
  assert(std::strcmp(std::setlocale(LC_ALL, nullptr), "C") == 0);
  std::setlocale(LC_ALL, "C.UTF-8");

  const int descriptor = ::open("/dev/null", O_RDONLY);
  assert(descriptor == 3);
  char folder[4096];
  assert(::getcwd(folder, sizeof folder) != nullptr && std::strcmp(folder, "/") != 0);
  assert(::chdir("/") == 0);
  const mode_t mask = ::umask(0);
  assert(mask != 0);
  struct sigaction action;
  ::sigaction(SIGUSR1, nullptr, &action);
  assert(action.sa_handler == SIG_DFL);
  std::signal(SIGUSR1, [](int) { ++handlers; });
  std::raise(SIGUSR1);
  assert(handlers == 1);

  std::cout << std::hex << 255 << '\n';
  assert(std::cout.good());
  std::string line;
  int lines = 0;
  while (std::getline(std::cin, line)) ++lines;
  assert(lines == 2);
  std::printf("not flushed");
  std::fprintf(std::fopen("/dev/null", "w"), "nor closed");
  std::thread([] { static thread_local int value = 1; assert(value++ == 1); }).join();
  std::atexit([] { std::puts(" but at the end"); });
  return 0;
}
"""

# Each way ends an execution with other descriptors than it began with, by calls that nobody sees.
DESCRIPTORS = r"""
#include <atomic>
#include <cassert>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
std::atomic<int> turns{0};
bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) != -1; }
int main(int, char** argv) {
  assert(is_open(0) && is_open(1) && is_open(2) && !is_open(3) && !is_open(50));
  assert(::lseek(0, 0, SEEK_CUR) == 0);
  std::thread thread([] { ++turns; });
  const int turn = ++turns;
  thread.join();
  const auto is_way = [argv](const char* way) { return std::strcmp(argv[1], way) == 0; };
  if (is_way("opens")) ::syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
  if (is_way("at times") && turn == 1) ::syscall(SYS_dup3, 0, 50, 0);
  if (is_way("as many")) {
    ::syscall(SYS_dup3, 0, 50, 0);
    ::syscall(SYS_close, 0);
  }
  if (is_way("closes")) ::syscall(SYS_close_range, 0, 2, 0);
  if (is_way("reads")) {
    char bytes[2];
    assert(::read(0, bytes, sizeof bytes) == sizeof bytes);
  }
  return 0;
}
"""

# On real threads; natively, everything must be as without Heddle.
NATIVE = r"""
#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
std::atomic<int> made, gone;
struct Local {
  std::string text = std::string(100, 'x');
  Local() { ++made; }
  ~Local() { ++gone; }
};
thread_local Local local;
thread_local int number = 7;
std::mutex mutex;
long total;
std::atomic<long> sum;
int shared_static() {
  static std::vector<int> once(1000, 1);
  return once[999];
}
int main() {
  auto shared = std::make_shared<int>(1);
  for (int round = 0; round < 10; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([shared] {
        if (number != 7) std::abort();
        number = 8;
        for (int k = 0; k < 20000; ++k) {
          std::shared_ptr<int> copy = shared;
          std::lock_guard lock(mutex);
          total += *copy;
          sum += shared_static();
        }
        if (local.text.size() != 100) std::abort();
      });
    }
    for (auto& thread : threads) thread.join();
  }
  const bool good = total == 8 * 10 * 20000 && sum == total && made == 80 && gone == 80 &&
                    shared.use_count() == 1;
  std::puts(good ? "good" : "bad");
  return good ? 0 : 1;
}
"""

LIBRARY = r"""
#include <pthread.h>
int in_library;
static __thread int local = 1;
void count(void) { ++in_library; local += in_library; }
int seen(void) { return local; }
"""

USES_LIBRARY = r"""
#include <pthread.h>
extern int in_library;
void count(void);
int seen(void);
static void* work(void* guarded) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  if (guarded) pthread_mutex_lock(&mutex);
  count();
  if (guarded) pthread_mutex_unlock(&mutex);
  return 0;
}
int main(int argc, char** argv) {
  (void)argv;
  if (in_library != 0 || seen() != 1) return 9;
  pthread_t a, b;
  void* guarded = argc > 1 ? 0 : &a;
  pthread_create(&a, 0, work, guarded);
  pthread_create(&b, 0, work, guarded);
  pthread_join(a, 0);
  pthread_join(b, 0);
  return in_library == 2 ? 0 : 8;
}
"""

# Waits in the kernel for what nobody writes.
SLEEPS = r"""
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static int ends[2];
static void* wait(void* unused) {
  struct pollfd end = {ends[0], POLLIN, 0};
  if (poll(&end, 1, -1) != 1) exit(2);
  return unused;
}
int main(void) {
  pthread_t thread;
  if (pipe(ends) != 0) return 1;
  pthread_create(&thread, 0, wait, 0);
  pthread_join(thread, 0);
  return 0;
}
"""

# Keeps a count where no roll-back reaches, and makes other events by it.
REMEMBERS = r"""
#include <atomic>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <thread>
#include <unistd.h>
std::atomic<int> events;
int main(int argc, char** argv) {
  if (!std::strcmp(argv[1], "dies")) {
    std::thread thread([] { if (events.load() == 1) ::kill(::getpid(), SIGKILL); });
    events = 1;
    events = 2;
    thread.join();
    return 0;
  }
  const int file = ::open(argv[1], O_RDWR | O_CREAT, 0600);
  int count = 0;
  (void)!::read(file, &count, sizeof count);
  ++count;
  (void)!::pwrite(file, &count, sizeof count, 0);
  for (int i = 0; i < count % 7; ++i) ++events;
  int raced = 0;
  std::thread thread([&] { ++raced; });
  if (argc > 2) ++raced;
  thread.join();
  return 0;
}
"""


def run(*arguments, code=0, **options):
    """Runs a process to its end; checks its exit code."""
    done = subprocess.run([str(word) for word in arguments], capture_output=True, text=True,
                          errors="replace", timeout=TIMEOUT, check=False,
                          **{"stdin": subprocess.DEVNULL, **options})
    if code is not None and done.returncode != code:
        raise AssertionError(f"{' '.join(map(str, arguments))}: exit code {done.returncode}, not {code}\n"
                             f"stdout: {done.stdout[:1500]}\nstderr: {done.stderr[:1500]}")
    return done


# The functions of strings are templates, but compiled in the library, too.
RACY_STRING = r"""
#include <string>
#include <thread>
int main() {
  std::string text = "a text that is too long to be stored in the object itself";
  std::thread thread([&] { text.append("b"); });
  text.append("c");
  thread.join();
}
"""

MARKED_POINTER_TO_A_GLOBAL = r"""
#include <atomic>
#include <cstdint>
#include <thread>
int item;
std::atomic<std::uintptr_t> head{0};
int main() {
  std::thread thread([] { head = reinterpret_cast<std::uintptr_t>(&item) | std::uintptr_t{5} << 50; });
  item = head == 0;
  thread.join();
  return item;
}
"""

MARKED_POINTER = r"""
#include <atomic>
#include <cstdint>
#include <thread>
std::atomic<std::uintptr_t> head{0};
int main() {
  int* item = new int;
  head = reinterpret_cast<std::uintptr_t>(item) | std::uintptr_t{1} << 52;
  std::thread([] { head = 0; }).join();
  delete item;
}
"""


class ProgramTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = Path(tempfile.mkdtemp(prefix="heddle-program-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(dir=self.shared))

    def written(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def compile(self, *arguments, language="c++", code=0):
        return run(BIN / f"heddle-{language}", *arguments, code=code, cwd=self.folder)

    def built(self, text, name="program", language="c++", optimisation="-O1"):
        """The program of one source file, with debug information."""
        suffix = "cpp" if language == "c++" else "c"
        standard = ["-std=c++20"] if language == "c++" else []
        self.written(f"{name}.{suffix}", text)
        self.compile("-g", optimisation, *standard, f"{name}.{suffix}", "-o", name, language=language)
        return f"./{name}"

    def heddle(self, *arguments, code=CLEAN, **options):
        return run(BIN / "heddle", *arguments, code=code, cwd=self.folder, **options)

    def result(self, *arguments, code=CLEAN, **options):
        return json.loads(self.heddle(*arguments, "--json", code=code, **options).stdout)

    def run_program(self, program, *arguments, code=CLEAN, executions=300, options=(), **others):
        """`heddle run` of a program with arguments, as JSON."""
        done = self.heddle("run", program, f"--executions={executions}", "--json", *options, "--", *arguments,
                           code=code, **others)
        return json.loads(done.stdout)

    def only_finding(self, result, kind, rule=None):
        self.assertEqual(len(result["findings"]), 1, result)
        finding = result["findings"][0]
        self.assertEqual(finding["kind"], kind, finding)
        if rule is not None:
            self.assertEqual(finding["rule"], rule, finding)
        self.assertTrue(finding["confirmed"], finding)
        return finding


# The end of main is not the end of what its threads may do before.
UNJOINED = r"""
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static atomic_int x, y;
static void* give_up(void* argument) { abort(); }
static void* lock(void* argument) {
  pthread_mutex_t* first = argument ? &a : &b;
  pthread_mutex_t* second = argument ? &b : &a;
  pthread_mutex_lock(first);
  pthread_mutex_lock(second);
  pthread_mutex_unlock(second);
  pthread_mutex_unlock(first);
  return argument;
}
static void* look(void* argument) {
  atomic_store_explicit(argument ? &x : &y, 1, memory_order_relaxed);
  atomic_load_explicit(argument ? &y : &x, memory_order_relaxed);
  return argument;
}
static void last(void) { atomic_store(&x, 2); }
int main(int argc, char** argv) {
  const char* how = argv[1];
  void* (*work)(void*) = strstr(how, "abort") ? give_up : strstr(how, "lock") ? lock : look;
  pthread_t thread;
  if (strstr(how, "handler")) atexit(last);
  pthread_create(&thread, 0, work, 0);
  pthread_create(&thread, 0, work, &a);
  if (strstr(how, "gone")) pthread_exit(0);
  return 0;
}
"""

# Three threads take tickets and wait for their turns.
TICKETS = r"""
#include <atomic>
#include <cassert>
#include <thread>
std::atomic<int> next_ticket{0};
std::atomic<int> turn{0};
int count = 0;
void use() {
  const int ticket = next_ticket.fetch_add(1, std::memory_order_relaxed);
  while (turn.load(std::memory_order_acquire) != ticket) {
  }
  ++count;
  turn.store(ticket + 1, std::memory_order_release);
}
int main() {
  std::thread a(use), b(use), c(use);
  a.join();
  b.join();
  c.join();
  assert(count == 3);
}
"""


# Each thread pushes onto a stack whose bottom lies elsewhere in each process.
STACK = r"""
#include <atomic>
#include <cassert>
#include <cstdlib>
#include <thread>
#include <vector>
struct Node { Node* next; };
Node bottom{nullptr};
std::atomic<Node*> top{&bottom};
void push() {
  Node* node = new Node{top.load()};
  while (!top.compare_exchange_strong(node->next, node)) {
  }
}
int main(int, char** argv) {
  std::vector<std::thread> threads;
  for (int i = 0; i < std::atoi(argv[1]); ++i) {
    threads.emplace_back(push);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (Node* at = top; at != &bottom;) {
    Node* next = at->next;
    delete at;
    at = next;
  }
}
"""


# Its threads lock what a static constructor has allocated.
EARLY_LOCK = r"""
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
struct Guarded {
  std::mutex mutex;
  std::atomic<int> count{0};
};
std::shared_ptr<Guarded> guarded = std::make_shared<Guarded>();
std::atomic<Guarded*> shown{nullptr};
void work() {
  const std::lock_guard lock(guarded->mutex);
  ++guarded->count;
  shown = guarded.get();
}
int main() {
  std::thread a(work), b(work), c(work);
  a.join();
  b.join();
  c.join();
  return guarded->count != 3 || shown != guarded.get();
}
"""


# Computes in as many pieces as it is told, with an event behind each; 0: for ever, without any.
COMPUTING = r"""
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
static atomic_int done;
static void* compute(void* argument) {
  const int pieces = *(int*)argument;
  do {
    for (long left = 1 << 30; pieces == 0 || --left != 0;) __asm__ volatile("");
  } while (atomic_fetch_add(&done, 1) + 1 != pieces);
  return argument;
}
int main(int argc, char** argv) {
  int pieces = atoi(argv[1]);
  pthread_t thread;
  pthread_create(&thread, 0, compute, &pieces);
  pthread_join(thread, 0);
  return 0;
}
"""


class CheckTest(ProgramTest):
    def test_a_check_goes_on_in_another_process(self):
        """With the program and the arguments of before."""
        self.written("stack.cpp", STACK)
        self.compile("-std=c++20", "stack.cpp", "-o", "stack", language="c++")

        def check(*words):
            return json.loads(self.heddle("check", "--json", *words).stdout)

        whole = check("./stack", "--", "3")
        result = check("./stack", "--executions=13", "--", "3")
        for before in (13, 26):
            result = check(f"--resume={result['checkpoint']}", "--executions=13")
            self.assertEqual(result["executions_before"], before)
        refused = self.heddle("check", "./stack", f"--resume={result['checkpoint']}", "--", "2", code=USAGE)
        self.assertIn("arguments", refused.stderr)
        result = check(f"--resume={result['checkpoint']}")
        for key in ("verdict", "executions", "blocked", "complete"):
            self.assertEqual(result[key], whole[key], key)

    def test_a_check_goes_on_with_what_was_made_before_main(self):
        """That lies elsewhere in each process."""
        program = self.built(EARLY_LOCK)
        whole = self.result("check", program)
        self.assertEqual(whole["verdict"], "verified")
        result = self.result("check", program, "--executions=1")
        while result["verdict"] == "bounded":
            result = self.result("check", f"--resume={result['checkpoint']}", "--executions=1")
        for key in ("verdict", "executions", "blocked"):
            self.assertEqual(result[key], whole[key], key)

    def test_spinning_programs_are_verified(self):
        self.written("tickets.cpp", TICKETS)
        counts = {}
        for name, options in (("default", []), ("plain", ["-O2"]), ("slow", ["-O0"])):
            self.compile("-std=c++20", *options, "tickets.cpp", "-o", name, language="c++")
            result = self.result("check", f"./{name}", "--model=rc11")
            self.assertEqual(result["verdict"], "verified", result)
            counts[name] = result["executions"]
        # One for each order of the tickets. Frames that are not optimised keep what is not used any
        # more, as those of AddressSanitizer do: rounds may look different that are not.
        self.assertGreaterEqual(counts["slow"], 6)
        if FLAVOUR == "plain":
            self.assertEqual(counts["default"], 6)
            self.assertEqual(counts["plain"], 6)


    def check(self, program, argument, *options, code=CLEAN):
        return json.loads(self.heddle("check", "--json", *options, program, "--", argument, code=code).stdout)

    def test_an_execution_that_takes_too_long_is_cut_short(self):
        """It does not count, and the search can go on with it."""
        program = self.built(COMPUTING, language="cc", optimisation="-O2")
        for options in ((), ("--isolate",)):
            result = self.run_program(program, "0", options=("--time=1s", *options))
            self.assertEqual((result["executions"], result["findings"]), (0, []))
        result = self.check(program, "8", "--time=100ms")
        self.assertEqual((result["verdict"], result["executions"]), ("bounded", 0))
        result = json.loads(self.heddle("check", "--json", f"--resume={result['checkpoint']}").stdout)
        self.assertEqual((result["verdict"], result["executions"]), ("verified", 1))

    def test_an_execution_that_sleeps_is_cut_short(self):
        """By the end of the time, and by a signal; the process would sleep on otherwise."""
        program = self.built(SLEEPS, language="cc")
        for options in ((), ("--isolate",)):
            result = self.run_program(program, options=("--time=100ms", *options))
            self.assertEqual((result["executions"], result["findings"]), (0, []))
        result = json.loads(self.heddle("check", "--json", "--time=100ms", program).stdout)
        self.assertEqual((result["verdict"], result["executions"]), ("bounded", 0))
        sleeper = subprocess.Popen([str(BIN / "heddle"), "check", "--json", program], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, cwd=self.folder, text=True)
        time.sleep(1)
        sleeper.send_signal(signal.SIGINT)
        result = json.loads(sleeper.communicate(timeout=60)[0])
        self.assertEqual((result["executions"], result["findings"]), (0, []))
        self.assertEqual(sleeper.returncode, 130)

    @unittest.skipUnless(platform.machine() == "x86_64", "its system call is written for x86-64")
    def test_a_program_that_takes_the_search_with_it(self):
        result = self.heddle("check", self.built(VANISHES), code=DIVERGED)
        self.assertIn("inconclusive", result.stdout)
        self.assertIn("its process ended in the middle of the search: exit code 0", result.stderr)

    def test_threads_that_are_not_joined(self):
        program = self.built(UNJOINED, language="cc")
        for how in ("look", "look, gone", "look, handler"):
            for model, count in (("sc", 3), ("rc11", 8 if "handler" in how else 4)):
                result = self.check(program, how, f"--model={model}")
                self.assertEqual((result["verdict"], result["executions"]), ("verified", count), how)
        for how, kind in (("abort", "crash"), ("lock", "deadlock"), ("lock, gone", "deadlock")):
            self.only_finding(self.check(program, how, code=FINDING), kind)
            self.only_finding(self.run_program(program, how, code=FINDING, executions=20000), kind)


class CompilerTest(ProgramTest):
    def test_names_of_libraries_that_heddle_is_made_of(self):
        program = self.built(SAME_NAMES, language="cc")
        self.run_program(program, executions=10)
        self.run_program(self.built(OWN_FMT, language="c++"), executions=10)

    def test_names_of_system_calls(self):
        if FLAVOUR == "tsan":
            self.skipTest("ThreadSanitizer calls these functions by name")
        program = self.built(OWN_NAMES, language="cc")
        run(program, cwd=self.folder)
        for options in ([], ["--isolate"]):
            result = self.run_program(program, options=options, executions=20)
            self.assertEqual(result["verdict"], "none")
            finding = self.only_finding(self.run_program(program, "racy", options=options, code=FINDING), "race")
            self.heddle("replay", finding["seed"], code=FINDING)
        self.assertEqual(self.result("check", program, "--model=sc")["verdict"], "verified")

    def test_hello_in_both_languages(self):
        for language in ("cc", "c++"):
            self.written("hello.c", HELLO)
            self.compile("-x", "c" if language == "cc" else "c++", "hello.c", "-o", "hello", language=language)
            self.assertEqual(run("./hello", "you", cwd=self.folder).stdout, "hello, 2: you\n")

    def test_answers_of_the_compiler_itself(self):
        """What asks the compiler gets clang's own answer."""
        for question in ("--version", "-v", "-dumpmachine", "-print-search-dirs", "-print-file-name=libc.so"):
            self.compile(question, language="cc")
        self.assertIn("clang", self.compile("--version", language="cc").stdout)
        self.written("hello.c", HELLO)
        self.assertIn("printf", self.compile("-E", "hello.c", language="cc").stdout)
        self.assertIn("hello.o:", self.compile("-MM", "hello.c", language="cc").stdout)
        self.compile("-S", "hello.c", "-o", "hello.s", language="cc")
        self.assertIn("__tsan_", (self.folder / "hello.s").read_text())

    def test_separate_steps_and_assembler(self):
        self.written("one.c", "int two(void);\nint main(void) { return two() - 2; }\n")
        self.written("two.S", "#define RESULT $2\n.text\n.globl two\ntwo:\n  mov RESULT, %eax\n  ret\n"
                              '.section .note.GNU-stack,"",@progbits\n')
        self.compile("-Werror", "-c", "one.c", "two.S", language="cc")
        self.compile("-Werror", "one.o", "two.o", "-o", "program", language="cc")
        run("./program", cwd=self.folder)
        self.compile("-Werror", "one.c", "two.S", "-o", "program", language="cc")
        run("./program", cwd=self.folder)

    def test_response_file(self):
        """Also for what decides whether there is a link."""
        self.written("a b.c", HELLO)
        self.written("compile.rsp", "-c 'a b.c' -DX=\\\"y\\\" -o \"a b.o\"\n")
        self.compile("@compile.rsp", language="cc")
        self.written("link.rsp", '"a b.o"\n-o\nprogram\n')
        self.compile("@link.rsp", language="cc")
        run("./program", cwd=self.folder)

    def test_standard_input(self):
        run(BIN / "heddle-cc", "-x", "c", "-", "-o", self.folder / "program", input=HELLO, stdin=None)
        run(self.folder / "program")

    def test_static_library(self):
        self.written("library.c", LIBRARY)
        self.written("main.c", USES_LIBRARY)
        self.compile("-g", "-c", "library.c", language="cc")
        run("ar", "rcs", "libcount.a", "library.o", cwd=self.folder)
        self.compile("-g", "main.c", "-L.", "-lcount", "-o", "program", language="cc")
        self.assertEqual(self.run_program("./program")["verdict"], "none")
        self.only_finding(self.run_program("./program", "racy", code=FINDING), "race")

    def test_partial_link(self):
        self.written("library.c", LIBRARY)
        self.written("main.c", USES_LIBRARY)
        self.compile("-c", "library.c", "main.c", language="cc")
        self.compile("-r", "library.o", "main.o", "-o", "both.o", language="cc")
        self.assertNotIn("__libc_start_main", run("nm", "both.o", cwd=self.folder).stdout)
        self.compile("both.o", "-o", "program", language="cc")
        run("./program", cwd=self.folder)

    def test_refusals(self):
        self.written("hello.c", HELLO)
        refused = ["-static", "-fsanitize=thread", "-fsanitize=memory"]
        for option in refused + (["-fsanitize=address"] if FLAVOUR == "plain" else []):
            done = self.compile(option, "hello.c", "-o", "hello", language="cc", code=USAGE)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertTrue(done.stderr.startswith("heddle-cc: " + option), done.stderr)
        self.compile("-fsanitize=undefined", "hello.c", "-o", "hello", language="cc")

    def test_other_compiler(self):
        done = run(BIN / "heddle-cc", "x.c", code=USAGE, env={**os.environ, "HEDDLE_CC": "no-such-compiler"})
        self.assertIn("no-such-compiler", done.stderr)

    def test_configure_script(self):
        """The checks that autoconf writes: compile, link, run, functions, headers, and a library's."""
        self.written("configure", r"""#!/bin/sh
set -e
echo 'int main(void) { return 0; }' > conftest.c
$CC -o conftest conftest.c && ./conftest
$CC -c conftest.c && test -f conftest.o
printf '%s\n' '#include <stdio.h>' '#include <ac_nonexistent.h>' > conftest.c
if $CC -E conftest.c >/dev/null 2>&1; then exit 11; fi
echo 'char pthread_create(void); int main(void) { return pthread_create(); }' > conftest.c
$CC -fno-builtin -o conftest conftest.c -lpthread 2>/dev/null
echo 'char no_such_function(void); int main(void) { return no_such_function(); }' > conftest.c
if $CC -o conftest conftest.c 2>/dev/null; then exit 12; fi
echo '#include <math.h>
int main(int c, char** v) { return sin(c) > 2; }' > conftest.c
$CC -o conftest conftest.c -lm && ./conftest
if $CC -Werror -unknown-option -c conftest.c 2>/dev/null; then exit 13; fi
$CC -Werror -Wall -fPIC -DPIC -c conftest.c
$CC --version | head -1 | grep -q clang
""")
        run("sh", "configure", cwd=self.folder, env={**os.environ, "CC": str(BIN / "heddle-cc")})

    @unittest.skipUnless(shutil.which("cmake"), "needs cmake")
    def test_cmake_project(self):
        self.written("project/CMakeLists.txt", r"""
cmake_minimum_required(VERSION 3.25)
project(outside C CXX)
find_package(Threads REQUIRED)
include(CheckCSourceCompiles)
check_c_source_compiles("#include <pthread.h>\nint main(void) { return pthread_self() == 0; }" HAS_SELF)
check_c_source_compiles("int main(void) { return no_such_function(); }" HAS_NONSENSE)
if(NOT HAS_SELF OR HAS_NONSENSE)
  message(FATAL_ERROR "try_compile is wrong: ${HAS_SELF} ${HAS_NONSENSE}")
endif()
add_library(count SHARED library.c)
target_link_options(count PRIVATE -Wl,--no-undefined)
add_executable(program main.c)
target_link_libraries(program PRIVATE count Threads::Threads)
""")
        self.written("project/library.c", LIBRARY)
        self.written("project/main.c", USES_LIBRARY)
        run("cmake", "-S", "project", "-B", "build", f"-DCMAKE_C_COMPILER={BIN / 'heddle-cc'}",
            f"-DCMAKE_CXX_COMPILER={BIN / 'heddle-c++'}", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", cwd=self.folder)
        run("cmake", "--build", "build", cwd=self.folder)
        run("build/program", cwd=self.folder)
        self.assertEqual(self.run_program("build/program")["verdict"], "none")
        self.only_finding(self.run_program("build/program", "racy", code=FINDING), "race")


class NativeTest(ProgramTest):
    def test_real_threads(self):
        """Nobody drives it: threads of the system, thread-local objects, guards, as ever."""
        program = self.built(NATIVE)
        for _ in range(3):
            self.assertEqual(run(program, cwd=self.folder).stdout, "good\n")

    def test_thread_sanitizer(self):
        """It judges what nobody drives, as without Heddle."""
        if FLAVOUR != "tsan":
            self.skipTest("needs ThreadSanitizer")
        done = run(self.built(RACY, language="cc"), code=66, cwd=self.folder)
        self.assertIn("ThreadSanitizer: data race", done.stderr)
        self.assertIn("program.c:4", done.stderr)

    def test_exit_codes(self):
        program = self.built(ENDS)
        for how, code in (("return", 3), ("thread", 4), ("_exit", 5), ("quick_exit", 6), ("library", 7),
                          ("by number", 8), ("exit 0", 0), ("running", 0)):
            run(program, how, code=code, cwd=self.folder)


class FindingsTest(ProgramTest):
    def test_hello(self):
        """Nothing is found; the program's output is shown by replays only."""
        program = self.built(HELLO, language="cc")
        result = self.run_program(program, "you")
        self.assertEqual((result["verdict"], result["executions"], result["isolated"]), ("none", 300, False))
        self.assertEqual(result["target"], "program")
        self.assertNotIn("hello", self.heddle("run", program, "--executions=3").stdout)

    def test_race(self):
        program = self.built(RACY, language="cc")
        finding = self.only_finding(self.run_program(program, code=FINDING), "race")
        self.assertIn("'counter'", finding["message"])
        self.assertEqual(finding["location"].split(":")[0], "program.c")
        self.assertEqual(finding["second_opinion"], "agrees" if FLAVOUR == "tsan" else "")
        if FLAVOUR == "tsan":
            self.assertIn("ThreadSanitizer agrees:", (self.folder / finding["seed"]).read_text())
        replayed = self.result("replay", finding["seed"], "--repeat=20", code=FINDING)
        self.assertFalse(replayed["diverged"])
        self.assertEqual(replayed["findings"][0]["signature"], finding["signature"])

    def test_race_on_a_local(self):
        """Of main's local object only the other thread has a reference."""
        for optimisation in ("-O0", "-O1", "-O2"):
            program = self.built(RACY_LOCAL, optimisation=optimisation)
            finding = self.only_finding(self.run_program(program, code=FINDING), "race")
            self.assertEqual(finding["location"].split(":")[0], "program.cpp")

    def test_race_of_a_load_that_nobody_uses(self):
        for optimisation in ("-O0", "-O1", "-O2"):
            for text in (RACY_UNUSED, RACY_UNUSED_RESULT):
                program = self.built(text, language="cc", optimisation=optimisation)
                finding = self.only_finding(self.run_program(program, code=FINDING), "race")
                self.assertEqual(finding["location"].split(":")[0], "program.c")

    def test_allocations_stay(self):
        for optimisation in ("-O0", "-O1", "-O2"):
            program = self.built(USED_AFTER_FREE, language="cc", optimisation=optimisation)
            self.only_finding(self.run_program(program, code=FINDING), "heap")
            program = self.built(LEAKED, optimisation=optimisation)
            self.only_finding(self.run_program(program, code=FINDING), "heap", "leak")

    def test_no_race_on_what_is_not_chosen(self):
        self.written("chosen.cpp", CHOSEN)
        self.written("both.cpp", READ_BOTH)
        for options in ("-O0", "-O1", "-O2", "-O1 -g", "-O2 -g"):
            self.compile("-std=c++20", *options.split(), "chosen.cpp", "-o", "chosen")
            self.assertEqual(self.result("check", "./chosen")["verdict"], "verified", options)
            self.compile("-std=c++20", *options.split(), "both.cpp", "-o", "both")
            self.only_finding(self.result("check", "./both", code=FINDING), "race")

    def test_race_on_a_string(self):
        self.written("program.cpp", RACY_STRING)
        for standard in ("-std=c++14", "-std=c++17", "-std=c++20"):
            self.compile("-g", "-O1", standard, "program.cpp", "-o", "program")
            self.only_finding(self.run_program("./program", code=FINDING), "race")

    def test_memory_from_the_kernel(self):
        """What is mapped before main is as it was then, in each execution."""
        program = self.built(MAPPED_BEFORE_MAIN, language="cc")
        run(program, cwd=self.folder)
        result = self.run_program(program)
        self.assertEqual((result["verdict"], result["isolated"]), ("none", False))
        result = json.loads(self.heddle("check", "--json", program).stdout)
        self.assertEqual((result["verdict"], result["executions"]), ("verified", 2))
        self.only_finding(self.run_program(program, "again", code=FINDING), "heap")

    def test_deadlock(self):
        program = self.built(DEADLOCK)
        finding = self.only_finding(self.run_program(program, code=FINDING), "deadlock")
        self.assertIn("'a'", finding["message"])

    def test_assertion(self):
        program = self.built(ASSERTION)
        for strategy in ("random", "pct"):
            result = self.run_program(program, code=FINDING, executions=3000, options=[f"--strategy={strategy}"])
            self.only_finding(result, "crash", "assertion")

    def test_own_functions_of_the_library(self):
        for language, source in (("cc", OWN_LIBRARY_NAMES), ("c++", OWN_OPERATORS_IN_FULL)):
            for optimisation in ("-O0", "-O2"):
                with self.subTest(language, optimisation=optimisation):
                    self.written("own", source)
                    kind = ["-x", "c"] if language == "cc" else ["-x", "c++", "-std=c++20"]
                    self.compile("-w", "-g", optimisation, "-fno-builtin", *kind, "own", "-o", "program",
                                 language=language)
                    run("./program", cwd=self.folder)
                    self.assertEqual(self.run_program("./program")["verdict"], "none")

    def test_scanning(self):
        """What scanf() stores races with accesses to it, and with nothing else."""
        program = self.built(SCANNING, language="cc")
        run(program, "11", cwd=self.folder)
        for field in range(10):
            with self.subTest(field):
                self.only_finding(self.run_program(program, str(field), code=FINDING), "race")
        for field in range(10, 13):
            with self.subTest(field):
                self.assertEqual(self.run_program(program, str(field))["verdict"], "none")
        program = self.built(SCANNING_INPUT)
        with open(self.written("input", "5\n"), encoding="utf-8") as lines:
            self.only_finding(self.run_program(program, code=FINDING, stdin=lines), "race")

    def test_own_operators(self):
        """The heap is judged through them; the command, which shares the process, does not use them."""
        text = OWN_OPERATORS
        if FLAVOUR == "fuzz":  # libFuzzer, which the program's constructors call, allocates by them before main
            text = text.replace("if (!is_main) throw std::bad_alloc();", "").replace("assert(before == 0);", "")
        program = self.built(text)
        run(program, cwd=self.folder)
        result = self.run_program(program)
        self.assertEqual((result["verdict"], result["isolated"]), ("none", False))
        self.assertEqual(self.result("check", program)["verdict"], "verified")
        self.only_finding(self.run_program(program, "leak", code=FINDING), "heap", "leak")
        self.only_finding(self.run_program(program, "twice", code=FINDING), "heap")

    def test_own_malloc(self):
        self.written("own.c", OWN_MALLOC)
        self.compile("-g", "-fno-builtin", "own.c", "-o", "own", language="cc")
        if FLAVOUR == "plain":
            self.assertEqual(run("./own", cwd=self.folder).stdout, "own\n")
        done = self.heddle("run", "./own", code=USAGE)
        self.assertIn("malloc() of its own", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_hunt(self):
        program = self.built(ASSERTION)
        done = self.heddle("hunt", program, "--time=20s", "--json", code=FINDING)
        self.assertIn("assertion", [finding["rule"] for finding in json.loads(done.stdout)["findings"]])

    def test_ends(self):
        """An exit status other than 0 is a finding, wherever it comes from; ends of threads are not."""
        program = self.built(ENDS)
        for how, status in (("return", 3), ("thread", 4), ("_exit", 5), ("quick_exit", 6), ("library", 7),
                            ("by number", 8)):
            finding = self.only_finding(self.run_program(program, how, code=FINDING), "check", "exit-status")
            self.assertIn(f"status {status} ", finding["message"])
        for how in ("exit 0", "exit 256", "running", "frame"):
            self.assertEqual(self.run_program(program, how)["verdict"], "none", how)
        self.only_finding(self.run_program(program, "leak", code=FINDING), "heap", "leak")

    def test_other_processes(self):
        """A forked child goes its own way, and its parent on; what would end the process is refused."""
        program = self.built(PROCESSES)
        for how in ("return", "exit", "_exit", "exec", "abort", "fault", "work"):
            for options in ((), ("--isolate",)):
                self.assertEqual(self.run_program(program, how, options=options, executions=20)["verdict"],
                                 "none", how)
            checked = json.loads(self.heddle("check", program, "--json", "--", how).stdout)
            self.assertEqual(checked["verdict"], "verified", how)
            run(self.folder / program, how)
        for how, rule in (("execv", "exec"), ("execle", "exec"), ("daemon", "daemon")):
            self.only_finding(self.run_program(program, how, code=FINDING), "unsupported", rule)
            checked = json.loads(self.heddle("check", program, "--json", "--", how, code=FINDING).stdout)
            self.only_finding(checked, "unsupported", rule)
        run(self.folder / program, "execv")
        run(self.folder / program, "execle")

    def test_everything_is_new(self):
        program = self.built(EVERYTHING_NEW)
        self.written("input", "one\ntwo\n")
        with open(self.folder / "input", encoding="utf-8") as lines:
            result = self.run_program(program, "-a", "-b", "3", "word", stdin=lines, executions=200,
                                      env={**os.environ, "OLD": "old"})
        self.assertEqual((result["verdict"], result["isolated"]), ("none", False))

    def test_descriptors_are_new(self):
        program = self.built(DESCRIPTORS)
        input_file = self.written("input", "one\n")
        for way in ("nothing", "opens", "at times", "as many", "closes", "reads"):
            with self.subTest(way), open(input_file, encoding="utf-8") as lines:
                result = self.run_program(program, way, stdin=lines)
                self.assertEqual((result["verdict"], result["isolated"]), ("none", False))
                lines.seek(0)
                done = self.heddle("check", "--model=sc", "--strategy=dfs", program, "--json", "--", way, stdin=lines)
                result = json.loads(done.stdout)
                self.assertEqual((result["verdict"], result["isolated"]), ("verified", False))
                self.assertGreater(result["executions"], 1)

    def test_early_block(self):
        """A block from before main can be freed once in each execution, and not be used then."""
        source = r"""
#include <cstring>
#include <cstdlib>
char* early = static_cast<char*>(std::malloc(100));
int main(int, char** argv) {
  std::free(early);
  if (!std::strcmp(argv[1], "twice")) std::free(early);
  if (!std::strcmp(argv[1], "use")) early[5] = 1;
  return 0;
}
"""
        program = self.built(source)
        self.assertEqual(self.run_program(program, "once")["verdict"], "none")
        self.only_finding(self.run_program(program, "use", code=FINDING), "heap")
        self.only_finding(self.run_program(program, "twice", code=FINDING), "heap")

    def test_shared_library(self):
        """Its globals are undone and judged as the program's are, and so are its thread-locals."""
        self.written("library.c", LIBRARY)
        self.written("main.c", USES_LIBRARY)
        self.compile("-g", "-fPIC", "-shared", "library.c", "-o", "libcount.so", language="cc")
        self.compile("-g", "main.c", "-L.", "-lcount", "-Wl,-rpath,$ORIGIN", "-o", "program", language="cc")
        run("./program", cwd=self.folder)
        self.assertEqual(self.run_program("./program")["verdict"], "none")
        self.only_finding(self.run_program("./program", "racy", code=FINDING), "race")

    def test_seed_names_program_and_arguments(self):
        program = self.built(ENDS)
        seed = self.run_program(program, "return", "a b", "x\ny\\", code=FINDING)["findings"][0]["seed"]
        lines = (self.folder / seed).read_text().splitlines()
        self.assertIn("executable: ./program", lines)
        self.assertEqual([line for line in lines if line.startswith("argument: ")],
                         ["argument: return", "argument: a b", "argument: x\\ny\\\\"])
        self.heddle("replay", seed, code=FINDING)
        os.rename(self.folder / "program", self.folder / "moved")
        self.assertIn("./program", self.heddle("replay", seed, code=USAGE).stderr)
        self.heddle("replay", "--program", "./moved", seed, code=FINDING)

    def test_replay_shows_output(self):
        program = self.built(HELLO.replace("return 0", "return 1"), language="cc")
        seed = self.run_program(program, "you", code=FINDING)["findings"][0]["seed"]
        self.assertIn("hello, 2: you\n", self.heddle("replay", seed, code=FINDING).stdout)

    def test_changed_program_diverges(self):
        program = self.built(RACY, language="cc")
        seed = self.run_program(program, code=FINDING)["findings"][0]["seed"]
        self.built(RACY.replace("++counter;", "__atomic_add_fetch(&counter, 1, 5);"), language="cc")
        self.heddle("replay", seed, code=DIVERGED)

    def test_refusals(self):
        self.written("text/file", "no program")
        for target in ("./nothing", "text/file", "./text", "/bin/sh"):
            done = self.heddle("run", target, code=USAGE)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("heddle-cc", self.heddle("run", "/bin/sh", code=USAGE).stderr)
        self.assertIn("--", self.heddle("run", "reference", "--", "x", code=USAGE).stderr)


class ThirdPartyTest(ProgramTest):
    """Concurrent containers as they come, in a program that uses them from two threads."""

    def built_container(self, name):
        source = Path(__file__).parent / "third_party" / f"{name}.cpp"
        libraries = ["-ltbb"] if name == "tbb_map" else []
        self.compile("-g", "-O1", "-std=c++20", source, "-o", name, *libraries)

    def run_container(self, name, *arguments, strategy, code=CLEAN):
        result = self.run_program(f"./{name}", *arguments, code=code, executions=2000,
                                  options=[f"--strategy={strategy}"])
        self.assertFalse(result["isolated"], name)
        return result

    def test_clean(self):
        for name in ("tbb_map", "cuckoo_map", "cds_map", "xenium_queue", "xenium_map"):
            self.built_container(name)
            for strategy in ("random", "pct"):
                result = self.run_container(name, "64", strategy=strategy)
                self.assertEqual((result["verdict"], result["executions"]), ("none", 2000), name)

    def test_growing_cuckoo_map(self):
        """An operation looks up the current locks, the last of a std::list, without holding any."""
        self.built_container("cuckoo_map")
        result = self.run_container("cuckoo_map", "4", strategy="pct", code=FINDING)
        self.only_finding(result, "race")


class IsolationTest(ProgramTest):
    def test_chosen_by_itself(self):
        """Where one schedule gives other events the second time."""
        program = self.built(REMEMBERS)
        done = self.heddle("run", program, "--executions=50", "--json", "--", "state")
        self.assertTrue(json.loads(done.stdout)["isolated"])
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("--isolate", done.stderr)

    def test_not_for_marked_pointers(self):
        """Addresses differ from execution to execution; marks above them must not hide what they are."""
        program = self.built(MARKED_POINTER)
        self.assertFalse(self.run_program(program)["isolated"])

    def test_marked_pointers_in_another_process(self):
        program = self.built(MARKED_POINTER_TO_A_GLOBAL)
        finding = self.only_finding(self.run_program(program, code=FINDING), "check", "exit-status")
        self.assertFalse(self.result("replay", finding["seed"], code=FINDING)["diverged"])

    def test_findings(self):
        program = self.built(RACY, language="cc")
        for strategy in ("random", "pct"):
            result = self.run_program(program, code=FINDING, options=["--isolate", f"--strategy={strategy}"])
            self.assertTrue(result["isolated"])
            finding = self.only_finding(result, "race")
            self.assertEqual(finding["second_opinion"], "agrees" if FLAVOUR == "tsan" else "")
            self.heddle("replay", finding["seed"], code=FINDING)

    def test_same_executions_as_without(self):
        """The strategies learn from executions in other processes as from their own."""
        program = self.built(ASSERTION)
        for strategy in ("random", "pct"):
            counts = [self.run_program(program, code=FINDING, executions=3000,
                                       options=[f"--strategy={strategy}", *more])["executions"]
                      for more in ((), ("--isolate",))]
            self.assertEqual(counts[0], counts[1])

    def test_death_of_the_process(self):
        program = self.built(REMEMBERS)
        finding = self.only_finding(self.run_program(program, "dies", code=FINDING, executions=2000,
                                                     options=["--isolate"]), "crash", "died")
        self.assertIn("signal 9", finding["message"])
        self.heddle("replay", finding["seed"], code=FINDING)


# What gets past the scheduler, and must be named: a library's locks, real entropy, a real thread.
LOCKS = """#include <pthread.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int counter;
int count(void) {
  pthread_mutex_lock(&mutex);
  int now = ++counter;
  pthread_mutex_unlock(&mutex);
  return now;
}
"""

ESCAPES = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef LIBRARY
int count(void);
#else
static int count(void) { return 1; }
#endif

static void* forever(void* unused) {
  for (;;) pause();
  return unused;
}

static void real_thread(void) {
  static int started;
  void* library = dlopen("libc.so.6", RTLD_NOW);
  int (*create)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) = dlsym(library, "pthread_create");
  pthread_t thread;
  if (started++ == 0) create(&thread, 0, forever, 0);
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "entropy") == 0) {
    char byte;
    int file = open("/dev/urandom", O_RDONLY);
    int done = read(file, &byte, 1) == 1;
    close(file);
    return !done || argc > 2;
  }
  if (argc > 1 && strcmp(argv[1], "thread") == 0) real_thread();
  return count() != 1 || argc > 2;
}
"""


# Reads real entropy in executions without a race, and then fails.
ESCAPES_AND_RACE = r"""
#include <atomic>
#include <fcntl.h>
#include <thread>
#include <unistd.h>
std::atomic<bool> first;
int counter;
int main() {
  std::thread thread([] {
    if (!first.exchange(true)) ++counter;
  });
  const bool late = first.exchange(true);
  if (late) {
    ++counter;
  } else {
    close(open("/dev/urandom", O_RDONLY));
  }
  thread.join();
  return !late;
}
"""


class UncontrolledTest(ProgramTest):
    def warning(self, result, done):
        self.assertEqual(len(result["uncontrolled"]), 1, result)
        self.assertEqual(done.stderr.count("heddle: warning: "), 1, done.stderr)
        return result["uncontrolled"][0]

    def run_and_warn(self, program, *arguments, code):
        """The one warning, which executions in processes of their own give, too."""
        warnings = set()
        for options in ((), ("--isolate",)):
            done = self.heddle("run", program, "--executions=50", "--json", *options, "--", *arguments, code=code)
            warnings.add(self.warning(json.loads(done.stdout), done))
        self.assertEqual(len(warnings), 1, warnings)
        return warnings.pop()

    def findings_say(self, program, *arguments, line):
        """What its execution met is part of a finding, as the first line of the warning."""
        for options in ((), ("--isolate",)):
            result = self.run_program(program, *arguments, code=FINDING, executions=50, options=options)
            finding = self.only_finding(result, "check", "exit-status")
            self.assertEqual(finding["uncontrolled"], [result["uncontrolled"][0].splitlines()[0]])
            self.assertIn(line, finding["uncontrolled"][0])
            self.assertIn(f"not controlled: {finding['uncontrolled'][0]}", (self.folder / finding["seed"]).read_text())
            replayed = self.result("replay", finding["seed"], code=FINDING)["findings"][0]
            self.assertEqual(replayed["uncontrolled"], finding["uncontrolled"])

    def test_nothing(self):
        program = self.built(ESCAPES, language="cc")
        self.assertEqual(self.run_program(program)["uncontrolled"], [])
        result = self.run_program(program, "and", "fail", code=FINDING)
        self.assertEqual(self.only_finding(result, "check", "exit-status")["uncontrolled"], [])

    def test_only_in_other_executions(self):
        """A finding says what its own execution met."""
        program = self.built(ESCAPES_AND_RACE)
        done = self.heddle("hunt", program, "--time=3s", "--json", code=FINDING)
        result = json.loads(done.stdout)
        said = {finding["kind"]: finding["uncontrolled"] for finding in result["findings"]}
        self.assertEqual(sorted(said), ["check", "race"])
        self.assertEqual(said["race"], [])
        self.assertEqual(len(said["check"]), 1)

    def test_lock_of_a_library_without_instrumentation(self):
        self.written("locks.c", LOCKS)
        run(os.environ.get("CC", "cc"), "-shared", "-fPIC", "locks.c", "-o", "liblocks.so", cwd=self.folder)
        self.written("main.c", ESCAPES)
        self.compile("-g", "-DLIBRARY", "main.c", "-L.", "-llocks", f"-Wl,-rpath,{self.folder}", "-o", "program",
                     language="cc")
        warning = self.run_and_warn("./program", code=CLEAN)
        self.assertIn("liblocks.so takes locks", warning)
        self.assertIn("main.c:", warning)
        self.findings_say("./program", "and", "fail", line="liblocks.so takes locks")

    def test_entropy_from_a_file(self):
        warning = self.run_and_warn(self.built(ESCAPES, language="cc"), "entropy", code=DIVERGED)
        self.assertIn("/dev/urandom", warning)
        self.assertIn("program.c:", warning)
        self.findings_say("./program", "entropy", "fail", line="/dev/urandom")

    def test_thread_of_the_operating_system(self):
        warning = self.run_and_warn(self.built(ESCAPES, language="cc"), "thread", code=DIVERGED)
        self.assertIn("thread of the operating system", warning)
        self.findings_say("./program", "thread", "fail", line="thread of the operating system")


if __name__ == "__main__":
    BIN = Path(sys.argv[1]).resolve()
    FLAVOUR = sys.argv[2]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
