/* Included before everything else in instrumented code, by the compiler's -include; C89 too.
 *
 * A weak compare-exchange may fail spuriously, and code that forgets so has a bug that x86 hides.
 * Clang's instrumentation calls one and the same hook for weak and for strong ones, so the
 * decision is made here, in front of the builtins that <atomic> and <stdatomic.h> are made of. */
#if !defined(HEDDLE_WEAK_CAS_H) && !defined(__ASSEMBLER__)
#define HEDDLE_WEAK_CAS_H

#ifdef __cplusplus
extern "C"
#endif
    int
    heddle_weak_cas_fails(void);

/* A compare-exchange that fails is a load, in the order given for failure. */
#define __atomic_compare_exchange_n(object, expected, desired, weak, success, failure) \
  (((weak) && heddle_weak_cas_fails())                                                 \
       ? (__atomic_load(object, expected, failure), 0)                                 \
       : __atomic_compare_exchange_n(object, expected, desired, weak, success, failure))
#define __atomic_compare_exchange(object, expected, desired, weak, success, failure) \
  (((weak) && heddle_weak_cas_fails())                                               \
       ? (__atomic_load(object, expected, failure), 0)                               \
       : __atomic_compare_exchange(object, expected, desired, weak, success, failure))
#define __c11_atomic_compare_exchange_weak(object, expected, desired, success, failure) \
  (heddle_weak_cas_fails()                                                              \
       ? (*(expected) = __c11_atomic_load(object, failure), 0)                          \
       : __c11_atomic_compare_exchange_weak(object, expected, desired, success, failure))

#endif
