/* SPDX-License-Identifier: Apache-2.0 */
/* See fake_gich.h. */
#include "fake_gich.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gic/gic.h"

#define PRIORITY_BITS 5

struct fake_gich fake_gich[16];
struct fake_guest fake_guest[16];
struct fake_ppi fake_ppi[16];
_Thread_local unsigned fake_cpu_index;

static unsigned nr_lrs;
static unsigned kicks[16];

void fake_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: broken rule: %s\n", file, line, what);
    abort();
}

void fake_gich_init(unsigned count)
{
    nr_lrs = count;
    memset(fake_gich, 0, sizeof(fake_gich));
    memset(fake_guest, 0, sizeof(fake_guest));
    memset(fake_ppi, 0, sizeof(fake_ppi));
    memset(kicks, 0, sizeof(kicks));
    for (unsigned i = 0; i < 16; i++) {
        fake_guest[i].pmr = 0xff;
        fake_gich[i].hcr = ICH_HCR_En;
    }
}

static struct fake_gich *own(void)
{
    return &fake_gich[fake_cpu_index];
}

static uint32_t vintid(uint64_t lr)
{
    return (uint32_t)FIELD_GET(ICH_LR_vINTID, lr);
}

uint64_t gich_read_lr(unsigned n)
{
    fake_require(n < nr_lrs);
    return own()->lr[n];
}

/* One INTID is never live in two LRs, and a linked one never pending and active. */
void gich_write_lr(unsigned n, uint64_t value)
{
    fake_require(n < nr_lrs);
    fake_guest[fake_cpu_index].lr_writes++;
    own()->lr[n] = value;
    if ((value & ICH_LR_State) == 0)
        return;
    fake_require((value & ICH_LR_HW) == 0 || (value & ICH_LR_State) != ICH_LR_State);
    for (unsigned i = 0; i < nr_lrs; i++) {
        uint64_t other = own()->lr[i];

        fake_require(i == n || (other & ICH_LR_State) == 0 || vintid(other) != vintid(value));
    }
}

/* ICH_EISR_EL2 */
static uint32_t ended_lrs(void)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < nr_lrs; i++) {
        if ((own()->lr[i] & (ICH_LR_State | ICH_LR_HW | ICH_LR_EOI)) == ICH_LR_EOI)
            v |= UINT32_C(1) << i;
    }
    return v;
}

uint64_t gich_read_hcr(void)
{
    return own()->hcr;
}

void gich_write_hcr(uint64_t v)
{
    own()->hcr = v;
}

uint64_t gich_read_vmcr(void)
{
    const struct fake_guest *guest = &fake_guest[fake_cpu_index];

    return FIELD_PREP(ICH_VMCR_VEOIM, guest->eoi_mode) | FIELD_PREP(ICH_VMCR_VCBPR, guest->cbpr) |
           FIELD_PREP(ICH_VMCR_VPMR, guest->pmr);
}

void gich_write_vmcr(uint64_t v)
{
    struct fake_guest *guest = &fake_guest[fake_cpu_index];

    guest->eoi_mode = (v & ICH_VMCR_VEOIM) != 0;
    guest->cbpr = (v & ICH_VMCR_VCBPR) != 0;
    guest->pmr = (uint8_t)FIELD_GET(ICH_VMCR_VPMR, v); /* all bits, as QEMU does */
}

uint64_t gich_read_vtr(void)
{
    return FIELD_PREP(ICH_VTR_ListRegs, nr_lrs - 1) |
           FIELD_PREP(ICH_VTR_PRIbits, PRIORITY_BITS - 1) |
           FIELD_PREP(ICH_VTR_PREbits, PRIORITY_BITS - 1) | FIELD_PREP(ICH_VTR_IDbits, 1) |
           ICH_VTR_A3V | ICH_VTR_TDS;
}

uint32_t gich_read_active_priorities(unsigned n)
{
    const struct fake_guest *guest = &fake_guest[fake_cpu_index];
    uint32_t v = 0;

    fake_require(n == 0);
    for (unsigned i = 0; i < guest->depth; i++)
        v |= UINT32_C(1) << (guest->running[i] >> (8 - PRIORITY_BITS));
    return v;
}

void gich_reset(void)
{
    *own() = (struct fake_gich){.hcr = ICH_HCR_En};
    fake_guest[fake_cpu_index].depth = 0;
}

bool fake_maintenance(void)
{
    uint64_t hcr = own()->hcr;

    if ((hcr & ICH_HCR_En) == 0)
        return false;
    return ended_lrs() != 0 ||
           ((hcr & ICH_HCR_LRENPIE) != 0 && FIELD_GET(ICH_HCR_EOIcount, hcr) != 0) ||
           ((hcr & ICH_HCR_NPIE) != 0 && fake_lrs_in(fake_cpu_index, ICH_LR_Pending) == 0);
}

static uint8_t running_priority(const struct fake_guest *guest)
{
    return guest->depth == 0 ? 0xff : guest->running[guest->depth - 1];
}

uint32_t fake_guest_ack(void)
{
    struct fake_guest *guest = &fake_guest[fake_cpu_index];
    uint64_t *best = NULL;
    uint64_t best_priority = running_priority(guest);

    if (best_priority > guest->pmr)
        best_priority = guest->pmr;
    for (unsigned i = 0; i < nr_lrs; i++) {
        uint64_t *lr = &own()->lr[i];

        if ((*lr & ICH_LR_State) != ICH_LR_Pending ||
            FIELD_GET(ICH_LR_Priority, *lr) >= best_priority)
            continue;
        best = lr;
        best_priority = FIELD_GET(ICH_LR_Priority, *lr);
    }
    if (best == NULL)
        return FAKE_SPURIOUS;
    *best ^= ICH_LR_State; /* from pending to active */
    fake_require(guest->depth < sizeof(guest->running));
    guest->running[guest->depth++] = (uint8_t)best_priority;
    return vintid(*best);
}

static void deactivate(uint32_t intid)
{
    struct fake_gich *gich = own();

    for (unsigned i = 0; i < nr_lrs; i++) {
        uint64_t lr = gich->lr[i];

        if (vintid(lr) != intid || (lr & ICH_LR_Active) == 0)
            continue;
        gich->lr[i] = lr & ~ICH_LR_Active;
        if ((lr & ICH_LR_HW) != 0)
            gic_ppi_set_active(fake_cpu_index, (uint32_t)FIELD_GET(ICH_LR_pINTID, lr), false);
        return;
    }
    fake_require(FIELD_GET(ICH_HCR_EOIcount, gich->hcr) < 31);
    gich->hcr += UINT64_C(1) << FIELD_SHIFT(ICH_HCR_EOIcount);
}

void fake_guest_eoi(uint32_t intid)
{
    struct fake_guest *guest = &fake_guest[fake_cpu_index];

    fake_require(guest->depth > 0);
    guest->depth--;
    if (!guest->eoi_mode)
        deactivate(intid);
}

void gic_kick(unsigned cpu)
{
    fake_require(cpu < 16);
    __atomic_store_n(&kicks[cpu], 1, __ATOMIC_RELEASE);
}

bool fake_kicked(unsigned cpu)
{
    return __atomic_load_n(&kicks[cpu], __ATOMIC_ACQUIRE) != 0;
}

bool fake_take_kick(unsigned cpu)
{
    return __atomic_exchange_n(&kicks[cpu], 0, __ATOMIC_ACQ_REL) != 0;
}

static void set_bit(uint32_t *word, uint32_t intid, bool on)
{
    fake_require(intid < 32);
    if (on)
        __atomic_fetch_or(word, UINT32_C(1) << intid, __ATOMIC_ACQ_REL);
    else
        __atomic_fetch_and(word, ~(UINT32_C(1) << intid), __ATOMIC_ACQ_REL);
}

static uint32_t load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

void gic_ppi_set_enabled(unsigned cpu, uint32_t intid, bool enabled)
{
    set_bit(&fake_ppi[cpu].enabled, intid, enabled);
}

void gic_ppi_set_pending(unsigned cpu, uint32_t intid, bool pending)
{
    set_bit(&fake_ppi[cpu].latch, intid, pending);
}

void gic_ppi_set_active(unsigned cpu, uint32_t intid, bool active)
{
    set_bit(&fake_ppi[cpu].active, intid, active);
}

uint32_t gic_ppi_pending(unsigned cpu)
{
    return load(&fake_ppi[cpu].latch) | load(&fake_ppi[cpu].line);
}

void fake_ppi_line(unsigned cpu, uint32_t intid, bool level)
{
    set_bit(&fake_ppi[cpu].line, intid, level);
}

uint32_t fake_ppi_ack(unsigned cpu)
{
    uint32_t ready =
        gic_ppi_pending(cpu) & load(&fake_ppi[cpu].enabled) & ~load(&fake_ppi[cpu].active);
    uint32_t intid;

    if (ready == 0)
        return 0;
    intid = (uint32_t)__builtin_ctz(ready);
    set_bit(&fake_ppi[cpu].active, intid, true);
    set_bit(&fake_ppi[cpu].latch, intid, false);
    return intid;
}

unsigned fake_lr_count(unsigned cpu, uint32_t intid)
{
    unsigned count = 0;

    for (unsigned i = 0; i < nr_lrs; i++) {
        uint64_t lr = fake_gich[cpu].lr[i];

        count += (lr & ICH_LR_State) != 0 && vintid(lr) == intid ? 1 : 0;
    }
    return count;
}

uint64_t fake_lr_of(unsigned cpu, uint32_t intid)
{
    uint64_t found = 0;

    for (unsigned i = 0; i < nr_lrs; i++) {
        uint64_t lr = fake_gich[cpu].lr[i];

        if ((lr & ICH_LR_State) != 0 && vintid(lr) == intid)
            found = lr;
    }
    return found;
}

unsigned fake_lrs_in(unsigned cpu, uint64_t state)
{
    unsigned count = 0;

    for (unsigned i = 0; i < nr_lrs; i++)
        count += (fake_gich[cpu].lr[i] & ICH_LR_State) == state ? 1 : 0;
    return count;
}
