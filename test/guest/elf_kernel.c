/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel for tests of guest/elfloader/, high in virtual memory: it checks what is handed over to
 * it, maps the app where that wants to be, and has each CPU run it at EL0. The app (elf_root.c)
 * says when it is done.
 */
#include <stdbool.h>
#include <stdint.h>

#include "barrier.h"
#include "console.h"
#include "platform.h"
#include "psci.h"
#include "sysreg.h"

#define PAGE        UINT64_C(4096)
#define ENTRIES     512
#define NR_TABLES   16
#define LEAF_LEVEL  3
#define STACK_SIZE  PAGE
#define PTE_TABLE   UINT64_C(3)
#define PTE_PAGE    (UINT64_C(3) | UINT64_C(1) << 10)
#define PTE_NORMAL  (UINT64_C(4) << 2 | UINT64_C(3) << 8) /* MAIR's index, as the loader left it */
#define PTE_DEVICE  (UINT64_C(0) << 2)
#define PTE_USER    (UINT64_C(1) << 6)
#define PTE_NO_EXEC (UINT64_C(3) << 53)
#define PTE_PXN     (UINT64_C(1) << 53)
#define PTE_ADDRESS UINT64_C(0x0000fffffffff000)
#define PAR_FAILED  UINT64_C(1)
#define ESR_EC(esr) (((esr) >> 26) & 0x3f)
#define EC_SVC      0x15
#define CALL_PRINT  1 /* x8: the app's calls; x0: a number to print, or the status */
#define CALL_EXIT   2

extern char kernel_entry[], kernel_vectors[];
_Noreturn void kernel_enter_user(uint64_t entry, uint64_t stack, uint64_t cpu);
void kernel_main(const uint64_t handed[6]);
uint64_t kernel_call(uint64_t x0, uint64_t x8);
_Noreturn void kernel_fault(uint64_t esr, uint64_t elr, uint64_t far);

static uint64_t root[ENTRIES] __attribute__((aligned(4096)));
static uint64_t tables[NR_TABLES][ENTRIES] __attribute__((aligned(4096)));
static unsigned tables_used;
static bool ready;                        /* the tables are built */
static uint64_t initialised = 0x600d600d; /* of .data */
static uint64_t zeroed[1024];

static _Noreturn void stop(const char *why, uint64_t value)
{
    printf("kernel: error: %s: 0x%lx\n", why, value);
    psci_call(PSCI_CPU_OFF, 0, 0, 0);
    for (;;)
        ;
}

void kernel_fault(uint64_t esr, uint64_t elr, uint64_t far)
{
    printf("kernel: fault: ESR 0x%lx ELR 0x%lx FAR 0x%lx\n", esr, elr, far);
    stop("fault at EL1", esr);
}

/* Where a byte of the kernel's is in memory. */
static uint64_t physical(const void *pointer)
{
    uint64_t par;

    __asm__ volatile("at s1e1r, %1; isb; mrs %0, par_el1" : "=r"(par) : "r"(pointer) : "memory");
    if ((par & PAR_FAILED) != 0)
        stop("an address of the kernel's is not mapped", (uintptr_t)pointer);
    return (par & PTE_ADDRESS) | ((uintptr_t)pointer & (PAGE - 1));
}

static void map_page(uint64_t va, uint64_t pa, uint64_t attributes)
{
    uint64_t offset = (uintptr_t)root - physical(root);
    uint64_t *table = root;

    for (unsigned level = 0; level < LEAF_LEVEL; level++) {
        uint64_t *entry = &table[va >> (12 + 9 * (LEAF_LEVEL - level)) & (ENTRIES - 1)];

        if (*entry == 0) {
            if (tables_used == NR_TABLES)
                stop("too few tables", va);
            *entry = physical(tables[tables_used++]) | PTE_TABLE;
        }
        table = (uint64_t *)((*entry & PTE_ADDRESS) + offset);
    }
    table[va >> 12 & (ENTRIES - 1)] = pa | PTE_PAGE | attributes;
}

/* x0 to x3 are the app's memory, what makes its addresses physical, and its entry. */
static void check_handed(const uint64_t handed[6])
{
    uint64_t entry = handed[3] + handed[2];

    if ((handed[0] | handed[1]) % PAGE != 0 || handed[0] >= handed[1])
        stop("x0, x1 are no pages", handed[0]);
    if (entry < handed[0] || entry >= handed[1])
        stop("x3 is outside of x0 to x1", entry);
    if (fdt_size((const void *)handed[4]) != handed[5])
        stop("x4, x5 are no tree", handed[4]);
    if (initialised != 0x600d600d)
        stop(".data is not as linked", initialised);
    for (unsigned i = 0; i < sizeof(zeroed) / sizeof(zeroed[0]); i++)
        if (zeroed[i] != 0)
            stop(".bss is not zeroed", zeroed[i]);
}

/* Is the kernel's code read-only, as its program headers say? */
static void check_window(void)
{
    uint64_t par;

    __asm__ volatile("at s1e1w, %1; isb; mrs %0, par_el1"
                     : "=r"(par)
                     : "r"(kernel_entry)
                     : "memory");
    if ((par & PAR_FAILED) == 0)
        stop("the kernel's code can be written", par);
    __asm__ volatile("at s1e1w, %1; isb; mrs %0, par_el1" : "=r"(par) : "r"(root) : "memory");
    if ((par & PAR_FAILED) != 0)
        stop("the kernel's data can't be written", par);
}

static void build_tables(const uint64_t handed[6])
{
    uint64_t uart = platform.uart.regs.address & ~(PAGE - 1);

    map_page(uart, uart, PTE_DEVICE | PTE_NO_EXEC);
    for (uint64_t pa = handed[0]; pa < handed[1]; pa += PAGE)
        map_page(pa - handed[2], pa, PTE_NORMAL | PTE_USER | PTE_PXN);
    /* The walker sees the entries before a CPU is told to use them. */
    dsb(ishst);
}

static void use_tables(void)
{
    write_sysreg((uintptr_t)kernel_vectors, vbar_el1);
    write_sysreg(physical(root), ttbr0_el1);
    /* The new tables are in use, nothing of the loader's is left, before what follows. */
    isb();
    __asm__ volatile("tlbi vmalle1; dsb nsh; isb" : : : "memory");
}

void kernel_main(const uint64_t handed[6])
{
    uint64_t cpu = read_sysreg(tpidr_el1);
    uint64_t start = handed[0], end = handed[1], moved = handed[2], entry = handed[3];

    if (cpu == 0) {
        check_handed(handed);
        check_window();
        platform_init((const void *)handed[4]); /* the tree is still where it is */
        build_tables(handed);
        use_tables();
        printf("kernel: at 0x%lx, in memory at 0x%lx: app [0x%lx, 0x%lx], entry 0x%lx\n",
               (uintptr_t)kernel_entry, physical(kernel_entry), start, end - 1, entry);
        __atomic_store_n(&ready, true, __ATOMIC_RELEASE);
    } else {
        while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
            __asm__ volatile("yield");
        use_tables();
    }
    printf("kernel: CPU %lu enters the root task\n", cpu);
    kernel_enter_user(entry, end - moved - cpu * STACK_SIZE, cpu);
}

uint64_t kernel_call(uint64_t x0, uint64_t x8)
{
    uint64_t esr = read_sysreg(esr_el1);

    if (ESR_EC(esr) != EC_SVC)
        kernel_fault(esr, read_sysreg(elr_el1), read_sysreg(far_el1));
    if (x8 == CALL_PRINT) {
        printf("root task: CPUs 0x%lx are here\n", x0);
        return 0;
    }
    printf("root task: done, status %lu\n", x0);
    if (x0 != 0)
        stop("the root task has failed", x0);
    psci_system_off();
}
