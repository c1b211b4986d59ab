/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a stage 2 fault to a device or to an abort of the guest's own. See abort.h. Neighbours:
 * abort_fast.c has carried out the plainest accesses before; mmio_bus.c, insn.c, guest_insn.c and
 * inject.c do the parts, s1_walk.c reads the guest's tables.
 */
#include "trap/abort.h"

#include <stddef.h>

#include "barrier.h"
#include "drv/console.h"
#include "mm/s1_walk.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/esr.h"
#include "trap/guest_insn.h"
#include "trap/inject.h"
#include "trap/insn.h"
#include "trap/skip.h"
#include "vm/vm.h"

#define PAGE_OFFSET (PAGE_SIZE - 1)
#define VA_PAGE     GENMASK(55, 12) /* the page of an address, its tag and sign left out */

#define FSC_KIND (ISS_ABORT_FSC & ~FSC_LEVEL)
/* Nothing is mapped there, and the fault is of the access itself: a device may be meant. */
#define DEVICE_MASK (ISS_ABORT_CM | ISS_ABORT_S1PTW | FSC_KIND)
#define DEVICE      FSC_TRANSLATION
/* The same of one that shows its content by a read-only map, and is written to. */
#define SHOWN_MASK (DEVICE_MASK | ISS_ABORT_WnR)
#define SHOWN      (FSC_PERMISSION | ISS_ABORT_WnR)

/* What the CPU says of an abort taken to EL2: ESR_EL2, FAR_EL2, HPFAR_EL2. */
struct trap {
    uint64_t esr;
    uint64_t far;
    uint64_t hpfar;
};

static struct trap read_trap(uint64_t esr)
{
    return (struct trap){esr, read_sysreg(far_el2), read_sysreg(hpfar_el2)};
}

/* The page that the access, or the walk for it, had for its target. */
static ipa_t fault_page(const struct trap *trap)
{
    return ipa(FIELD_GET(HPFAR_EL2_FIPA, trap->hpfar) * PAGE_SIZE);
}

static ipa_t fault_ipa(const struct trap *trap)
{
    return ipa(fault_page(trap).v | (trap->far & PAGE_OFFSET));
}

/* Stops a walk at the first descriptor that lies in the page `ctx`. */
static int is_in_page(const struct s1_step *step, void *ctx)
{
    const ipa_t *page = ctx;

    return align_down(step->where.v, PAGE_SIZE) == page->v;
}

/*
 * The status of an external abort on a table walk. Its level is that of the guest's walk, at the
 * descriptor in the page that faulted; the syndrome has the level of stage 2's. If no descriptor
 * lies there any more, since the guest has changed its tables, the level is where its walk now
 * ends.
 */
static unsigned walk_fsc(const struct vcpu *vcpu, const struct trap *trap)
{
    const struct s1_regime regime = s1_regime_current();
    ipa_t page = fault_page(trap);
    struct s1_leaf leaf;

    (void)s1_walk(&regime, &vcpu->vm->mem, trap->far, is_in_page, &page, &leaf);
    return leaf.level < 0 ? FSC_EXTERNAL_TTW_BELOW_0 : FSC_EXTERNAL_TTW + (unsigned)leaf.level;
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

/*
 * The IPA that the access, or the walk for it, was stopped at. HPFAR_EL2 does not have it after a
 * permission fault of the access itself (Arm ARM, "HPFAR_EL2"): then the guest's tables tell.
 * False: they no longer lead anywhere.
 */
static bool find_ipa(const struct vcpu *vcpu, const struct trap *trap, ipa_t *where)
{
    const struct s1_regime regime = s1_regime_current();
    struct s1_leaf leaf;

    if ((trap->esr & (ISS_ABORT_S1PTW | FSC_KIND)) != FSC_PERMISSION) {
        *where = fault_ipa(trap);
        return true;
    }
    if (s1_walk(&regime, &vcpu->vm->mem, trap->far, NULL, NULL, &leaf) != 0)
        return false;
    *where = leaf.out;
    return true;
}

/*
 * The rights at stage 2 that the access needs. Two syndromes do not tell reads from writes: a table
 * walk may update the descriptor that it reads, and maintenance always counts as a write. After a
 * permission fault these need both rights; where nothing was mapped, it is enough that something
 * is.
 */
static unsigned needed_perms(const struct trap *trap, unsigned access)
{
    bool unclear = (trap->esr & (ISS_ABORT_S1PTW | ISS_ABORT_CM)) != 0;

    if (!unclear)
        return access;
    return (trap->esr & FSC_KIND) == FSC_PERMISSION ? STAGE2_READ | STAGE2_WRITE : STAGE2_READ;
}

/*
 * Has stage 2 changed since the access was stopped, so that it is allowed by now? stage2.h says how
 * that comes. The guest is to try again, too, if its own tables have changed.
 */
static bool is_allowed_by_now(struct vcpu *vcpu, const struct trap *trap, unsigned access)
{
    unsigned fsc = esr_fsc(trap->esr);
    unsigned needs = needed_perms(trap, access);
    unsigned perms;
    ipa_t where;

    if (!esr_fsc_is(fsc, FSC_TRANSLATION) && !esr_fsc_is(fsc, FSC_PERMISSION))
        return false;
    return !find_ipa(vcpu, trap, &where) ||
           (stage2_lookup(&vcpu->vm->stage2, where, NULL, &perms, NULL) == 0 &&
            (perms & needs) == needs);
}

/*
 * Has a watcher taken the rights that the access lacks, and given them back by now? It may have
 * done so for good since is_allowed_by_now() was asked, and know nothing of the page any more.
 */
static bool is_watched(struct vcpu *vcpu, const struct trap *trap, unsigned access)
{
    const struct vm_watcher *watcher = vcpu->vm->watcher;
    ipa_t where;

    if (watcher == NULL || !esr_fsc_is(esr_fsc(trap->esr), FSC_PERMISSION) ||
        !find_ipa(vcpu, trap, &where) ||
        (!watcher->touched_fn(vcpu, where, trap->far, needed_perms(trap, access)) &&
         !is_allowed_by_now(vcpu, trap, access)))
        return false;
    vcpu->exits[EXIT_WATCHED]++;
    return true;
}

/*
 * The guest is about to get an abort, which the report on it will tell of. If it is the vCPU's
 * first and nothing has been printed yet, the guest may never be able to say so: one line of ours
 * does.
 */
static void count_abort(struct vcpu *vcpu, const struct trap *trap, const char *access)
{
    unsigned fsc = esr_fsc(trap->esr);
    ipa_t where;

    vcpu->abort = (struct vcpu_abort){trap->esr, trap->far, trap->hpfar, vcpu->regs.pc};
    if (vcpu->exits[EXIT_ABORT]++ != 0 || console_guest_spoke() || fsc >= FSC_EXTERNAL ||
        !find_ipa(vcpu, trap, &where))
        return;
    log_warn(
        "before it has printed anything the guest gets an abort: vCPU %u, pc 0x%lx, %s 0x%lx, IPA "
        "0x%lx: %s",
        vcpu->index, vcpu->regs.pc, access, trap->far, where.v, esr_fsc_name(fsc));
}

static void give_back(struct vcpu *vcpu, const struct trap *trap)
{
    count_abort(vcpu, trap, (trap->esr & ISS_ABORT_WnR) != 0 ? "write to" : "read of");
    inject_data_abort(vcpu, trap->far, guest_fsc(vcpu, trap), trap->esr);
}

/* The region that takes the access, and is tried first by the vCPU's next; NULL if none does. */
static const struct mmio_region *find_region(struct vcpu *vcpu, ipa_t ipa, unsigned size)
{
    const struct mmio_region *region = mmio_bus_find(&vcpu->vm->bus, ipa);

    if (region == NULL || !mmio_region_takes(region, ipa, size))
        return NULL;
    vcpu->last_region = region;
    return region;
}

static bool is_big_endian(const struct vcpu *vcpu)
{
    uint64_t pstate = vcpu->regs.pstate;
    uint64_t endianness = (pstate & PSR_M_EL) == 0 ? SCTLR_EL1_E0E : SCTLR_EL1_EE;

    if ((pstate & PSR_M_nRW) != 0)
        return (pstate & PSR_E) != 0;
    return (read_sysreg(sctlr_el1) & endianness) != 0;
}

/* The low `size` bytes of a register, in the order in which the guest's CPU puts them on the bus.
 */
static uint64_t bus_order(const struct vcpu *vcpu, uint64_t value, unsigned size)
{
    if (is_big_endian(vcpu))
        return __builtin_bswap64(value) >> (64 - 8 * size);
    return mmio_low_bytes(value, size);
}

/* What a load of `size` bytes leaves in the register. The upper bytes of `value` are zero. */
static uint64_t extend(uint64_t value, const struct insn_access *insn)
{
    unsigned unused = 64 - 8u * insn->size;

    if (insn->sign_extend)
        value = (uint64_t)((int64_t)(value << unused) >> unused);
    return insn->wide ? value : (uint32_t)value;
}

/* One access of a device. `value` is what a write writes, or what a read has read: of that only the
 * low `size` bytes count. */
static enum mmio_result access_device(struct vcpu *vcpu, const struct mmio_region *region,
                                      ipa_t ipa, unsigned size, bool write, uint64_t *value)
{
    struct mmio_access access = {
        .offset = ipa.v - region->range.base.v,
        .value = *value,
        .size = (uint8_t)size,
        .write = write,
        .vcpu = (uint8_t)vcpu->index,
    };
    enum mmio_result result = region->access_fn(region->dev, &access);

    *value = access.value;
    return result;
}

/* Each register's access in turn, once all are known to have a device. False: an abort. */
static bool transfer(struct vcpu *vcpu, const struct insn_access *insn, ipa_t where)
{
    const struct mmio_region *region[2];
    uint64_t value[2];
    unsigned n = 0;

    do {
        region[n] = find_region(vcpu, ipa(where.v + n * insn->size), insn->size);
        if (region[n] == NULL)
            return false;
    } while (++n < insn->count);
    for (unsigned i = 0; i < insn->count; i++) {
        value[i] =
            insn->write ? bus_order(vcpu, guest_reg(&vcpu->regs, insn->reg[i]), insn->size) : 0;
        if (access_device(vcpu, region[i], ipa(where.v + i * insn->size), insn->size, insn->write,
                          &value[i]) != MMIO_OK)
            return false;
    }
    for (unsigned i = 0; i < insn->count && !insn->write; i++)
        guest_reg_set(&vcpu->regs, insn->reg[i],
                      extend(bus_order(vcpu, value[i], insn->size), insn));
    vcpu->exits[region[0]->reason]++;
    return true;
}

/* An access that the syndrome describes, in all its ways. False: no device took it. */
static bool emulate_syndrome(struct vcpu *vcpu, const struct trap *trap)
{
    struct insn_access insn = esr_access(trap->esr);
    bool ordered = (trap->esr & ISS_ABORT_AR) != 0;

    if (ordered)
        mem_barrier(); /* release: what the guest wrote before is seen before this access */
    if (!transfer(vcpu, &insn, fault_ipa(trap)))
        return false;
    if (ordered)
        mem_barrier(); /* acquire: what the guest reads next is read after this access */
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
    if (insn->literal)
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
    moved = base + insn_offset(&insn, guest_reg(&vcpu->regs, insn.rm));
    if (!locate(trap, &insn, insn.post_index ? base : moved, &where) ||
        !transfer(vcpu, &insn, where))
        return false;
    if (insn.write_back)
        write_base(vcpu, &insn, moved);
    skip_insn(vcpu, trap->esr);
    return true;
}

/* May a device be meant? If so, the trap has the page of the access, as hardware may not. */
static bool may_be_device(const struct vcpu *vcpu, struct trap *trap)
{
    ipa_t where;

    if ((trap->esr & DEVICE_MASK) == DEVICE)
        return true;
    if ((trap->esr & SHOWN_MASK) != SHOWN || !find_ipa(vcpu, trap, &where))
        return false;
    trap->hpfar = FIELD_PREP(HPFAR_EL2_FIPA, where.v / PAGE_SIZE);
    return true;
}

/* Cache maintenance that stage 2 has stopped, in the guest's own right. */
static bool is_maintenance(uint64_t esr)
{
    uint64_t kind = esr & DEVICE_MASK;

    return kind == (ISS_ABORT_CM | FSC_TRANSLATION) || kind == (ISS_ABORT_CM | FSC_PERMISSION);
}

void abort_data(struct vcpu *vcpu, uint64_t esr)
{
    struct trap trap = read_trap(esr);
    unsigned access = (esr & ISS_ABORT_WnR) != 0 ? STAGE2_WRITE : STAGE2_READ;

    if (may_be_device(vcpu, &trap) &&
        ((esr & ISS_ABORT_ISV) != 0 ? emulate_syndrome(vcpu, &trap) : emulate_insn(vcpu, &trap)))
        return;
    if (is_allowed_by_now(vcpu, &trap, access)) {
        vcpu->exits[EXIT_ABORT_RETRY]++;
    } else if (is_watched(vcpu, &trap, access)) {
        return;
    } else if (is_maintenance(esr)) {
        /* Where there is no memory, nothing is cached, and what can't be written is not dirty. */
        vcpu->exits[EXIT_ABORT_CACHE]++;
        skip_insn(vcpu, esr);
    } else {
        give_back(vcpu, &trap);
    }
}

void abort_data_refused(struct vcpu *vcpu, uint64_t esr)
{
    struct trap trap = read_trap(esr);

    give_back(vcpu, &trap);
}

void abort_instruction(struct vcpu *vcpu, uint64_t esr)
{
    struct trap trap = read_trap(esr);

    if (is_allowed_by_now(vcpu, &trap, STAGE2_EXEC | STAGE2_READ)) {
        vcpu->exits[EXIT_ABORT_RETRY]++;
        return;
    }
    if (is_watched(vcpu, &trap, STAGE2_EXEC | STAGE2_READ))
        return;
    count_abort(vcpu, &trap, "fetch of");
    inject_instruction_abort(vcpu, trap.far, guest_fsc(vcpu, &trap), esr);
}
