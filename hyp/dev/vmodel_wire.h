/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What EL2 and the models on the host say to each other: messages of 40 bytes, little-endian, some
 * with data behind them. docs/models.md has it in words; tools/launcher/model_wire.py is the other
 * end.
 */
#ifndef DEV_VMODEL_WIRE_H
#define DEV_VMODEL_WIRE_H

#include <stdint.h>

#define VMODEL_DATA_MAX 2048 /* bytes behind a message, at most */

enum vmodel_type {
    /* EL2's. Those up to VMODEL_TIMER are requests: the host answers each. */
    VMODEL_NAME = 1, /* a device is there; its name follows. Not answered */
    VMODEL_RESET,
    VMODEL_READ,
    VMODEL_WRITE,
    VMODEL_TIMER, /* the time that was asked for has come */
    VMODEL_DATA,  /* answers VMODEL_DMA_READ: data follows; without, it is refused */
    VMODEL_DONE,  /* answers VMODEL_DMA_WRITE: value 0, or 1, it is refused */
    VMODEL_PAGE,  /* address: where the machine has the page of drv/host_pause.h */

    /* The host's. */
    VMODEL_ANSWER = 16,
    VMODEL_ABORT, /* instead of an answer: the guest gets an external abort */
    VMODEL_IRQ,   /* value: the level of the device's interrupt */
    VMODEL_DMA_READ,
    VMODEL_DMA_WRITE, /* data follows */
    VMODEL_SET_TIMER, /* value: when to be called, as `time` has it; 0: no more */
};

struct vmodel_message {
    uint16_t type;
    uint16_t device; /* in the order of VMODEL_NAME, from 0 on */
    uint32_t tag;    /* of a request; its answer repeats it */
    uint32_t epoch;  /* counts the device's resets: what is said before one does not count after */
    uint32_t size; /* of an access: 1, 2, 4 or 8; of DMA, and of what follows the message: bytes */
    /* Of an access: bytes from the start of the device's registers; of DMA: the guest's address. */
    uint64_t address;
    uint64_t value;
    uint64_t time; /* EL2's: the guest's counter, as nanoseconds */
};

_Static_assert(sizeof(struct vmodel_message) == 40, "it goes out as it is");

#endif
