/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the hostile virtio drivers share. */
#ifndef TEST_GUEST_HOSTILE_VIRTIO_H
#define TEST_GUEST_HOSTILE_VIRTIO_H

#include "hostile.h"
#include "virtio_blk.h"

#define HOSTILE_VIRTIO_KNOWN 0x6b
#define FIRST_FREE           64 /* sectors below are for anything */
#define NOT_RAM_LENGTH       0x20000000U
#define ARENA_SIZE           0x10000U
#define ARENA_HALF           (ARENA_SIZE / 2)
#define ARENA_DESC           0x0000U
#define ARENA_AVAIL          0x1000U
#define ARENA_USED           0x2000U
#define ARENA_TABLE          0x3000U
#define ARENA_HEADER         0x4000U
#define ARENA_STATUS         0x5000U
#define ARENA_DATA           0x6000U
#define ARENA_AT(place)      ((uintptr_t)hostile_arena + (place))

/*
 * Memory for rings, tables and data that anybody may write. Whatever of it a device takes for a
 * descriptor points back into it or to no RAM, so that the rest of the guest keeps its memory.
 */
extern uint8_t hostile_arena[ARENA_SIZE];
extern struct virtio_blk hostile_disk;

/* One random descriptor, or a whole arena of them and of ring entries, by CPU `cpu`. */
void hostile_virtio_desc(struct vring_desc *desc, unsigned cpu);
void hostile_virtio_scribble(unsigned cpu);

/* A read or write of a random register, by CPU `cpu`. */
void hostile_virtio_poke(unsigned cpu);

/* Put the queue's address registers and size; whether it is ready then. */
bool hostile_virtio_set_queue(uint32_t size, uint64_t desc, uint64_t avail, uint64_t used);

/* Reset, and set up a queue whose rings lie in the arena, running. */
bool hostile_virtio_start_in_arena(void);

/* Write the driver's features. */
void hostile_virtio_write_features(uint64_t features);

/*
 * Status and features in any order, so many times from a reset on; the running case fails where a
 * bit of Status is set or cleared that must not. hostile_disk has been started before.
 */
void hostile_virtio_play(unsigned games);

/* The disk, reset, writes and reads, and its last sector is as it was: full of KNOWN. */
bool hostile_virtio_works(void);

extern const struct test_case hostile_virtio_chain_cases[];
extern const struct test_case hostile_virtio_race_cases[];
extern const struct test_case hostile_virtio_endless_cases[];

#endif
