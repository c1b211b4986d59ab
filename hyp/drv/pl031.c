/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the machine's clock. See pl031.h. */
#include "drv/pl031.h"

#include "drv/alarm.h"
#include "mm/io.h"

#define RTCDR 0

uint32_t pl031_epoch(pa_t base)
{
    return io_read32(io_reg(base, RTCDR)) - (uint32_t)(alarm_now() / alarm_frequency());
}
