/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ID registers as guests see them: what the CPU has, less what Traproom does not manage.
 * They describe the machine, not a guest, so there is one set for all. CPUs that differ from
 * each other are not supported: the first one's features stand for all.
 */
#ifndef TRAP_ID_REGS_H
#define TRAP_ID_REGS_H

#include <stdint.h>

/* CRm and op2 of an ID register, whose op0 is 3, op1 0 and CRn 0, as an index. */
#define ID_REG(crm, op2) ((crm)*8 + (op2))

/* Read the calling CPU's registers and work out what guests see. Once at boot, before any guest. */
void id_regs_init(void);

/*
 * Let ID_AA64MMFR0_EL1.PARange promise no more than `ipa_bits` (32 or more), the bits of an
 * address that stage 2 translates; id_regs_init() has called it with STAGE2_IPA_BITS. For boot too.
 */
void id_regs_limit_parange(unsigned ipa_bits);

/* Show the performance monitors, which the CPU has and id_regs_init() hid. For boot too. */
void id_regs_show_pmu(void);

/* A guest's read of op0 3, op1 0, CRn 0, this `crm` (1 to 7) and `op2` (0 to 7); reserved ones are
 * 0. */
uint64_t id_regs_read(unsigned crm, unsigned op2);

#endif
