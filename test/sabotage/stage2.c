/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 2 changed under a running guest, as a monitor, or a copy of its memory, would: now and then
 * all of its RAM is read-only, and is as before by the time that EL2 looks at the fault. The guest
 * must not notice. On the same CPU another VM's map is changed meanwhile. See check/sabotage.h;
 * sabotage.c turns it on; for one vCPU.
 */
#include <stdbool.h>

#include "check/sabotage.h"
#include "lib/bits.h"
#include "mm/phys.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/panic.h"
#include "vm/vm.h"

#define INTERRUPTS 16 /* from one change to the next */
#define OTHER_VMID 7
#define ALL        (STAGE2_READ | STAGE2_WRITE | STAGE2_EXEC)

static bool on;
static bool read_only;
static unsigned interrupts;
static struct stage2 other;

static void must(int err)
{
    if (err != 0)
        panic("sabotage: stage 2 does not change: %d", err);
}

void sabotage_stage2_start(const struct vm *vm)
{
    must(stage2_init(&other, vm->stage2.table.pool, OTHER_VMID, read_sysreg(id_aa64mmfr0_el1),
                     read_sysreg(id_aa64mmfr1_el1)));
    on = true;
}

static void protect_ram(struct vm *vm, unsigned perms)
{
    for (unsigned i = 0; i < vm->mem.count; i++)
        must(stage2_protect(&vm->stage2, vm->mem.region[i].ipa, vm->mem.region[i].size, perms));
}

/* One block, split and emptied: both kinds of flush, for a VMID that is not loaded. */
static void change_other(const struct vm *vm)
{
    ipa_t where = vm->mem.region[0].ipa;
    uint64_t loaded = read_sysreg(vttbr_el2);

    must(stage2_map(&other, where, vm->mem.region[0].pa, SIZE_2M, STAGE2_READ));
    must(stage2_unmap(&other, where, SIZE_4K));
    must(stage2_unmap(&other, where, SIZE_2M));
    if (read_sysreg(vttbr_el2) != loaded || loaded != stage2_vttbr(&vm->stage2))
        panic("sabotage: another VM's VTTBR_EL2 is loaded");
}

void sabotage_exit(struct vm *vm, bool sync)
{
    if (on && sync && read_only) {
        read_only = false;
        protect_ram(vm, ALL);
    } else if (on && !sync && !read_only && ++interrupts % INTERRUPTS == 0) {
        read_only = true;
        protect_ram(vm, STAGE2_READ | STAGE2_EXEC);
        change_other(vm);
    }
}
