#include "process/library_tls.hpp"

#include <cerrno>
#include <cstring>

namespace heddle::process {

void LibraryTls::take(const Images& images) {
  for (const Image& image : images) {
    // The C library's are the engine's business: errno and what only the OS thread needs.
    const bool is_c_library = image.thread_local_data.contains(reinterpret_cast<uptr>(&errno));
    const Range live = image.thread_local_data;
    if (image.owner == Owner::kSystem && !is_c_library && live.end > live.begin) {
      libraries_.push_back(Variables{live, image.thread_local_initial});
      bytes_ += live.end - live.begin;
    }
  }
}

LibraryTls::Copy& LibraryTls::copy_of(ThreadId id) {
  Copy& copy = copies_[to_index(id)];
  if (copy.bytes == nullptr) {
    copy.bytes = static_cast<u8*>(os_map(bytes_));
  }
  return copy;
}

void LibraryTls::save(ThreadId id) {
  Copy& copy = copy_of(id);
  copy.execution = execution_;
  u8* at = copy.bytes;
  for (const Variables& library : libraries_) {
    const uptr bytes = library.live.end - library.live.begin;
    std::memcpy(at, reinterpret_cast<const void*>(library.live.begin), bytes);
    at += bytes;
  }
}

void LibraryTls::load(ThreadId id) {
  const Copy& copy = copy_of(id);
  const u8* at = copy.bytes;
  for (const Variables& library : libraries_) {
    auto* live = reinterpret_cast<u8*>(library.live.begin);
    const uptr bytes = library.live.end - library.live.begin;
    if (copy.execution == execution_) {
      std::memcpy(live, at, bytes);
    } else {
      const uptr initial = library.initial.end - library.initial.begin;
      std::memcpy(live, reinterpret_cast<const void*>(library.initial.begin), initial);
      std::memset(live + initial, 0, bytes - initial);
    }
    at += bytes;
  }
}

}  // namespace heddle::process
