#include "base/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace heddle {

int out_of_the_way(int descriptor) {
  if (descriptor < 0) {
    return -1;
  }
  const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, kFirstOwnDescriptor);
  ::close(descriptor);
  return moved;
}

}  // namespace heddle
