/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's real-time clock, a PL031 (Arm DDI 0224). Neighbours: main.c asks it once. */
#ifndef DRV_PL031_H
#define DRV_PL031_H

#include <stdint.h>

#include "lib/addr.h"

/* What the clock at `base` showed, in seconds since 1970, when the counter (drv/alarm.h) was 0. */
uint32_t pl031_epoch(pa_t base);

#endif
