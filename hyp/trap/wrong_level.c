/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Started at EL1, as every kernel is on a machine without EL2: nothing can be done but to say so,
 * and a user who forgot QEMU's virtualization=on would see nothing at all. boot.S calls.
 */
#include "boot.h"
#include "drv/console.h"
#include "drv/host_psci.h"
#include "fdt/host_fdt.h"
#include "lib/log.h"
#include "mm/phys.h"

void main_wrong_level(uint64_t host_fdt)
{
    static struct host_info host;
    int err = host_fdt_parse(pa_to_ptr(pa(host_fdt)), &host);

    (void)err; /* logged; the console and PSCI may have been found all the same */
    if (host.uart.size != 0 && boot_map_device(host.uart.base.v))
        console_init(host.uart.base);
    console_exit_line("guest refused: the machine has started us at EL1, but a hypervisor needs "
                      "EL2: give QEMU -M virt,virtualization=on,gic-version=3");
    host_psci_init(host.psci_smc);
    host_psci_system_off();
}
