/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VM with three devices that record what they are asked, and a vCPU that takes stage 2 faults:
 * for the tests of trap/abort.c. The guest's instruction is what `guest_code` says.
 */
#ifndef ABORT_FIXTURE_H
#define ABORT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/log.h"
#include "mm/phys.h"
#include "regs.h"
#include "sysreg.h"
#include "tlb.h"
#include "trap/abort.h"
#include "trap/esr.h"
#include "trap/guest_insn.h"
#include "vm/vm.h"

_Thread_local struct fake_sysreg fake_sysreg;
struct fake_tlb fake_tlb;

#define DEV     UINT64_C(0x09000000) /* a device of a page */
#define NEXT    UINT64_C(0x09001000) /* another one right behind it, of 512 bytes */
#define TINY    UINT64_C(0x0a000000) /* one of 6 bytes */
#define NOTHING UINT64_C(0x0b000000)
#define VA_BASE UINT64_C(0xffff800000000000) /* where the guest has its first GiB mapped */
#define TABLES  UINT64_C(0x40000000)         /* of its stage 1: two pages of RAM */
#define MAPPED  UINT64_C(0x0c000000)         /* in stage 2 if a test puts it there */
#define PC      UINT64_C(0xffff800008000100)
#define VECTORS UINT64_C(0xffff800010010000)
#define A32_USR PSR_M_nRW

#define TRANSLATION_L3 UINT64_C(0x07)
#define DABT           (FIELD_PREP(ESR_ELx_EC, ESR_EC_DABT_LOW) | ESR_ELx_IL)
#define IABT           (FIELD_PREP(ESR_ELx_EC, ESR_EC_IABT_LOW) | ESR_ELx_IL)
/* A valid instruction syndrome: log2 of the size, register; for loads 64-bit, signed. */
#define ISS(log2, reg)                                                                             \
    (DABT | ISS_ABORT_ISV | FIELD_PREP(ISS_ABORT_SAS, log2) | FIELD_PREP(ISS_ABORT_SRT, reg) |     \
     TRANSLATION_L3)
#define NO_ISS (DABT | TRANSLATION_L3)
#define WRITE  ISS_ABORT_WnR
#define SIGNED ISS_ABORT_SSE
#define WIDE   ISS_ABORT_SF

/* A device that keeps what it was asked and answers with what it was told. */
struct recorder {
    unsigned count;
    struct mmio_access seen[4];
    uint64_t answer[4];
    unsigned abort_at; /* from this access on it answers MMIO_ABORT */
};

static struct vm vm;
static struct vcpu *vcpu;
static uint64_t tables[2 * SIZE_4K / sizeof(uint64_t)] __attribute__((aligned(SIZE_4K)));
static uint8_t pool_memory[8 * SIZE_4K] __attribute__((aligned(SIZE_4K)));
static struct page_pool pool;
static struct recorder dev, next;
static uint32_t guest_code;
static int fetch_result;

static bool guest_spoke;
static char logged[256]; /* the latest line */

bool console_guest_spoke(void)
{
    return guest_spoke;
}

void log_print(enum log_kind kind, const char *fmt, ...)
{
    va_list ap;

    assert_int_equal(kind, LOG_WARNING);
    va_start(ap, fmt);
    vsnprintf(logged, sizeof(logged), fmt, ap);
    va_end(ap);
}

static enum mmio_result record(void *opaque, struct mmio_access *access)
{
    struct recorder *r = opaque;

    assert_true(r->count < ARRAY_SIZE(r->seen));
    r->seen[r->count] = *access;
    if (!access->write)
        access->value = r->answer[r->count];
    return r->count++ >= r->abort_at ? MMIO_ABORT : MMIO_OK;
}

int guest_insn_fetch(const struct vcpu *v, uint32_t *insn)
{
    assert_ptr_equal(v, vcpu);
    if ((v->regs.pstate & PSR_M_nRW) != 0)
        return -ERR_UNSUPPORTED;
    *insn = guest_code;
    return fetch_result;
}

static void add(uint64_t base, uint64_t size, struct recorder *r, enum exit_reason reason)
{
    assert_int_equal(mmio_bus_add(&vm.bus, (struct ipa_range){ipa(base), size}, record, r, reason),
                     0);
}

/* Stage 1 with 4 KiB pages and 48 bits of address; stage 2 with nothing. */
static void make_maps(void)
{
    fake_sysreg = (struct fake_sysreg){
        .vbar_el1 = VECTORS,
        .sctlr_el1 = SCTLR_EL1_SPAN | SCTLR_EL1_M,
        .tcr_el1 = FIELD_PREP(TCR_EL1_T1SZ, 16) | FIELD_PREP(TCR_EL1_TG1, 2) | 16,
        .ttbr1_el1 = TABLES,
        .id_aa64mmfr0_el1 = 5, /* 48 bits */
    };
    memset(tables, 0, sizeof(tables));
    tables[VA_BASE >> 39 & 511] = (TABLES + SIZE_4K) | 3;
    tables[512] = 0x401; /* a block with its access flag set */
    vm.mem.count = 1;
    vm.mem.region[0] = (struct ram_region){ipa(TABLES), ptr_to_pa(tables), sizeof(tables)};
    page_pool_init(&pool, pool_memory, sizeof(pool_memory) / SIZE_4K);
    assert_int_equal(stage2_init(&vm.stage2, &pool, 1, 5, 0), 0);
}

static int scene(void **state)
{
    (void)state;
    memset(&vm, 0, sizeof(vm));
    make_maps();
    vcpu = &vm.vcpu[3];
    *vcpu = (struct vcpu){.index = 3, .vm = &vm};
    vcpu->regs.pc = PC;
    vcpu->regs.pstate = PSR_M_EL1h;
    for (unsigned i = 0; i < 31; i++)
        vcpu->regs.x[i] = UINT64_C(0x8081828384858600) + i;
    dev = (struct recorder){.abort_at = ~0u};
    next = (struct recorder){.abort_at = ~0u};
    guest_code = 0;
    fetch_result = 0;
    guest_spoke = false;
    logged[0] = '\0';
    mmio_bus_init(&vm.bus);
    add(DEV, 0x1000, &dev, EXIT_MMIO_DEVICE);
    add(NEXT, 0x200, &next, EXIT_MMIO_DEVICE + 1);
    add(TINY, 6, &dev, EXIT_MMIO_GICD);
    vcpu->last_region = mmio_bus_find(&vm.bus, ipa(DEV));
    return 0;
}

/* Through the short path first, as in exit.c, or by the long one alone. */
static void (*take_data_abort)(struct vcpu *vcpu, uint64_t esr) = abort_fast;

/* FAR_EL2 and HPFAR_EL2 as a fault of `where` leaves them. */
static void fault_at(uint64_t where)
{
    fake_sysreg.far_el2 = VA_BASE + where;
    fake_sysreg.hpfar_el2 = where >> 12 << 4;
}

static void data_fault(uint64_t esr, uint64_t where)
{
    fault_at(where);
    take_data_abort(vcpu, esr);
}

static uint64_t total_exits(void)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < EXIT_REASON_COUNT; i++)
        total += vcpu->exits[i];
    return total;
}

/* The access was carried out: counted once under `reason`, the guest behind the instruction. */
static void expect_done(enum exit_reason reason)
{
    assert_int_equal(vcpu->exits[reason], 1);
    assert_int_equal(total_exits(), 1);
    assert_int_equal(vcpu->regs.pc, PC + 4);
    assert_int_equal(fake_sysreg.esr_el1, 0);
}

/* The guest got this abort, at `far`, at its vector for EL1h. */
static void expect_abort(uint64_t esr, uint64_t far)
{
    assert_int_equal(vcpu->exits[EXIT_ABORT], 1);
    assert_int_equal(total_exits(), 1);
    assert_int_equal(fake_sysreg.esr_el1, esr);
    assert_int_equal(fake_sysreg.far_el1, VA_BASE + far);
    assert_int_equal(fake_sysreg.elr_el1, PC);
    assert_int_equal(vcpu->regs.pc, VECTORS + 0x200);
}

static void expect_seen(const struct recorder *r, unsigned n, uint64_t offset, unsigned size,
                        bool write, uint64_t value)
{
    assert_true(n < r->count);
    assert_int_equal(r->seen[n].offset, offset);
    assert_int_equal(r->seen[n].size, size);
    assert_int_equal(r->seen[n].write, write);
    assert_int_equal(r->seen[n].vcpu, 3);
    assert_int_equal(r->seen[n].value, value);
}

#endif
