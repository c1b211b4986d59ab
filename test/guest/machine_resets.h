/* SPDX-License-Identifier: Apache-2.0 */
/* What machine_resets.c resets: the devices' kinds, from machine_resets_kinds.c. */
#ifndef TEST_GUEST_MACHINE_RESETS_H
#define TEST_GUEST_MACHINE_RESETS_H

#include "machine_driver.h"

#define HEADS 32

/* What goes through a queue: bytes that the device reads, and room that it writes. */
struct shape {
    const void *bytes;
    uint32_t size, room;
    bool waits; /* until something happens: the device does not answer by itself */
};

struct kind {
    uint32_t id;
    unsigned first, lanes; /* queues */
    unsigned heads;        /* requests in each: a disk's are slow to end */
    uint64_t features;
    struct shape shape[MACHINE_MAX_QUEUES];
    /* What is asked once before the rounds, in queue `once_queue`; none when `once` is empty. */
    struct shape once;
    unsigned once_queue;
};

/* Crypto's data requests name the session that its first request opens. */
extern const struct kind blk, rng, net, console, share, scsi, input, gpu, crypto, fs;

#endif
