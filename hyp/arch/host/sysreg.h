/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System registers for tests on the host: one field of `fake_sysreg` per register that
 * pure code uses. The test that links such code defines the variable and sets the scene.
 */
#ifndef ARCH_SYSREG_H
#define ARCH_SYSREG_H

#include <stdint.h>

#include "el1_regs.h"

struct fake_sysreg {
#define X(name, reset) uint64_t name;
    EL1_REGS(X)
#undef X
    uint64_t esr_el2, far_el2, hpfar_el2, hcr_el2, vttbr_el2, vtcr_el2, mdcr_el2;
    uint64_t ich_hcr_el2, ich_vmcr_el2, ich_vtr_el2;
    uint64_t midr_el1;
    uint64_t id_aa64pfr0_el1, id_aa64pfr1_el1, id_aa64zfr0_el1, id_aa64smfr0_el1;
    uint64_t id_aa64dfr0_el1, id_aa64dfr1_el1, id_aa64afr0_el1, id_aa64afr1_el1;
    uint64_t id_aa64isar0_el1, id_aa64isar1_el1, id_aa64isar2_el1;
    uint64_t id_aa64mmfr0_el1, id_aa64mmfr1_el1, id_aa64mmfr2_el1;
    uint64_t id_pfr0_el1, id_pfr1_el1, id_pfr2_el1, id_dfr0_el1, id_dfr1_el1, id_afr0_el1;
    uint64_t id_mmfr0_el1, id_mmfr1_el1, id_mmfr2_el1, id_mmfr3_el1, id_mmfr4_el1, id_mmfr5_el1;
    uint64_t id_isar0_el1, id_isar1_el1, id_isar2_el1, id_isar3_el1, id_isar4_el1, id_isar5_el1;
    uint64_t id_isar6_el1;
    uint64_t mvfr0_el1, mvfr1_el1, mvfr2_el1;
    uint64_t pmcr_el0, pmcntenset_el0, pmcntenclr_el0, pmovsclr_el0, pmovsset_el0, pmswinc_el0;
    uint64_t pmselr_el0, pmceid0_el0, pmceid1_el0, pmccntr_el0, pmxevtyper_el0, pmxevcntr_el0;
    uint64_t pmuserenr_el0, pmintenset_el1, pmintenclr_el1, pmmir_el1;
    uint64_t cntpct_el0, cntfrq_el0, cnthp_cval_el2, cnthp_ctl_el2;
};

extern _Thread_local struct fake_sysreg fake_sysreg;

#define read_sysreg(name)         (fake_sysreg.name)
#define write_sysreg(value, name) ((void)(fake_sysreg.name = (value)))

#endif
