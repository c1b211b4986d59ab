/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's console, shared by Traproom's own lines (lib/log.h, implemented here) and the
 * guest's output. Neighbours: pl011.c beneath it, vm/vm_console.c above.
 */
#ifndef DRV_CONSOLE_H
#define DRV_CONSOLE_H

#include <stdint.h>

#include "lib/addr.h"
#include "lib/log.h"

/* The console is the PL011 at `base`. What was logged before is kept, to a point, and comes now. */
void console_init(pa_t base);

/* One byte of the guest's. */
void console_guest_put(uint8_t byte);

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
