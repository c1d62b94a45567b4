#include "base/files.hpp"

#include <cstdio>

namespace heddle {

bool read_whole(const std::string& path, std::string& content) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) {
    return false;
  }
  content.clear();
  char piece[1 << 16];
  while (const std::size_t size = std::fread(piece, 1, sizeof(piece), file)) {
    content.append(piece, size);
  }
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  return !failed;
}

}  // namespace heddle
