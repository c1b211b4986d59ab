/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of guests' trees that must be refused: the error, and what the message must name. */
#ifndef TEST_FDT_REFUSED_H
#define TEST_FDT_REFUSED_H

#include <stdlib.h>
#include <string.h>

#include "fdt/vm_fdt.h"
#include "fdt_log.h"
#include "fdt_tree.h"
#include "vm/vm_device.h"

#define IPA_BITS 40

/* Nodes of dts/guest.dts. */
#define GIC   "/interrupt-controller@8000000"
#define UART0 "/serial@9000000"
#define UART1 "/serial@9040000"
#define SLOT0 "/virtio@a000000"
#define SLOT2 "/virtio@a000400"

/* Frees the tree. */
static inline void assert_refused(void *fdt, int err, const char *says, const char *says_too)
{
    static struct vm_config config;
    int result;

    log_clear();
    result = vm_fdt_parse(fdt, fdt_totalsize(fdt), IPA_BITS, &vm_devices, &config);
    free(fdt);
    if (result != -err || logged.errors != 1)
        fail_msg("%d, not %d, after %u errors: %s", result, -err, logged.errors, logged.error);
    assert_int_equal(logged.warnings, 0);
    if (strstr(logged.error, says) == NULL ||
        (says_too != NULL && strstr(logged.error, says_too) == NULL))
        fail_msg("\"%s\" lacks \"%s\" or \"%s\"", logged.error, says,
                 says_too != NULL ? says_too : says);
}

#endif
