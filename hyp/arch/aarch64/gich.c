/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual interface's numbered registers. See gich.h; gic/vgic_lr.c is the user. */
#include "gich.h"

#include "gic/gic_regs.h"
#include "lib/bits.h"

uint64_t gich_read_lr(unsigned n)
{
    switch (n) {
#define X(i)                                                                                       \
    case i:                                                                                        \
        return read_sysreg(ich_lr##i##_el2);
        SYSREG_0_TO_15(X)
#undef X
    default:
        return 0;
    }
}

void gich_write_lr(unsigned n, uint64_t value)
{
    switch (n) {
#define X(i)                                                                                       \
    case i:                                                                                        \
        write_sysreg(value, ich_lr##i##_el2);                                                      \
        break;
        SYSREG_0_TO_15(X)
#undef X
    default:
        break;
    }
}

uint32_t gich_read_active_priorities(unsigned n)
{
    switch (n) {
#define X(i)                                                                                       \
    case i:                                                                                        \
        return (uint32_t)(read_sysreg(ich_ap0r##i##_el2) | read_sysreg(ich_ap1r##i##_el2));
        X(0)
        X(1)
        X(2)
        X(3)
#undef X
    default:
        return 0;
    }
}

void gich_reset(void)
{
    uint64_t vtr = gich_read_vtr();
    unsigned list_registers = (unsigned)FIELD_GET(ICH_VTR_ListRegs, vtr) + 1;
    unsigned preemption_bits = (unsigned)FIELD_GET(ICH_VTR_PREbits, vtr) + 1;

    for (unsigned i = 0; i < list_registers; i++)
        gich_write_lr(i, 0);
#define X(i, bits)                                                                                 \
    if (preemption_bits >= (bits)) {                                                               \
        write_sysreg(0, ich_ap0r##i##_el2);                                                        \
        write_sysreg(0, ich_ap1r##i##_el2);                                                        \
    }
    X(0, 1) /* each has 32 of the levels that so many bits tell apart */
    X(1, 6)
    X(2, 7)
    X(3, 7)
#undef X
    gich_write_vmcr(0);
}
