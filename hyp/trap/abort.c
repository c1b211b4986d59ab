/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a stage 2 fault to a device or to an abort of the guest's own. See abort.h. The usual
 * case, an access that the syndrome describes to a device that is there, is short: it is what
 * every access to a device register costs. Neighbours: exit.c calls; mmio_bus.c, insn.c,
 * guest_insn.c, walk_level.c and inject.c do the parts.
 */
#include "trap/abort.h"

#include <stddef.h>

#include "barrier.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/esr.h"
#include "trap/guest_insn.h"
#include "trap/inject.h"
#include "trap/insn.h"
#include "trap/skip.h"
#include "trap/walk_level.h"
#include "vm/vm.h"

#define INSN_SIZE       4
#define PAGE_OFFSET     (PAGE_SIZE - 1)
#define VA_PAGE         GENMASK(55, 12) /* the page of an address, its tag and sign left out */
#define FIPA_TO_IPA     8               /* HPFAR_EL2.FIPA begins at bit 4, the page number at 12 */
#define FSC_KIND        (ISS_ABORT_FSC & ~FSC_LEVEL)
#define SYNDROME_MASK   (ISS_ABORT_ISV | ISS_ABORT_CM | ISS_ABORT_S1PTW | FSC_KIND)
#define SYNDROME_ACCESS (ISS_ABORT_ISV | FSC_TRANSLATION) /* one register, nothing mapped there */

/* The page that the access, or the walk for it, had for its target. */
static ipa_t fault_page(const struct trap *trap)
{
    return ipa((trap->hpfar & HPFAR_EL2_FIPA) << FIPA_TO_IPA);
}

/* An external abort on a table walk, at the level of the guest's own walk. */
static unsigned walk_fsc(const struct vcpu *vcpu, const struct trap *trap)
{
    int level = walk_level(vcpu, trap->far, fault_page(trap));

    return level < 0 ? FSC_EXTERNAL_TTW_BELOW_0 : FSC_EXTERNAL_TTW + (unsigned)level;
}

/* The fault status for the guest: what stage 2 found is an external abort, the rest is its own. */
static unsigned guest_fsc(const struct vcpu *vcpu, const struct trap *trap)
{
    unsigned fsc = esr_fsc(trap->esr);

    if ((trap->esr & ISS_ABORT_S1PTW) != 0)
        return walk_fsc(vcpu, trap);
    if (fsc < FSC_EXTERNAL || fsc == FSC_TLB_CONFLICT)
        return FSC_EXTERNAL;
    return fsc;
}

static void give_back(struct vcpu *vcpu, const struct trap *trap)
{
    vcpu->exits[EXIT_ABORT]++;
    inject_data_abort(vcpu, trap->far, guest_fsc(vcpu, trap), trap->esr);
}

/* The region that holds a whole, aligned access; NULL if none does. */
static inline const struct mmio_region *find_region(struct vcpu *vcpu, ipa_t ipa, unsigned size)
{
    const struct mmio_region *region = vcpu->last_region;

    if (region == NULL || !mmio_region_holds(region, ipa, size)) {
        region = mmio_bus_find(&vcpu->vm->bus, ipa);
        if (region == NULL || !mmio_region_holds(region, ipa, size))
            return NULL;
        vcpu->last_region = region;
    }
    return is_aligned(ipa.v, size) ? region : NULL;
}

static inline bool is_big_endian(const struct vcpu *vcpu)
{
    uint64_t pstate = vcpu->regs.pstate;

    if ((pstate & PSR_M_nRW) != 0)
        return (pstate & PSR_E) != 0;
    return (read_sysreg(sctlr_el1) & ((pstate & PSR_M_EL) == 0 ? SCTLR_EL1_E0E : SCTLR_EL1_EE)) !=
           0;
}

/* The low `size` bytes of a register, in the order in which the guest's CPU puts them on the bus.
 */
static inline uint64_t bus_order(const struct vcpu *vcpu, uint64_t value, unsigned size)
{
    unsigned unused = 64 - 8 * size;

    if (is_big_endian(vcpu))
        return __builtin_bswap64(value) >> unused;
    return value << unused >> unused;
}

static inline uint64_t read_reg(const struct vcpu *vcpu, unsigned reg)
{
    return reg == INSN_REG_31 ? 0 : vcpu->regs.x[reg];
}

static inline void write_reg(struct vcpu *vcpu, unsigned reg, uint64_t value)
{
    if (reg != INSN_REG_31)
        vcpu->regs.x[reg] = value;
}

/* What a load of `size` bytes leaves in the register. The upper bytes of `value` are zero. */
static inline uint64_t extend(uint64_t value, unsigned size, bool sign_extend, bool wide)
{
    unsigned unused = 64 - 8 * size;

    if (sign_extend)
        value = (uint64_t)((int64_t)(value << unused) >> unused);
    return wide ? value : (uint32_t)value;
}

/* One access of a device; `value` is the register's content, going out or, on success, come in. */
static inline enum mmio_result access_device(struct vcpu *vcpu, const struct mmio_region *region,
                                             ipa_t ipa, unsigned size, bool write, uint64_t *value)
{
    struct mmio_access access = {
        .offset = ipa.v - region->range.base.v,
        .value = write ? bus_order(vcpu, *value, size) : 0,
        .size = (uint8_t)size,
        .write = write,
        .vcpu = (uint8_t)vcpu->index,
    };
    enum mmio_result result = region->access_fn(region->dev, &access);

    if (!write)
        *value = bus_order(vcpu, access.value, size);
    return result;
}

/* An access that the syndrome describes in full. False: no device took it. */
static inline bool emulate_syndrome(struct vcpu *vcpu, const struct trap *trap)
{
    struct esr_access access = esr_access(trap->esr);
    ipa_t where = ipa(fault_page(trap).v | (trap->far & PAGE_OFFSET));
    const struct mmio_region *region = find_region(vcpu, where, access.size);
    bool ordered = (trap->esr & ISS_ABORT_AR) != 0;
    uint64_t value;

    if (region == NULL)
        return false;
    value = read_reg(vcpu, access.reg);
    if (ordered)
        mem_barrier(); /* release: what the guest wrote before is seen before this access */
    if (access_device(vcpu, region, where, access.size, access.write, &value) != MMIO_OK)
        return false;
    if (ordered)
        mem_barrier(); /* acquire: what the guest reads next is read after this access */
    if (!access.write)
        write_reg(vcpu, access.reg, extend(value, access.size, access.sign_extend, access.wide));
    vcpu->exits[region->reason]++;
    skip_insn(vcpu, trap->esr);
    return true;
}

/* The stack pointer that the guest uses is SP_EL1 in EL1h, else SP_EL0. */
static bool uses_sp_el1(const struct vcpu *vcpu)
{
    return (vcpu->regs.pstate & PSR_M_MASK) == PSR_M_EL1h;
}

static uint64_t read_base(const struct vcpu *vcpu, const struct insn_access *insn)
{
    if (insn->base == INSN_BASE_PC)
        return vcpu->regs.pc;
    if (insn->rn != INSN_REG_31)
        return vcpu->regs.x[insn->rn];
    return uses_sp_el1(vcpu) ? read_sysreg(sp_el1) : read_sysreg(sp_el0);
}

static void write_base(struct vcpu *vcpu, const struct insn_access *insn, uint64_t value)
{
    if (insn->rn != INSN_REG_31)
        vcpu->regs.x[insn->rn] = value;
    else if (uses_sp_el1(vcpu))
        write_sysreg(value, sp_el1);
    else
        write_sysreg(value, sp_el0);
}

/*
 * Where the instruction's access begins. Only one that lies in the page that faulted can be
 * carried out: of no other is the IPA known.
 */
static bool locate(const struct trap *trap, const struct insn_access *insn, uint64_t va,
                   ipa_t *where)
{
    uint64_t last = va + insn->size * insn->count - 1;

    *where = ipa(fault_page(trap).v | (va & PAGE_OFFSET));
    return ((va ^ trap->far) & VA_PAGE) == 0 && ((last ^ trap->far) & VA_PAGE) == 0;
}

/* Each register's access in turn, once all are known to have a device. False: an abort. */
static bool transfer(struct vcpu *vcpu, const struct insn_access *insn, ipa_t where)
{
    const struct mmio_region *region[2];
    uint64_t value[2];

    for (unsigned i = 0; i < insn->count; i++) {
        region[i] = find_region(vcpu, ipa(where.v + i * insn->size), insn->size);
        if (region[i] == NULL)
            return false;
    }
    for (unsigned i = 0; i < insn->count; i++) {
        value[i] = read_reg(vcpu, insn->reg[i]);
        if (access_device(vcpu, region[i], ipa(where.v + i * insn->size), insn->size, insn->write,
                          &value[i]) != MMIO_OK)
            return false;
    }
    for (unsigned i = 0; i < insn->count && !insn->write; i++)
        write_reg(vcpu, insn->reg[i], extend(value[i], insn->size, insn->sign_extend, insn->wide));
    vcpu->exits[region[0]->reason]++;
    return true;
}

/* An access that only the instruction itself describes. False: it can't be carried out. */
static bool emulate_insn(struct vcpu *vcpu, const struct trap *trap)
{
    struct insn_access insn;
    uint64_t base, moved;
    uint32_t code;
    ipa_t where;

    if (guest_insn_fetch(vcpu, &code) != 0 || insn_decode(code, &insn) != 0)
        return false;
    if (insn.write != ((trap->esr & ISS_ABORT_WnR) != 0))
        return false;
    base = read_base(vcpu, &insn);
    moved = base + insn_offset(&insn, read_reg(vcpu, insn.rm));
    if (!locate(trap, &insn, insn.post_index ? base : moved, &where) ||
        !transfer(vcpu, &insn, where))
        return false;
    if (insn.write_back)
        write_base(vcpu, &insn, moved);
    skip_insn(vcpu, trap->esr);
    return true;
}

/* Cache maintenance by address where there is no memory: nothing is cached, so it is done. */
static bool is_maintenance(const struct trap *trap)
{
    return (trap->esr & (ISS_ABORT_CM | ISS_ABORT_S1PTW)) == ISS_ABORT_CM &&
           esr_fsc_is(esr_fsc(trap->esr), FSC_TRANSLATION);
}

static void abort_data_rare(struct vcpu *vcpu, const struct trap *trap)
{
    if (is_maintenance(trap)) {
        vcpu->exits[EXIT_ABORT]++;
        skip_insn(vcpu, trap->esr);
    } else if ((trap->esr & SYNDROME_MASK) != FSC_TRANSLATION || !emulate_insn(vcpu, trap)) {
        give_back(vcpu, trap);
    }
}

void abort_data(struct vcpu *vcpu, const struct trap *trap)
{
    if ((trap->esr & SYNDROME_MASK) != SYNDROME_ACCESS)
        abort_data_rare(vcpu, trap);
    else if (!emulate_syndrome(vcpu, trap))
        give_back(vcpu, trap);
}

void abort_instruction(struct vcpu *vcpu, const struct trap *trap)
{
    vcpu->exits[EXIT_ABORT]++;
    inject_instruction_abort(vcpu, trap->far, guest_fsc(vcpu, trap), trap->esr);
}
