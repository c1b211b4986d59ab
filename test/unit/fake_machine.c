/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that link the devices but have no machine: a console and a vGIC that do nothing. */
#include "drv/console.h"
#include "drv/pl011.h"
#include "gic/vgic.h"

int pl011_get(void)
{
    return -1;
}

void pl011_set_rx_interrupt(bool enabled)
{
    (void)enabled;
}

void console_guest_put(uint8_t byte)
{
    (void)byte;
}

void vgic_set_line(void *ctx, uint32_t intid, bool level)
{
    (void)ctx;
    (void)intid;
    (void)level;
}
