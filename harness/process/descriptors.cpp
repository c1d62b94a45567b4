#include "process/descriptors.hpp"

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/invariant.hpp"
#include "base/vec.hpp"

namespace heddle::process {

void Descriptors::take() {
  for (int i = 0; i < 3; ++i) {
    standard_[i] = ::fcntl(i, F_DUPFD_CLOEXEC, kFirstOwnDescriptor);
  }
  error_output = standard_[2];
  sink_ = out_of_the_way(::open("/dev/null", O_RDWR | O_CLOEXEC));
  kept_ = out_of_the_way(::memfd_create("output", MFD_CLOEXEC));
  folder_ = out_of_the_way(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  input_start_ = ::lseek(STDIN_FILENO, 0, SEEK_CUR);
  mask_ = ::umask(0);
  ::umask(mask_);
  open_table();
  find_gaps();
}

void Descriptors::open_table() {
  if (table_ >= 0) {
    ::close(table_);
  }
  table_ = out_of_the_way(::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  table_owner_ = ::getpid();
}

// Linux 6.2 and later say it in one call; 0 from those before.
off_t Descriptors::count_open() const {
  struct stat table = {};
  return ::fstat(table_, &table) == 0 ? table.st_size : 0;
}

void Descriptors::find_gaps() {
  Vec<unsigned> open;
  DIR* folder = ::opendir("/proc/self/fd");
  const int itself = folder == nullptr ? -1 : ::dirfd(folder);
  while (const dirent* entry = folder == nullptr ? nullptr : ::readdir(folder)) {
    const int number = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && number != itself) {
      open.push_back(static_cast<unsigned>(number));
    }
  }
  if (folder != nullptr) {
    ::closedir(folder);
  }
  std::sort(open.begin(), open.end());
  gap_count_ = 0;
  unsigned next = 0;
  open.push_back(~0u);
  for (const unsigned number : open) {
    if (number > next && gap_count_ < kGapsMax) {
      gaps_[gap_count_++] = Gap{next, number == ~0u ? number : number - 1};
    }
    next = number + 1;
  }
}

void Descriptors::enter() {
  if (table_owner_ != ::getpid()) {
    open_table();  // a child would count its parent's
  }
  put_standard();
  count_ = count_open();
}

void Descriptors::renew() {
  put_standard();  // first: the program may have closed one of them, and opened something else
  if (count_ == 0 || count_open() != count_) {
    close_new();
    put_standard();
  }
  put_back_folder();
}

void Descriptors::leave() {
  for (int i = 0; i < 3; ++i) {
    if (standard_[i] >= 0) {
      ::dup2(standard_[i], i);
    }
  }
  close_new();
  put_back_folder();
  if (output_ == Output::kKeep) {
    off_t start = 0;
    while (::sendfile(STDOUT_FILENO, kept_, &start, std::size_t{1} << 20) > 0) {
    }
    static_cast<void>(!::ftruncate(kept_, 0));
    ::lseek(kept_, 0, SEEK_SET);
  }
}

void Descriptors::put_standard() {
  if (input_start_ >= 0) {
    ::dup2(standard_[0], STDIN_FILENO);
    ::lseek(STDIN_FILENO, input_start_, SEEK_SET);
  } else {
    ::dup2(sink_, STDIN_FILENO);  // can be read once only: not by an execution
  }
  const int out = output_ == Output::kKeep ? kept_ : sink_;
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
}

void Descriptors::close_new() {
  if (keep_new_ && !kept_new_) {
    find_gaps();
    kept_new_ = true;
  }
  for (u32 i = 0; i < gap_count_; ++i) {
    ::close_range(gaps_[i].first, gaps_[i].last, 0);
  }
}

void Descriptors::put_back_folder() {
  static_cast<void>(!::fchdir(folder_));
  ::umask(mask_);
}

}  // namespace heddle::process
