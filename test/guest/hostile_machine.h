/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the hostile drivers of QEMU's devices share. */
#ifndef TEST_GUEST_HOSTILE_MACHINE_H
#define TEST_GUEST_HOSTILE_MACHINE_H

#include "hostile_virtio.h"
#include "machine_driver.h"

/*
 * run.py reads QEMU's trace afterwards: whatever must not come to the disk asks for one of these
 * sectors, and nobody else does. Sectors from KEPT on are on the host as they were.
 */
#define FORBIDDEN       5000
#define NR_FORBIDDEN    1024
#define KEPT            65 /* the scratch sector's neighbour */
#define MACHINE_DEVICES 3

extern struct machine_queue machine_queue[MACHINE_MAX_QUEUES];
extern struct machine_request machine_request[MACHINE_RING];
extern struct virtio_blk machine_device[MACHINE_DEVICES]; /* disk, entropy, network */

/* Neither RAM nor half of it, `n` being any number: among them the machine's own virtio slots. */
uint64_t hostile_machine_address(unsigned n);
#define HOSTILE_NR_MACHINE_ADDRESSES (HOSTILE_NR_ADDRESSES + 8)

extern const struct test_case hostile_machine_race_cases[];
extern const struct test_case hostile_machine_inside_cases[];

#endif
