/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A monitor's way into EL2: the host asks, by a console of the machine's that no guest sees
 * (/chosen traproom,monitor), and is answered while the guest runs. What the answers mean in
 * words, walks and names is the host's business (tools/launcher/monitor*.py).
 *
 * One request at a time. Those that no vCPU is needed for are answered on the CPU that has the
 * channel's interrupt; registers are in the hardware of the vCPU's own CPU, so a request for them
 * is posted, and an SGI brings that CPU to EL2 through whatever the guest masks.
 *
 * Neighbours: drv/host_channel.c carries the messages; monitor_wire.h has their form; main.c calls.
 */
#ifndef VM_MONITOR_H
#define VM_MONITOR_H

#include "lib/addr.h"
#include "lib/err.h"

struct vm;

/*
 * Open the channel, if the VM's configuration has one; `version` says which Traproom this is.
 * Errors are logged. Once, before a guest runs.
 */
int must_check monitor_init(struct vm *vm, const char *version);

/* On each CPU, once its GIC interface is up. */
void monitor_init_cpu(unsigned cpu);

/* The host may read this memory, too, beside the guest's RAM: before a guest runs, at most 4. */
void monitor_show(struct pa_range range);

#endif
