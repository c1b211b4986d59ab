/* SPDX-License-Identifier: Apache-2.0 */
/* A random number generator for tests on the host, which say what it gives and when it fails. */
#ifndef ARCH_RNDR_H
#define ARCH_RNDR_H

#include <stdbool.h>
#include <stdint.h>

struct fake_rndr {
    uint64_t next; /* what the next successful read gives; the one after that, its complement */
    unsigned successes; /* so many reads succeed before `failures` counts */
    unsigned failures;  /* so many fail then */
    unsigned reads;     /* tried so far */
};

extern struct fake_rndr fake_rndr; /* the test that links such code defines it */

static inline bool rndr_read(uint64_t *v)
{
    fake_rndr.reads++;
    *v = 0;
    if (fake_rndr.successes > 0) {
        fake_rndr.successes--;
    } else if (fake_rndr.failures > 0) {
        fake_rndr.failures--;
        return false;
    }
    *v = fake_rndr.next;
    fake_rndr.next = ~fake_rndr.next;
    return true;
}

#endif
