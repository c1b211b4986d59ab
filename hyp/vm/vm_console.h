/* SPDX-License-Identifier: Apache-2.0 */
/* Between a VM's UART and the machine's console: bytes out, bytes in, none lost. */
#ifndef VM_VM_CONSOLE_H
#define VM_VM_CONSOLE_H

#include <stdbool.h>

struct irq_line;
struct vm;
struct vpl011;

/* Make `uart` a UART that raises `line`; the one that is the console is wired to the machine's. */
void vm_console_attach(struct vm *vm, struct vpl011 *uart, const struct irq_line *line,
                       bool console);

/*
 * The console has input: hand on what the guest's UART takes. When that is full, the rest
 * stays in the machine's UART, its interrupt off until the guest has read. On CPU 0.
 */
void vm_console_input(struct vm *vm);

#endif
