/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's UART at the machine's console: output goes there, input comes from there. */
#ifndef VM_VM_CONSOLE_H
#define VM_VM_CONSOLE_H

#include <stdbool.h>

struct irq_line;
struct vpl011;

/* Make `uart` a UART that raises `line`; the one that is the console is wired to the machine's. */
void vm_console_attach(struct vpl011 *uart, const struct irq_line *line, bool console);

#endif
