#include "intercept/os_tls.hpp"

#include <limits.h>
#include <pthread.h>

#include "exec/execution.hpp"

namespace heddle::intercept {
namespace {

constexpr uptr kPieceBytes = 4096;

pthread_key_t key;
pthread_once_t key_made = PTHREAD_ONCE_INIT;

}  // namespace

exec::Thread* OsThread::logical() const { return exec::current_thread; }

OsThread& os_thread() {
  static __thread OsThread thread;
  return thread;
}

void* OsThread::allocate(uptr size, uptr alignment) {
  if (pieces_.empty()) {
    ::pthread_once(&key_made, [] { ::pthread_key_create(&key, at_exit); });
    ::pthread_setspecific(key, this);
    rounds_left_ = PTHREAD_DESTRUCTOR_ITERATIONS - 1;
  }
  uptr at = (used_ + alignment - 1) & ~(alignment - 1);
  if (pieces_.empty() || at + size > pieces_.back().bytes) {
    const uptr bytes = size + alignment > kPieceBytes ? size + alignment : kPieceBytes;
    pieces_.push_back(Piece{os_map(bytes), bytes});
    at = 0;
  }
  const uptr base = reinterpret_cast<uptr>(pieces_.back().memory);
  at = ((base + at + alignment - 1) & ~(alignment - 1)) - base;
  used_ = at + size;
  return reinterpret_cast<void*>(base + at);
}

// The destructors of the program's own keys may look at thread-local variables: they come first.
void OsThread::at_exit(void* thread) {
  auto& self = *static_cast<OsThread*>(thread);
  if (--self.rounds_left_ > 0) {
    ::pthread_setspecific(key, thread);
    return;
  }
  for (const Piece& piece : self.pieces_) {
    os_unmap(piece.memory, piece.bytes);
  }
  self.pieces_.release();
  self.tls_.release();
}

}  // namespace heddle::intercept
