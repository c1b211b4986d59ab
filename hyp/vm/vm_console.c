/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's UART at the machine's console. See vm_console.h; drv/console.c has the input. */
#include "vm/vm_console.h"

#include <stddef.h>

#include "dev/vpl011.h"
#include "drv/console.h"

static void send(void *ctx, uint8_t byte)
{
    (void)ctx;
    console_guest_put(byte);
}

static void ask_for_more(void *ctx)
{
    (void)ctx;
    console_input();
}

static bool receive(void *uart, uint8_t byte)
{
    return vpl011_receive(uart, byte);
}

void vm_console_attach(struct vpl011 *uart, const struct irq_line *line, bool console)
{
    static const struct console_ops ops = {.tx_fn = send, .rx_room_fn = ask_for_more};

    vpl011_init(uart, line, console ? &ops : NULL, NULL);
    if (console)
        console_set_input(receive, uart);
}
