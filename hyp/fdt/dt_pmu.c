/* SPDX-License-Identifier: Apache-2.0 */
/* The performance monitors' node. See dt_pmu.h. */
#include "fdt/dt_pmu.h"

#include "fdt/dt_irq.h"
#include "gic/vgic_limits.h"

int dt_pmu_intid(const void *fdt, int gic, uint32_t *intid)
{
    struct dt_walk at;
    int err;

    *intid = 0;
    dt_walk_start(&at, fdt);
    if (!dt_walk_next_compatible(&at, DT_PMU_COMPATIBLE))
        return 0;
    err = dt_irq_intid(&at, gic, 0, intid);
    if (err != 0 || *intid < VGIC_FIRST_PPI || *intid >= VGIC_FIRST_SPI)
        *intid = 0;
    return err == -ERR_NOENT ? 0 : err;
}
