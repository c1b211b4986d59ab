/* SPDX-License-Identifier: Apache-2.0 */
/* From start.S to guest_main: the order in which a small guest's parts come up. */
#include "console.h"
#include "exception.h"
#include "gic.h"
#include "guest.h"
#include "mmu.h"
#include "platform.h"
#include "psci.h"
#include "smp.h"
#include "sysreg.h"

#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

void boot_main(const void *fdt);

static unsigned boot_cpu_index(void)
{
    uint64_t mpidr = read_sysreg(mpidr_el1) & MPIDR_AFFINITY;

    for (unsigned i = 0; i < platform.nr_cpus; i++)
        if (platform.mpidr[i] == mpidr)
            return i;
    return 0;
}

void boot_main(const void *fdt)
{
    smp_set_this_cpu(0);
    exception_init();
    platform_init(fdt);
    mmu_build();
    mmu_enable();
    smp_set_this_cpu(boot_cpu_index());
    console_init();
    gic_init();
    gic_init_cpu();
    guest_main();
    psci_system_off();
}
