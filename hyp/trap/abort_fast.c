/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short way of an access to a device, and so what every access of a driver costs: one register
 * of little-endian A64, no sign to extend, not ordered, for the device that had the vCPU's last
 * access. It repeats for these what abort.c does for all, in as few instructions as may be; a
 * reader can leave it out. Neighbours: exit.c calls, abort.c takes what is not so plain.
 */
#include <stddef.h>

#include "regs.h"
#include "sysreg.h"
#include "trap/abort.h"
#include "trap/esr.h"
#include "trap/skip.h"
#include "vm/vm.h"

#define PLAIN_MASK                                                                                 \
    (ISS_ABORT_ISV | ISS_ABORT_SSE | ISS_ABORT_AR | ISS_ABORT_CM | ISS_ABORT_S1PTW |               \
     (ISS_ABORT_FSC & ~FSC_LEVEL))
#define PLAIN (ISS_ABORT_ISV | FSC_TRANSLATION)

static inline bool is_plain(const struct vcpu *vcpu, uint64_t esr)
{
    return (esr & PLAIN_MASK) == PLAIN && (vcpu->regs.pstate & PSR_M_nRW) == 0 &&
           (read_sysreg(sctlr_el1) & (SCTLR_EL1_EE | SCTLR_EL1_E0E)) == 0;
}

static inline ipa_t plain_ipa(void)
{
    return ipa(FIELD_GET(HPFAR_EL2_FIPA, read_sysreg(hpfar_el2)) * PAGE_SIZE |
               (read_sysreg(far_el2) & (PAGE_SIZE - 1)));
}

void abort_fast(struct vcpu *vcpu, uint64_t esr)
{
    const struct mmio_region *region = vcpu->last_region;
    const struct insn_access insn = esr_access(esr);
    struct mmio_access access;
    ipa_t where;

    if (!is_plain(vcpu, esr) || region == NULL) {
        abort_data(vcpu, esr);
        return;
    }
    where = plain_ipa();
    if (!mmio_region_takes(region, where, insn.size)) {
        abort_data(vcpu, esr);
        return;
    }
    access.offset = where.v - region->range.base.v;
    access.value = insn.write ? mmio_low_bytes(guest_reg(&vcpu->regs, insn.reg[0]), insn.size) : 0;
    access.size = insn.size;
    access.write = insn.write;
    access.vcpu = (uint8_t)vcpu->index;
    if (region->access_fn(region->dev, &access) != MMIO_OK) {
        abort_data_refused(vcpu, esr);
        return;
    }
    if (!insn.write)
        guest_reg_set(&vcpu->regs, insn.reg[0], mmio_low_bytes(access.value, insn.size));
    vcpu->exits[vcpu->last_region->reason]++;
    skip_a64_insn(vcpu);
}
