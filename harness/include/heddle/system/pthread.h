/* Comes in front of the system's header of this name in instrumented code; C89 too.
 *
 * Which thread of a barrier's round is the serial one is a choice, to be explored if the program
 * looks at it. Optimisers drop pure functions whose result nobody uses: then nobody asks. */
#include_next <pthread.h>

#if defined(PTHREAD_BARRIER_SERIAL_THREAD) && !defined(HEDDLE_PTHREAD_H)
#define HEDDLE_PTHREAD_H

#ifdef __cplusplus
extern "C" {
#endif

int heddle_ask_for_serial(void) __attribute__((pure));
void heddle_barrier_wait(pthread_barrier_t* barrier);
int heddle_is_serial(int asked) __attribute__((pure));

extern __inline __attribute__((always_inline, gnu_inline)) int pthread_barrier_wait(
    pthread_barrier_t* barrier) __THROWNL {
  const int asked = heddle_ask_for_serial();
  heddle_barrier_wait(barrier);
  return heddle_is_serial(asked) ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

#ifdef __cplusplus
}
#endif

#endif
