/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At which level the guest's own table walk ran into stage 2. The syndrome has stage 2's level;
 * the guest's external abort needs stage 1's, which only its tables tell. abort.c asks.
 */
#ifndef TRAP_WALK_LEVEL_H
#define TRAP_WALK_LEVEL_H

#include <stdint.h>

#include "lib/addr.h"

struct vcpu;

/*
 * The level, -1 to 3, of the first descriptor on the walk of `va` that lies in the 4 KiB page
 * `table` or outside RAM. If there is none, for the guest may have changed its tables since, the
 * level at which its walk ends now.
 */
int walk_level(const struct vcpu *vcpu, uint64_t va, ipa_t table);

#endif
