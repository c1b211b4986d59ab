/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions taken to EL1: interrupts go to gic.c, and a synchronous exception is
 * either one that the running code expects, or the end of the guest.
 */
#ifndef GUEST_EXCEPTION_H
#define GUEST_EXCEPTION_H

#include <stdbool.h>
#include <stdint.h>

/* As vectors.S lays it out. */
struct exception_frame {
    uint64_t x[31];
    uint64_t elr;
    uint64_t spsr;
    uint64_t esr;
    uint64_t far;
    uint64_t pad;
};

/* What an expected exception looked like; taken says whether there was one. */
struct fault {
    bool taken;
    uint64_t esr;
    uint64_t far;
    uint64_t elr;
};

#define ESR_EC(esr)     (((esr) >> 26) & 0x3f)
#define ESR_EC_UNKNOWN  0x00 /* undefined instructions */
#define ESR_EC_ILLEGAL  0x0e
#define ESR_EC_SYSREG   0x18
#define ESR_EC_IABT_CUR 0x21
#define ESR_EC_PC_ALIGN 0x22
#define ESR_EC_DABT_CUR 0x25
#define ESR_FSC(esr)    ((esr)&0x3f)
#define ESR_WNR         (1U << 6)
#define ESR_FNV         (1U << 10)
#define FSC_EXTERNAL    0x10 /* synchronous external abort, not on a walk */
#define FSC_EXT_WALK0   0x14 /* the same on a walk, level 0; level n: + n */
#define FSC_ALIGNMENT   0x21

/* Point this CPU's VBAR_EL1 at the vectors. */
void exception_init(void);

/*
 * From here to fault_disarm, one synchronous exception is allowed on this CPU: it is
 * recorded and its instruction skipped (after a failed instruction fetch, control
 * returns to the address in x30).
 */
void fault_arm(void);
struct fault fault_disarm(void);

/* The exception that an assembly statement, given as text and operands, causes. */
#define FAULT_OF(...)                                                                              \
    ({                                                                                             \
        fault_arm();                                                                               \
        __asm__ volatile(__VA_ARGS__);                                                             \
        fault_disarm();                                                                            \
    })

static inline bool fault_is_external_abort(const struct fault *fault)
{
    return fault->taken && ESR_EC(fault->esr) == ESR_EC_DABT_CUR &&
           ESR_FSC(fault->esr) == FSC_EXTERNAL;
}

static inline bool fault_is_undefined(const struct fault *fault)
{
    return fault->taken && ESR_EC(fault->esr) == ESR_EC_UNKNOWN;
}

/* Called by vectors.S. */
void exception_sync(struct exception_frame *frame);
void exception_irq(struct exception_frame *frame);
void exception_serror(struct exception_frame *frame);
void exception_fatal(struct exception_frame *frame);

#endif
