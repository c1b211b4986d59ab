/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the machine's tree: trees that must be accepted, or refused for a reason. */
#ifndef TEST_HOST_FDT_FIXTURE_H
#define TEST_HOST_FDT_FIXTURE_H

#include <stdbool.h>
#include <string.h>

#include "fdt/host_fdt.h"
#include "fdt_log.h"
#include "fdt_tree.h"

static struct host_info info;

/* The tree must be accepted. Frees it. */
static inline void parse(void *fdt)
{
    log_clear();
    if (host_fdt_parse(fdt, &info) != 0)
        fail_msg("refused: %s", logged.error);
    assert_int_equal(logged.errors, 0);
    free(fdt);
}

/* Frees the tree. */
static inline void assert_refused(void *fdt, int err, const char *says)
{
    log_clear();
    assert_int_equal(host_fdt_parse(fdt, &info), -err);
    assert_int_equal(logged.errors, 1);
    if (strstr(logged.error, says) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", logged.error, says);
    free(fdt);
}

static inline void assert_range(struct pa_range range, uint64_t base, uint64_t size)
{
    assert_int_equal(range.base.v, base);
    assert_int_equal(range.size, size);
}

#endif
