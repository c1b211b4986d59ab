/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each function below breaks one rule that EL2's own map, the compiler or the CPU shall enforce.
 * See check/sabotage.h. Not part of a usual build.
 */
#include "check/sabotage.h"

#include <libfdt.h>
#include <limits.h>
#include <stddef.h>

#include "cache.h"
#include "check/device_ring.h"
#include "check/invariants.h"
#include "image.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/pte.h"
#include "trap/panic.h"
#include "vm/vm.h"

#define STACK_STEP   256
#define SMASH_BYTES  64
#define FRAME_BYTES  16
#define GIVEN_BYTES  16
#define UNMAPPED     UINT64_C(0x800)       /* below any RAM or device that EL2 maps */
#define FREE_IPA     UINT64_C(0x100000000) /* above the RAM of the tree that is used */
#define INSN_BTI_C   0xd503245fU
#define INSN_RET     0xd65f03c0U
#define SABOTAGE(fn) __attribute__((noinline)) static void fn(void)

/* Code, but in memory that is written. */
static uint32_t code_in_data[] = {INSN_BTI_C, INSN_RET};

static void store(uint64_t address)
{
    __asm__ volatile("str wzr, [%0]" : : "r"(address) : "memory");
}

static void call(uint64_t address)
{
    __asm__ volatile("blr %0" : : "r"(address) : "x30", "memory");
}

SABOTAGE(write_text)
{
    store(image_text().base.v);
}

SABOTAGE(write_rodata)
{
    store(image_rodata().base.v);
}

SABOTAGE(write_guard)
{
    store(image_stack_guard(1).v + 8);
}

SABOTAGE(read_unmapped)
{
    __asm__ volatile("ldr xzr, [%0]" : : "r"(UNMAPPED) : "memory");
}

SABOTAGE(execute_data)
{
    cache_clean_poc(code_in_data, sizeof(code_in_data));
    cache_inval_icache_all();
    call(ptr_to_pa(code_in_data).v);
}

SABOTAGE(execute_rodata)
{
    call(image_rodata().base.v);
}

static volatile unsigned depth = UINT_MAX;

/* Frames until the stack has no more room; the result keeps each of them. */
__attribute__((noinline)) static unsigned deeper(volatile char *above)
{
    volatile char frame[STACK_STEP];

    frame[0] = above[0];
    if (--depth == 0)
        return 0;
    return deeper(frame) + (unsigned)frame[0];
}

SABOTAGE(overrun_stack)
{
    volatile char frame[1] = {0};

    (void)deeper(frame);
}

__attribute__((noinline)) static void fill(volatile char *buffer, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        buffer[i] = 0;
}

SABOTAGE(smash_stack)
{
    volatile char buffer[FRAME_BYTES];

    fill(buffer, SMASH_BYTES);
}

/* Past the landing pad of a function. */
SABOTAGE(branch_anywhere)
{
    void (*fn)(void) = write_guard;

    call((uint64_t)(uintptr_t)fn + sizeof(uint32_t));
}

/* A return address that nobody has signed, as an overrun of the frame below would leave it. */
SABOTAGE(forge_return)
{
    volatile uint64_t *frame = __builtin_frame_address(0);

    frame[1] = (uint64_t)(uintptr_t)write_guard;
    __asm__ volatile("" : : : "x30"); /* so that it does return by the frame */
}

SABOTAGE(overflow)
{
    volatile int big = INT_MAX;

    big = big + 1;
}

/* With the stack and the frame pointer in a guard page, the report of it fails as well. */
SABOTAGE(lose_stack)
{
    __asm__ volatile("mov sp, %0\n"
                     "mov x29, %0\n"
                     "str xzr, [sp]"
                     :
                     : "r"(image_stack_guard(1).v + SMASH_BYTES)
                     : "memory");
}

/* ---- The maps, which a walk looks after (check/invariants.c) ---- */

static struct vm *guest;
static struct pgtable *own_map;

static void map_to_guest(pa_t page)
{
    if (stage2_map(&guest->stage2, ipa(FREE_IPA), page, PAGE_SIZE, STAGE2_READ) != 0)
        panic("sabotage: no room at 0x%lx", FREE_IPA);
}

SABOTAGE(map_hypervisor)
{
    map_to_guest(image_text().base);
}

SABOTAGE(map_table)
{
    map_to_guest(ptr_to_pa(guest->stage2.table.root));
}

SABOTAGE(map_image)
{
    map_to_guest(guest->config.kernel.base);
}

SABOTAGE(map_twice)
{
    map_to_guest(pa(guest->mem.region[0].pa.v + PAGE_SIZE));
}

/* Rights of one page of EL2's own. */
static void allow(pa_t page, uint64_t clear)
{
    if (pgtable_protect(own_map, page.v, PAGE_SIZE, clear, 0) != 0)
        panic("sabotage: 0x%lx is not mapped", page.v);
    invariants_expect(&guest->stage2.table);
}

SABOTAGE(open_rodata)
{
    allow(image_rodata().base, PTE_S1_AP_RO);
}

SABOTAGE(open_guest_ram)
{
    allow(guest->mem.region[0].pa, PTE_S1_XN);
}

SABOTAGE(open_guard)
{
    pa_t page = image_stack_guard(1);

    if (pgtable_map(own_map, page.v, page, PAGE_SIZE, PTE_AF | PTE_S1_AP_RES1 | PTE_S1_XN) != 0)
        panic("sabotage: 0x%lx was mapped", page.v);
    invariants_expect(&guest->stage2.table);
}

/* A machine's device, which would read EL2's code. */
SABOTAGE(give_hypervisor)
{
    static struct virtio_ring ring = {.size = 1, .nr_free = 1};
    static struct virtq_chain chain = {.nr_read = 1, .nr_segs = 1};

    chain.seg[0] = (struct virtq_seg){pa_to_ptr(image_text().base), GIVEN_BYTES};
    if (virtio_ring_add(&ring, &chain) != 0)
        panic("sabotage: no room in a ring");
    device_ring_expect(&ring, NULL);
}

static const struct {
    const char *name;
    void (*fn)(void);
} kinds[] = {
    {"write-text", write_text},
    {"write-rodata", write_rodata},
    {"write-guard", write_guard},
    {"read-unmapped", read_unmapped},
    {"execute-data", execute_data},
    {"execute-rodata", execute_rodata},
    {"overrun-stack", overrun_stack},
    {"smash-stack", smash_stack},
    {"branch-anywhere", branch_anywhere},
    {"forge-return", forge_return},
    {"overflow", overflow},
    {"lose-stack", lose_stack},
    {"map-hypervisor", map_hypervisor},
    {"map-table", map_table},
    {"map-image", map_image},
    {"map-twice", map_twice},
    {"open-rodata", open_rodata},
    {"open-guest-ram", open_guest_ram},
    {"open-guard", open_guard},
    {"give-hypervisor", give_hypervisor},
};

void sabotage(const void *fdt, struct vm *vm, struct pgtable *hyp_map)
{
    const char *name = fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "traproom,sabotage", NULL);

    if (name == NULL)
        return;
    if (strcmp(name, "change-stage2") == 0) {
        sabotage_stage2_start(vm);
        return;
    }
    guest = vm;
    own_map = hyp_map;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            kinds[i].fn();
            panic("sabotage %s was not stopped", name);
        }
    }
    panic("there is no sabotage %s", name);
}
