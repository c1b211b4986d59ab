/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's UART on the machine's console. See vm_console.h; irq.c brings the input. */
#include "vm/vm_console.h"

#include <stddef.h>

#include "drv/console.h"
#include "drv/pl011.h"
#include "vm/vm.h"

static void send(void *ctx, uint8_t byte)
{
    (void)ctx;
    console_guest_put(byte);
}

/* Offers the byte that was refused, then lets the machine's UART interrupt for the rest. */
static void take_more(void *ctx)
{
    vm_console_input(ctx);
}

static const struct console_ops console_ops = {.tx_fn = send, .rx_room_fn = take_more};

void vm_console_attach(struct vm *vm, struct vpl011 *uart, const struct irq_line *line,
                       bool console)
{
    vpl011_init(uart, line, console ? &console_ops : NULL, vm);
    if (console)
        vm->console = uart;
}

void vm_console_input(struct vm *vm)
{
    bool room = true;

    if (vm->console == NULL)
        return;
    spin_lock(&vm->input_lock);
    while (room) {
        if (vm->input_byte < 0)
            vm->input_byte = pl011_get();
        if (vm->input_byte < 0)
            break;
        room = vpl011_receive(vm->console, (uint8_t)vm->input_byte);
        if (room)
            vm->input_byte = -1;
    }
    pl011_set_rx_interrupt(room);
    spin_unlock(&vm->input_lock);
}
