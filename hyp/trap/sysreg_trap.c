/* SPDX-License-Identifier: Apache-2.0 */
/* Trapped system registers. See sysreg_trap.h; vgic.c takes the interrupts that a guest sends. */
#include "trap/sysreg_trap.h"

#include "trap/esr.h"
#include "trap/id_regs.h"
#include "trap/inject.h"
#include "trap/pmu.h"
#include "trap/skip.h"
#include "vm/vm.h"

/* A register's name in a syndrome, with Rt and the direction left out. */
#define SYSREG(op0, op1, crn, crm, op2)                                                            \
    (FIELD_PREP(ISS_SYS64_Op0, op0) | FIELD_PREP(ISS_SYS64_Op1, op1) |                             \
     FIELD_PREP(ISS_SYS64_CRn, crn) | FIELD_PREP(ISS_SYS64_CRm, crm) |                             \
     FIELD_PREP(ISS_SYS64_Op2, op2))
#define SYSREG_NAME (ISS_SYS64_Op0 | ISS_SYS64_Op1 | ISS_SYS64_CRn | ISS_SYS64_CRm | ISS_SYS64_Op2)

#define ACTLR_EL1      SYSREG(3, 0, 1, 0, 1)
#define ICC_PMR_EL1    SYSREG(3, 0, 4, 6, 0)
#define ICC_DIR_EL1    SYSREG(3, 0, 12, 11, 1)
#define ICC_RPR_EL1    SYSREG(3, 0, 12, 11, 3)
#define ICC_SGI1R_EL1  SYSREG(3, 0, 12, 11, 5)
#define ICC_ASGI1R_EL1 SYSREG(3, 0, 12, 11, 6)
#define ICC_SGI0R_EL1  SYSREG(3, 0, 12, 11, 7)
#define ICC_CTLR_EL1   SYSREG(3, 0, 12, 12, 4)

/* Reads of the registers whose CRm and op2 are free: all that HCR_EL2.TID3 traps but for CRm. */
#define ID_SPACE      (SYSREG(3, 0, 0, 0, 0) | ISS_SYS64_Dir)
#define ID_SPACE_MASK (ISS_SYS64_Op0 | ISS_SYS64_Op1 | ISS_SYS64_CRn | ISS_SYS64_Dir)
#define ID_SPACE_CRM  8 /* CRm is below, and not 0 */

static bool is_id_read(uint64_t esr)
{
    return (esr & ID_SPACE_MASK) == ID_SPACE &&
           FIELD_GET(ISS_SYS64_CRm, esr) - 1 < ID_SPACE_CRM - 1;
}

static void set_target(struct vcpu *vcpu, uint64_t esr, uint64_t v)
{
    guest_reg_set(&vcpu->regs, (unsigned)FIELD_GET(ISS_SYS64_Rt, esr), v);
}

static uint64_t source(const struct vcpu *vcpu, uint64_t esr)
{
    return guest_reg(&vcpu->regs, (unsigned)FIELD_GET(ISS_SYS64_Rt, esr));
}

/*
 * With one security state there is no other one to send an alias's Group 1 SGI to, so that
 * ICC_ASGI1R_EL1 does as ICC_SGI0R_EL1 does.
 */
static void send_sgi(struct vcpu *vcpu, uint64_t esr, bool group1)
{
    vcpu->exits[EXIT_SYSREG_SGI]++;
    vgic_send_sgi(&vcpu->vm->vgic, vcpu->index, source(vcpu, esr), group1);
    skip_a64_insn(vcpu);
}

/*
 * The registers that are neither frequent nor the PMU's. Of the CPU interface some VMs' trap
 * (vgic.h, vgic_trap_common()). ACTLR_EL1 must exist; what this CPU lets software control there is
 * nothing. False: the register is not shown, or can't be read. So it is with trace, RAS, LORegions,
 * activity monitors and what is IMPLEMENTATION DEFINED.
 */
static bool read_register(uint64_t name, uint64_t *value)
{
    switch (name) {
    case ACTLR_EL1:
        *value = 0;
        return true;
    case ICC_CTLR_EL1:
        *value = vgic_icc_read_ctlr();
        return true;
    case ICC_PMR_EL1:
        *value = vgic_icc_read_pmr();
        return true;
    case ICC_RPR_EL1:
        *value = vgic_icc_read_rpr();
        return true;
    default:
        return false;
    }
}

/* The same for a write. */
static bool write_register(struct vcpu *vcpu, uint64_t name, uint64_t value)
{
    switch (name) {
    case ACTLR_EL1:
        return true;
    case ICC_DIR_EL1:
        vgic_deactivate(&vcpu->vm->vgic, vcpu->index, value);
        return true;
    case ICC_CTLR_EL1:
        vgic_icc_write_ctlr(value);
        return true;
    case ICC_PMR_EL1:
        vgic_icc_write_pmr(value);
        return true;
    default:
        return false;
    }
}

static __attribute__((noinline)) void access_other(struct vcpu *vcpu, uint64_t esr)
{
    uint64_t name = esr & SYSREG_NAME;
    uint64_t value = source(vcpu, esr);
    bool read = (esr & ISS_SYS64_Dir) != 0;

    vcpu->exits[EXIT_SYSREG_OTHER]++;
    if ((vcpu->vm->config.pmu_intid == 0 || !pmu_access(esr, &value)) &&
        !(read ? read_register(name, &value) : write_register(vcpu, name, value))) {
        if (!vm_watcher_takes(vcpu, esr))
            inject_undefined(vcpu);
        return;
    }
    if (read)
        set_target(vcpu, esr, value);
    skip_a64_insn(vcpu);
}

void sysreg_trap(struct vcpu *vcpu, uint64_t esr)
{
    if (is_id_read(esr)) {
        vcpu->exits[EXIT_SYSREG_ID]++;
        set_target(vcpu, esr,
                   id_regs_read((unsigned)FIELD_GET(ISS_SYS64_CRm, esr),
                                (unsigned)FIELD_GET(ISS_SYS64_Op2, esr)));
        skip_a64_insn(vcpu);
        return;
    }
    switch (esr & (SYSREG_NAME | ISS_SYS64_Dir)) { /* with Dir clear: writes */
    case ICC_SGI1R_EL1:
        send_sgi(vcpu, esr, true);
        break;
    case ICC_SGI0R_EL1:
    case ICC_ASGI1R_EL1:
        send_sgi(vcpu, esr, false);
        break;
    default:
        access_other(vcpu, esr);
        break;
    }
}
