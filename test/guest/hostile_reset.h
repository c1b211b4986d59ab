/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the reset storm share. */
#ifndef TEST_GUEST_HOSTILE_RESET_H
#define TEST_GUEST_HOSTILE_RESET_H

#include "virtio_blk.h"

#define RESET_NR_KINDS 12

extern struct virtio_blk reset_disk;

/* Reset the guest in way `kind`, with its CPUs busy or lost as that says. The CPUs are off. */
void reset_by(unsigned kind) __attribute__((noreturn));

/* All CPUs at once turn the guest off, reset it, or go off themselves; which does what depends on
 * `round`. */
void reset_against_off(uint32_t round) __attribute__((noreturn));

#endif
