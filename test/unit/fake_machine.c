/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that link the devices but have no machine: a console and a vGIC that do nothing. */
#include "drv/console.h"
#include "gic/vgic.h"

void console_set_input(console_take_fn take, void *ctx)
{
    (void)take;
    (void)ctx;
}

void console_input(void)
{
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
