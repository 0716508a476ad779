/* Assertions that are always on: what must hold if our own code is right. */
#ifndef EIR_BASE_ENSURE_H
#define EIR_BASE_ENSURE_H

/* Prints condition and place, runs the hook of ensure_on_failure, aborts. */
_Noreturn void ensure_failed(const char *condition, const char *file, int line);

/* Called once before the abort, to dump a trace. May be NULL. */
void ensure_on_failure(void (*dump)(void));

#define ensure(condition)                                                                          \
    (__builtin_expect(!!(condition), 1) ? (void)0                                                  \
                                        : ensure_failed(#condition, __FILE__, __LINE__))

#define ensure_unreachable() ensure_failed("unreachable", __FILE__, __LINE__)

#endif
