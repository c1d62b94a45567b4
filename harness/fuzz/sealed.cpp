#include "fuzz/sealed.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include "base/files.hpp"

namespace heddle::fuzz {
namespace {

constexpr const char* kVersion = "1";

std::string magic_of(const std::string& kind) { return "heddle " + kind + " "; }

}  // namespace

u32 crc32(const std::string& text) {
  static const auto table = [] {
    std::array<u32, 256> entries{};
    for (u32 i = 0; i < 256; ++i) {
      u32 value = i;
      for (int bit = 0; bit < 8; ++bit) {
        value = value >> 1 ^ ((value & 1) != 0 ? 0xedb88320u : 0);
      }
      entries[i] = value;
    }
    return entries;
  }();
  u32 crc = ~u32{0};
  for (const char c : text) {
    crc = crc >> 8 ^ table[(crc ^ static_cast<u8>(c)) & 0xff];
  }
  return ~crc;
}

std::string hex(u64 value, int digits) {
  char text[24];
  std::snprintf(text, sizeof text, "%0*llx", digits, static_cast<unsigned long long>(value));
  return text;
}

std::string seal(const std::string& body, const std::string& kind) {
  const std::string text = magic_of(kind) + kVersion + "\n" + body;
  return text + "end: " + hex(crc32(text), 8) + "\n";
}

FileError unseal(const std::string& text, const std::string& kind, std::string& body) {
  const std::string magic = magic_of(kind);
  if (!text.starts_with(magic)) {
    return {"not a " + kind + ": the first line is not '" + magic + kVersion + "'"};
  }
  const std::size_t line_end = text.find('\n');
  const std::string version = text.substr(magic.size(), line_end - magic.size());
  if (version != kVersion) {
    return {"format version '" + version + "' is not known to this program, which reads version " +
            kVersion};
  }
  const std::size_t end = text.rfind("end: ");
  if (end == std::string::npos || end == 0 || text[end - 1] != '\n') {
    return {"truncated: the last line 'end: ...' is missing"};
  }
  std::string digits = text.substr(end + 5);
  while (!digits.empty() && (digits.back() == '\n' || digits.back() == '\r')) {
    digits.pop_back();
  }
  u32 stated = 0;
  const char* last = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), last, stated, 16);
  if (error != std::errc() || stop != last || stated != crc32(text.substr(0, end))) {
    return {"corrupted: its checksum does not match"};
  }
  body = text.substr(line_end + 1, end - line_end - 1);
  return {};
}

FileError read_file(const std::string& path, const std::string& kind, std::string& text) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return {path + ": is a folder, not a " + kind};
  }
  if (!read_whole(path, text)) {
    return {path + ": " + std::strerror(errno)};
  }
  return {};
}

FileError write_atomically(const std::string& path, const std::string& text) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) {
    std::filesystem::create_directories(folder, error);
  }
  const std::string partial = path + ".partial-" + std::to_string(::getpid());
  const auto failed = [&](const char* what) {
    const int reason = errno;
    ::unlink(partial.c_str());
    return FileError{std::string("cannot ") + what + " " + path + ": " + std::strerror(reason)};
  };
  const int file = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) {
    return failed("write");
  }
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::write(file, text.data() + done, text.size() - done);
    if (written < 0 && errno != EINTR) {
      ::close(file);
      return failed("write");
    }
    done += written > 0 ? static_cast<std::size_t>(written) : 0;
  }
  if (::fsync(file) != 0 || ::close(file) != 0 || ::rename(partial.c_str(), path.c_str()) != 0) {
    return failed("write");
  }
  return {};
}

}  // namespace heddle::fuzz
