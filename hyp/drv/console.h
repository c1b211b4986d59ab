/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's console, shared by Traproom's own lines (lib/log.h, implemented here) and the
 * guest's output; and the owner of its input. Neighbours: pl011.c beneath it, vm/vm_console.c
 * above.
 */
#ifndef DRV_CONSOLE_H
#define DRV_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/log.h"

/* The console is the PL011 at `base`. What was logged before is kept, to a point, and comes now. */
void console_init(pa_t base);

/* One byte of the guest's. */
void console_guest_put(uint8_t byte);

/* Has there been one? */
bool console_guest_spoke(void);

/*
 * A byte of the console's input for whoever has it: a guest's UART, say. False: there is no room;
 * call console_input() once there is. The input's lock is held.
 */
typedef bool (*console_take_fn)(void *ctx, uint8_t byte);

/*
 * From the next console_input() on, input goes to `take`, a byte that was refused before first.
 * NULL: it stays in the UART.
 */
void console_set_input(console_take_fn take, void *ctx);

/*
 * A break on the console's line is for `answer`, which may log; NULL, as it is at first: it is a
 * byte of input, 0. The input's lock is held.
 */
void console_set_break(void (*answer)(void *ctx), void *ctx);

/*
 * Hand on as much input as is taken. When some is refused, the rest stays in the machine's UART,
 * its interrupt off until the next call. Call it on that interrupt and when there is room; any CPU.
 */
void console_input(void);

/*
 * Wait for a break, which is then for nobody else. What comes before it on the line goes to whoever
 * has the input, and beyond his room is lost.
 */
void console_await_break(void);

/*
 * The last line: never silenced, and nothing follows. Whoever writes to the console afterwards
 * waits for ever, but for a CPU that seizes it.
 */
void console_exit_line(const char *text);

/*
 * Break the lock: the CPU that holds it may be the one that failed. If it is another one, a byte of
 * its own may come between. For panic.c alone.
 */
void console_seize(void);

#endif
