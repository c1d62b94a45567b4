// A program with a main of its own: ten threads, a thousand events that synchronise. How many
// executions a second: bin/heddle run --executions=20000 bin/program_bench
#include <pthread.h>
#include <stdatomic.h>

enum { kThreads = 10, kRounds = 25 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int arrivals;
static int total;

// Four events a round: lock, unlock, update, load.
static void* work(void* argument) {
  for (int i = 0; i < kRounds; ++i) {
    pthread_mutex_lock(&mutex);
    ++total;
    pthread_mutex_unlock(&mutex);
    atomic_fetch_add(&arrivals, 1);
    (void)atomic_load(&arrivals);
  }
  return argument;
}

int main(void) {
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; ++i) {
    pthread_create(&threads[i], NULL, work, NULL);
  }
  for (int i = 0; i < kThreads; ++i) {
    pthread_join(threads[i], NULL);
  }
  return total == kThreads * kRounds ? 0 : 1;
}
