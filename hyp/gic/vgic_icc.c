/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers of the CPU interface that serve both groups, for a VM whose guest cannot be left
 * alone with them (vgic.h, `traps`). They work on what the hardware would: ICH_VMCR_EL2 and the
 * active priorities (GICv3, "AArch64 virtualization control System registers").
 *
 * Neighbours: trap/sysreg_trap.c calls; gich.h is the hardware.
 */
#include "gic/gic_regs.h"
#include "gic/vgic.h"
#include "gich.h"

uint64_t vgic_icc_read_ctlr(void)
{
    uint64_t vtr = gich_read_vtr();
    uint64_t vmcr = gich_read_vmcr();

    return FIELD_PREP(ICC_CTLR_CBPR, FIELD_GET(ICH_VMCR_VCBPR, vmcr)) |
           FIELD_PREP(ICC_CTLR_EOImode, FIELD_GET(ICH_VMCR_VEOIM, vmcr)) |
           FIELD_PREP(ICC_CTLR_PRIbits, FIELD_GET(ICH_VTR_PRIbits, vtr)) |
           FIELD_PREP(ICC_CTLR_IDbits, FIELD_GET(ICH_VTR_IDbits, vtr)) |
           FIELD_PREP(ICC_CTLR_SEIS, FIELD_GET(ICH_VTR_SEIS, vtr)) |
           FIELD_PREP(ICC_CTLR_A3V, FIELD_GET(ICH_VTR_A3V, vtr)) | ICC_CTLR_RSS;
}

void vgic_icc_write_ctlr(uint64_t v)
{
    gich_write_vmcr((gich_read_vmcr() & ~(ICH_VMCR_VCBPR | ICH_VMCR_VEOIM)) |
                    FIELD_PREP(ICH_VMCR_VCBPR, FIELD_GET(ICC_CTLR_CBPR, v)) |
                    FIELD_PREP(ICH_VMCR_VEOIM, FIELD_GET(ICC_CTLR_EOImode, v)));
}

uint64_t vgic_icc_read_pmr(void)
{
    return FIELD_GET(ICH_VMCR_VPMR, gich_read_vmcr());
}

/* Bits of priorities that there are not stay zero; QEMU's ICH_VMCR_EL2 would keep them. */
void vgic_icc_write_pmr(uint64_t v)
{
    uint64_t there = 0xff & ~(UINT64_C(0x7f) >> FIELD_GET(ICH_VTR_PRIbits, gich_read_vtr()));

    gich_write_vmcr((gich_read_vmcr() & ~ICH_VMCR_VPMR) | FIELD_PREP(ICH_VMCR_VPMR, v & there));
}

uint64_t vgic_icc_read_rpr(void)
{
    unsigned bits = (unsigned)FIELD_GET(ICH_VTR_PREbits, gich_read_vtr()) + 1;

    for (unsigned i = 0; i < BIT(bits) / 32; i++) {
        uint32_t active = gich_read_active_priorities(i);

        if (active != 0)
            return (32 * i + (unsigned)__builtin_ctz(active)) << (8 - bits);
    }
    return ICC_RPR_IDLE;
}
