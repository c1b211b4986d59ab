/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine stops until the host has done its part: for runs whose time is the count of
 * instructions (--icount), which then does not depend on how long the host takes. A disk of QEMU's
 * in one of the machine's slots is behind it, whose server is the launcher: QEMU waits for its
 * server when the driver sets the cache's mode (QEMU, "Vhost-user Protocol",
 * VHOST_USER_SET_CONFIG), and no CPU runs meanwhile. What the host has to say is in a page of
 * memory then, which both can see. Neighbours: vm/vm_model.c.
 */
#ifndef DRV_HOST_PAUSE_H
#define DRV_HOST_PAUSE_H

#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"

#define HOST_PAUSE_ROOM 4092

/* In memory that no guest reaches. The host writes it while the machine stops. */
struct host_pause_page {
    uint32_t len; /* bytes of what follows */
    uint8_t bytes[HOST_PAUSE_ROOM];
} __attribute__((aligned(4096)));

struct host_pause {
    pa_t regs;
    uint8_t mode; /* the latest that was set: each is another one */
};

/* Use the disk in the slot at `regs`. -ERR_UNSUPPORTED: there is none. */
int must_check host_pause_open(struct host_pause *pause, struct pa_range regs);

/* Stop, until the host has written the page. One caller at a time. */
void host_pause(struct host_pause *pause);

#endif
