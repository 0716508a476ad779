/* An assertion for tight loops: Check notes each ck_assert in a file, this one only a failure. */
#ifndef EIR_TESTS_LIB_EXPECT_H
#define EIR_TESTS_LIB_EXPECT_H

#include <check.h>

#define expect(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) ck_abort_msg("expected: %s", #condition);                                \
    } while (0)

#endif
