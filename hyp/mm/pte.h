/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translation table descriptors for the 4 KiB granule, and the registers that govern their
 * walk (Arm ARM, "VMSAv8-64 translation table format descriptors"). An address is cut up like this,
 * nine bits for each level's index; what is left over is the offset into the page or block:
 *
 *    47      39 38      30 29      21 20      12 11           0
 *   +----------+----------+----------+----------+--------------+
 *   | level 0  | level 1  | level 2  | level 3  |  offset      |
 *   +----------+----------+----------+----------+--------------+
 *               1 GiB each  2 MiB each 4 KiB each
 *
 * and the eight bytes found at each level mean, by their lowest bits:
 *
 *     63                                       12 11       2 1 0
 *    +-------------------------------------------+---------+-+-+
 *    | ignored                                   | ignored |x|0|  invalid: a fault
 *    +-------------------------------------------+---------+-+-+
 *    | attributes |  address of the next table   | ignored |1|1|  table, levels 0 to 2
 *    +------------+------------------------------+---------+-+-+
 *    | upper      |  output address      | 0     | lower   |0|1|  block, levels 1 and 2
 *    +------------+----------------------+-------+---------+-+-+
 *    | upper      |  output address              | lower   |1|1|  page, level 3
 *    +------------+------------------------------+---------+-+-+
 *
 * Blocks and pages are "leaves" here: they end the walk. Their lower and upper attributes differ
 * between the stages:
 *
 *              63   59 58  55 54 53  52   51  50   49..12  11 10  9 8  7 6  5 4 3 2
 *             +-------+------+--+---+----+---+--+---------+--+--+----+----+-+-----+
 *    stage 1  |       |  sw  |XN| 0 |cont|DBM|GP| address | 0|AF| SH | AP |0|Attr |  EL2's own map
 *             +-------+------+--+---+----+---+--+---------+--+--+----+----+-+-----+
 *    stage 2  |       |  sw  | XN   |cont|DBM| 0| address | 0|AF| SH |S2AP|MemAttr|  a guest's map
 *             +-------+------+------+----+---+--+---------+--+--+----+----+-------+
 */
#ifndef MM_PTE_H
#define MM_PTE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/bits.h"

#define PTE_LAST_LEVEL    3
#define PTE_BLOCK_LEVEL   1 /* the first level where a descriptor can be a leaf */
#define PTE_TABLE_ENTRIES 512

/* In every descriptor. */
#define PTE_VALID BIT(0)
#define PTE_TYPE  BIT(1)          /* set: table or page; clear: block */
#define PTE_ADDR  GENMASK(47, 12) /* of the next table, or the output address of a leaf */

/* In the leaves of both stages. */
#define PTE_AF        BIT(10)       /* access flag: clear, the first access faults */
#define PTE_SH        GENMASK(9, 8) /* who sees the same: 0 none, 2 outer, 3 inner shareable */
#define PTE_SH_INNER  FIELD_PREP(PTE_SH, 3)
#define PTE_DBM       BIT(51) /* hardware may make it writable; never set here */
#define PTE_CONTIG    BIT(52) /* one of 16 neighbours that share a TLB entry; never set here */
#define PTE_SW        GENMASK(58, 55) /* for software; Traproom keeps nothing there */
#define PTE_LEAF_ATTR (~(PTE_ADDR | PTE_TYPE | PTE_VALID))

/* Stage 1, in a regime with one exception level, as EL2's is without HCR_EL2.E2H. */
#define PTE_S1_ATTRINDX GENMASK(4, 2) /* which byte of MAIR_EL2 is the memory type */
#define PTE_S1_AP_RES1  BIT(6)        /* AP[1] */
#define PTE_S1_AP_RO    BIT(7)        /* AP[2]: clear, writable */
#define PTE_S1_GP       BIT(50) /* guarded: an indirect branch must land on a BTI (FEAT_BTI) */
#define PTE_S1_XN       BIT(54)

/* Stage 1 tables can take rights away from all below them. Traproom leaves these clear. */
#define PTE_S1_XNTABLE BIT(60)

/* Stage 2. */
#define PTE_S2_MEMATTR       GENMASK(5, 2)
#define PTE_S2_MEMATTR_WB    FIELD_PREP(PTE_S2_MEMATTR, 0xf) /* Normal, write-back */
#define PTE_S2_MEMATTR_NGNRE FIELD_PREP(PTE_S2_MEMATTR, 0x1) /* Device-nGnRE */
#define PTE_S2_S2AP          GENMASK(7, 6)
#define PTE_S2_S2AP_R        BIT(6)
#define PTE_S2_S2AP_W        BIT(7)
#define PTE_S2_XN            GENMASK(54, 53)
#define PTE_S2_XN_NONE       FIELD_PREP(PTE_S2_XN, 0) /* both EL1 and EL0 may execute */
#define PTE_S2_XN_ALL        FIELD_PREP(PTE_S2_XN, 2) /* neither may; 1 and 3 need FEAT_XNX */

/*
 * VTCR_EL2: how stage 2 is walked.
 *
 *     31 30   23 22 21  19 18 16 15 14 13 12 11  10 9    8 7   6 5    0
 *    +--+-------+--+--+---+-----+-----+-----+------+------+-----+------+
 *    | 1|       |HD|HA|VS | PS  | TG0 | SH0 |ORGN0 |IRGN0 | SL0 | T0SZ |
 *    +--+-------+--+--+---+-----+-----+-----+------+------+-----+------+
 */
#define VTCR_EL2_SL0  GENMASK(7, 6) /* 2 less the level where the walk starts */
#define VTCR_EL2_VS   BIT(19)       /* VMIDs have 16 bits */
#define VTCR_EL2_RES1 BIT(31)

/* TCR_EL2, without HCR_EL2.E2H: how EL2's stage 1 is walked. */
#define TCR_EL2_RES1 (BIT(31) | BIT(23))

/* What stands at the same bits of both. */
#define TCRx_EL2_T0SZ  GENMASK(5, 0) /* 64 less the bits of an input address */
#define TCRx_EL2_IRGN0 GENMASK(9, 8) /* walks are cached: 1, write-back */
#define TCRx_EL2_ORGN0 GENMASK(11, 10)
#define TCRx_EL2_SH0   GENMASK(13, 12) /* as PTE_SH */
#define TCRx_EL2_PS    GENMASK(18, 16) /* as ID_AA64MMFR0_EL1.PARange */
/* Tables are read through the caches, write-back, and as all CPUs see them. */
#define TCRx_EL2_WALKS                                                                             \
    (FIELD_PREP(TCRx_EL2_IRGN0, 1) | FIELD_PREP(TCRx_EL2_ORGN0, 1) | FIELD_PREP(TCRx_EL2_SH0, 3))

/* VTTBR_EL2: where its root is; regs.h has whose entries these are in the TLB. */
#define VTTBR_EL2_BADDR GENMASK(47, 1)

/* MAIR_EL2: a byte for each memory type that PTE_S1_ATTRINDX can choose. */
#define MAIR_ATTR(index, type) ((uint64_t)(type) << (8 * (index)))
#define MAIR_NORMAL_WB         UINT64_C(0xff) /* write-back, allocating, inner and outer */
#define MAIR_DEVICE_NGNRE      UINT64_C(0x04)

/* What the CPU can do. */
#define ID_AA64MMFR0_EL1_PARange  GENMASK(3, 0)
#define ID_AA64MMFR0_EL1_TGran4   GENMASK(31, 28)
#define ID_AA64MMFR0_EL1_TGran4_2 GENMASK(43, 40)
#define ID_AA64MMFR1_EL1_VMIDBits GENMASK(7, 4)

/* The largest PARange that fits these descriptors. For 52 bits FEAT_LPA2 has another format. */
#define PARANGE_48_BITS 5

/* How many low bits of an address the levels below `level` take. */
static inline unsigned pte_level_shift(unsigned level)
{
    return 12 + 9 * (PTE_LAST_LEVEL - level);
}

/* Bytes that one descriptor of `level` translates. */
static inline uint64_t pte_level_size(unsigned level)
{
    return BIT(pte_level_shift(level));
}

static inline bool pte_is_valid(uint64_t desc)
{
    return (desc & PTE_VALID) != 0;
}

static inline bool pte_is_table(uint64_t desc, unsigned level)
{
    return pte_is_valid(desc) && (desc & PTE_TYPE) != 0 && level < PTE_LAST_LEVEL;
}

static inline bool pte_is_leaf(uint64_t desc, unsigned level)
{
    return pte_is_valid(desc) && !pte_is_table(desc, level);
}

static inline pa_t pte_addr(uint64_t desc)
{
    return pa(desc & PTE_ADDR);
}

/* A block or page of `level` for the memory at `out`, aligned to its size. */
static inline uint64_t pte_make_leaf(pa_t out, unsigned level, uint64_t attr)
{
    return out.v | attr | PTE_VALID | (level == PTE_LAST_LEVEL ? PTE_TYPE : 0);
}

static inline uint64_t pte_make_table(pa_t table)
{
    return table.v | PTE_TYPE | PTE_VALID;
}

/* The bits of an address by PARange's value, as TCR_ELx.IPS and PS have it, too. */
static inline unsigned pte_parange_bits(uint64_t range)
{
    static const uint8_t bits[] = {32, 36, 40, 42, 44, 48, 52, 56};

    return bits[range < ARRAY_SIZE(bits) ? range : ARRAY_SIZE(bits) - 1];
}

/* PS of VTCR_EL2 and TCR_EL2, from ID_AA64MMFR0_EL1: no more than these descriptors have. */
static inline uint64_t pte_pa_size_field(uint64_t mmfr0)
{
    uint64_t range = FIELD_GET(ID_AA64MMFR0_EL1_PARange, mmfr0);

    return range < PARANGE_48_BITS ? range : PARANGE_48_BITS;
}

/* The bits of a physical address, from ID_AA64MMFR0_EL1; at most 48. */
static inline unsigned pte_pa_bits(uint64_t mmfr0)
{
    return pte_parange_bits(pte_pa_size_field(mmfr0));
}

#endif
