/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A64 loads and stores, class by class as the manual's encoding index has them. See insn.h;
 * abort.c carries out what is decoded here.
 */
#include "trap/insn.h"

#include "lib/bits.h"

/* Bits [29:27] and [25:24] tell the classes apart; bit 26 makes it a vector register. */
#define CLASS_MASK     (GENMASK(29, 27) | BIT(26) | GENMASK(25, 24))
#define CLASS_LITERAL  (UINT64_C(3) << 27)
#define CLASS_REGISTER (UINT64_C(7) << 27)
#define CLASS_UNSIGNED (CLASS_REGISTER | BIT(24))
#define PAIR_MASK      (GENMASK(29, 27) | GENMASK(26, 25))
#define PAIR           (UINT64_C(5) << 27)

#define FIELD_Rt    GENMASK(4, 0)
#define FIELD_Rn    GENMASK(9, 5)
#define FIELD_Rt2   GENMASK(14, 10)
#define FIELD_Rm    GENMASK(20, 16)
#define FIELD_SIZE  GENMASK(31, 30) /* log2 of bytes */
#define FIELD_OPC   GENMASK(23, 22)
#define FIELD_IMM12 GENMASK(21, 10)
#define FIELD_IMM9  GENMASK(20, 12)

/* FIELD_OPC; 1 is a load, 3 a signed one of 32 bits. */
#define OPC_STORE          0u
#define OPC_LOAD_SIGNED_64 2u

#define PAIR_OPC       GENMASK(31, 30)
#define PAIR_OPC_32    0u
#define PAIR_OPC_SW    1u /* LDPSW; the store is STGP, of the Memory Tagging Extension */
#define PAIR_OPC_64    2u
#define PAIR_LOAD      BIT(22)
#define PAIR_PRE_POST  BIT(23) /* write-back: pre-indexed with PAIR_OFFSET, post-indexed without */
#define PAIR_OFFSET    BIT(24)
#define PAIR_FIELD_IMM GENMASK(21, 15)

#define LITERAL_OPC       GENMASK(31, 30)
#define LITERAL_OPC_32    0u
#define LITERAL_OPC_64    1u
#define LITERAL_OPC_SW    2u
#define LITERAL_FIELD_IMM GENMASK(23, 5)

#define REGISTER_ODD   BIT(21) /* register offset, atomics and others, by REGISTER_FORM */
#define REGISTER_FORM  GENMASK(11, 10)
#define REGISTER_INDEX 2u /* with REGISTER_ODD */
#define REGISTER_POST  1u /* without: unscaled (0), post-indexed, unprivileged (2), pre-indexed */
#define REGISTER_PRE   3u
#define FIELD_OPTION   GENMASK(15, 13)
#define OPTION_WORDS   BIT(14) /* clear: bytes and halfwords, which this class does not have */
#define FIELD_S        BIT(12)

static int64_t signed_field(uint64_t mask, uint32_t insn)
{
    unsigned high = (unsigned)__builtin_clzll(mask);

    return (int64_t)((uint64_t)insn << high) >> (high + (unsigned)FIELD_SHIFT(mask));
}

/* Writing back into a register that is also transferred is CONSTRAINED UNPREDICTABLE. */
static bool is_predictable(const struct insn_access *access)
{
    if (access->count == 2 && !access->write && access->reg[0] == access->reg[1])
        return false;
    if (!access->write_back || access->rn == INSN_REG_31)
        return true;
    return access->rn != access->reg[0] && !(access->count == 2 && access->rn == access->reg[1]);
}

/* LDP, STP, LDPSW, LDNP, STNP: "Load/store register pair" and "no-allocate pair". */
static int decode_pair(uint32_t insn, struct insn_access *access)
{
    unsigned opc = (unsigned)FIELD_GET(PAIR_OPC, insn);
    bool index = (insn & PAIR_PRE_POST) != 0, offset = (insn & PAIR_OFFSET) != 0;

    access->write = (insn & PAIR_LOAD) == 0;
    access->sign_extend = opc == PAIR_OPC_SW;
    access->wide = opc != PAIR_OPC_32;
    access->size = opc == PAIR_OPC_64 ? 8 : 4;
    access->count = 2;
    access->reg[1] = (uint8_t)FIELD_GET(FIELD_Rt2, insn);
    access->offset = signed_field(PAIR_FIELD_IMM, insn) * access->size;
    access->write_back = index;
    access->post_index = index && !offset;
    if (opc > PAIR_OPC_64)
        return -ERR_UNSUPPORTED;
    if (opc == PAIR_OPC_SW && (access->write || !(index || offset)))
        return -ERR_UNSUPPORTED;
    return 0;
}

/* LDR and LDRSW from an address relative to pc: "Load register (literal)". */
static int decode_literal(uint32_t insn, struct insn_access *access)
{
    unsigned opc = (unsigned)FIELD_GET(LITERAL_OPC, insn);

    access->literal = true;
    access->size = opc == LITERAL_OPC_64 ? 8 : 4;
    access->wide = opc != LITERAL_OPC_32;
    access->sign_extend = opc == LITERAL_OPC_SW;
    access->offset = signed_field(LITERAL_FIELD_IMM, insn) * 4;
    return opc > LITERAL_OPC_SW ? -ERR_UNSUPPORTED : 0;
}

/* What size and opc say in all forms of single registers; PRFM is a hint and never aborts. */
static int decode_size(uint32_t insn, struct insn_access *access)
{
    unsigned size = (unsigned)FIELD_GET(FIELD_SIZE, insn);
    unsigned opc = (unsigned)FIELD_GET(FIELD_OPC, insn);

    access->size = (uint8_t)(1u << size);
    access->write = opc == OPC_STORE;
    access->sign_extend = opc >= OPC_LOAD_SIGNED_64;
    access->wide = opc == OPC_LOAD_SIGNED_64 || (access->size == 8 && !access->sign_extend);
    if (access->sign_extend && access->size >= (access->wide ? 8 : 4))
        return -ERR_UNSUPPORTED;
    return 0;
}

/* "Load/store register (register offset)" */
static int decode_index(uint32_t insn, struct insn_access *access)
{
    access->extend = (enum insn_extend)FIELD_GET(FIELD_OPTION, insn);
    access->rm = (uint8_t)FIELD_GET(FIELD_Rm, insn);
    if ((insn & FIELD_S) != 0)
        access->shift = (uint8_t)FIELD_GET(FIELD_SIZE, insn);
    return (insn & OPTION_WORDS) != 0 ? 0 : -ERR_UNSUPPORTED;
}

/* "Load/store register": unscaled, unprivileged, pre- and post-indexed, register offset. */
static int decode_register(uint32_t insn, struct insn_access *access)
{
    unsigned form = (unsigned)FIELD_GET(REGISTER_FORM, insn);
    int err = decode_size(insn, access);

    if (err != 0)
        return err;
    if ((insn & REGISTER_ODD) != 0)
        return form == REGISTER_INDEX ? decode_index(insn, access) : -ERR_UNSUPPORTED;
    access->offset = signed_field(FIELD_IMM9, insn);
    access->write_back = form == REGISTER_PRE || form == REGISTER_POST;
    access->post_index = form == REGISTER_POST;
    return 0;
}

/* "Load/store register (unsigned immediate)" */
static int decode_unsigned(uint32_t insn, struct insn_access *access)
{
    int err = decode_size(insn, access);

    access->offset = (int64_t)FIELD_GET(FIELD_IMM12, insn) * access->size;
    return err;
}

static int decode_class(uint32_t insn, struct insn_access *access)
{
    if ((insn & PAIR_MASK) == PAIR)
        return decode_pair(insn, access);
    switch (insn & CLASS_MASK) {
    case CLASS_LITERAL:
        return decode_literal(insn, access);
    case CLASS_REGISTER:
        return decode_register(insn, access);
    case CLASS_UNSIGNED:
        return decode_unsigned(insn, access);
    default:
        return -ERR_UNSUPPORTED;
    }
}

int insn_decode(uint32_t insn, struct insn_access *access)
{
    int err;

    *access = (struct insn_access){
        .count = 1,
        .reg = {(uint8_t)FIELD_GET(FIELD_Rt, insn)},
        .rn = (uint8_t)FIELD_GET(FIELD_Rn, insn),
    };
    err = decode_class(insn, access);
    if (err == 0 && !is_predictable(access))
        err = -ERR_UNSUPPORTED;
    return err;
}

uint64_t insn_offset(const struct insn_access *access, uint64_t index)
{
    switch (access->extend) {
    case INSN_EXTEND_UXTW:
        return (uint64_t)(uint32_t)index << access->shift;
    case INSN_EXTEND_SXTW:
        return (uint64_t)(int64_t)(int32_t)(uint32_t)index << access->shift;
    case INSN_EXTEND_LSL:
    case INSN_EXTEND_SXTX:
        return index << access->shift;
    default:
        return (uint64_t)access->offset;
    }
}
