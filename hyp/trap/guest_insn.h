/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An instruction of the guest's, read from its memory by way of mm/s1_walk.c. abort.c asks for the
 * one that trapped when the syndrome does not describe an access; vm/watch.c and vm/report.c for
 * the one that a vCPU waits in.
 */
#ifndef TRAP_GUEST_INSN_H
#define TRAP_GUEST_INSN_H

#include <stdint.h>

#include "lib/err.h"

#define INSN_SIZE 4
#define INSN_WFE  UINT32_C(0xd503205f)
#define INSN_WFI  UINT32_C(0xd503207f)

struct vcpu;

/*
 * The A64 instruction at the vCPU's pc, as its stage 1 translates it now; on its own CPU. It need
 * not be what trapped: another vCPU may have changed it or its mapping since. -ERR_UNSUPPORTED:
 * the guest runs AArch32; -ERR_INVAL: pc is not aligned; -ERR_RANGE: pc does not lead to RAM.
 */
int must_check guest_insn_fetch(const struct vcpu *vcpu, uint32_t *insn);

/* The same at `pc`. */
int must_check guest_insn_at(const struct vcpu *vcpu, uint64_t pc, uint32_t *insn);

#endif
