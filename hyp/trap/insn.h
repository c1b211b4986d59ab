/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads and stores of general-purpose registers, decoded from their A64 encodings (Arm ARM, "A64
 * instruction set encoding", "Loads and Stores"). For what a syndrome does not describe (esr.h has
 * what it does): pairs and forms that write the base back. Pure; abort.c carries the access out.
 */
#ifndef TRAP_INSN_H
#define TRAP_INSN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

#define INSN_REG_31 31 /* the stack pointer as a base, the zero register elsewhere */

/* What becomes of an index register before it is shifted: the field "option". */
enum insn_extend {
    INSN_EXTEND_NONE = 0, /* there is no index register */
    INSN_EXTEND_UXTW = 2,
    INSN_EXTEND_LSL = 3,
    INSN_EXTEND_SXTW = 6,
    INSN_EXTEND_SXTX = 7,
};

/* One load or store: [base + offset] or [base + extend(rm) << shift], one register or two. */
struct insn_access {
    uint8_t size;   /* bytes of each register's part: 1, 2, 4 or 8 */
    uint8_t count;  /* 1, or 2 for a pair, whose second part follows the first */
    uint8_t reg[2]; /* Rt and, of a pair, Rt2; INSN_REG_31: the zero register */
    bool write;
    bool sign_extend; /* a load's value, to the width of the register */
    bool wide;        /* the registers have 64 bits, else 32 and the upper half becomes zero */

    bool literal;    /* the base is the instruction's own address, else register `rn` */
    uint8_t rn;      /* INSN_REG_31: the stack pointer */
    bool write_back; /* base + offset goes into the base register afterwards */
    bool post_index; /* the access is at the base itself */
    int64_t offset;  /* bytes */
    enum insn_extend extend;
    uint8_t rm; /* the index register; INSN_REG_31: the zero register */
    uint8_t shift;
};

/*
 * Decode `insn` into `access`. -ERR_UNSUPPORTED: it is not a load or store of general-purpose
 * registers that can be carried out on a device (vectors, exclusive and atomic accesses, DC ZVA,
 * anything else), or one whose behaviour is CONSTRAINED UNPREDICTABLE.
 */
int must_check insn_decode(uint32_t insn, struct insn_access *access);

/* Bytes from the base to what the instruction adds to it, given its index register's content. */
uint64_t insn_offset(const struct insn_access *access, uint64_t index);

#endif
