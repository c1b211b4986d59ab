/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hardware refuses at devices, and at addresses where nothing is, ends in the
 * exception that hardware gives, and leaves the guest alive.
 */
#include "barrier.h"
#include "exception.h"
#include "gic.h"
#include "mmio_common.h"
#include "mmu.h"
#include "sysreg.h"

#define NOWHERE   UINT64_C(0x0b000000) /* no device there on QEMU's virt */
#define PAGE_SIZE 4096

/* Windows of stage 1, each used by one case. */
#define WINDOW(n) (MMU_WINDOW_BASE + UINT64_C(0x40000000) * (n))

/* An external abort on exactly this access. */
static void expect_external(const char *what, const struct fault *fault, uint64_t address,
                            bool write)
{
    if (!fault_is_external_abort(fault)) {
        test_fail("%s at %lx: taken %d, ESR %lx", what, address, fault->taken, fault->esr);
        return;
    }
    if (!(fault->esr & ESR_FNV))
        mmio_expect("FAR", fault->far, address);
    if (!!(fault->esr & ESR_WNR) != write)
        test_fail("%s at %lx: WnR is wrong, ESR %lx", what, address, fault->esr);
}

static void aborts_at(uint64_t va)
{
    struct fault fault;
    uint64_t value = PATTERN, base = va;

    fault = FAULT_OF("ldrb %w0, [%1]" : "+r"(value) : "r"(va) : "memory");
    expect_external("ldrb", &fault, va, false);
    fault = FAULT_OF("ldrh %w0, [%1]" : "+r"(value) : "r"(va) : "memory");
    expect_external("ldrh", &fault, va, false);
    fault = FAULT_OF("ldr %w0, [%1]" : "+r"(value) : "r"(va) : "memory");
    expect_external("ldr w", &fault, va, false);
    fault = FAULT_OF("ldr %0, [%1]" : "+r"(value) : "r"(va) : "memory");
    expect_external("ldr x", &fault, va, false);
    fault = FAULT_OF("str %w0, [%1]" : : "r"(value), "r"(va) : "memory");
    expect_external("str w", &fault, va, true);
    fault = FAULT_OF("strb wzr, [%0]" : : "r"(va) : "memory");
    expect_external("strb", &fault, va, true);
    fault = FAULT_OF("ldp %0, xzr, [%1]" : "+r"(value) : "r"(va) : "memory");
    expect_external("ldp", &fault, va, false);
    fault = FAULT_OF("stp xzr, xzr, [%0]" : : "r"(va) : "memory");
    expect_external("stp", &fault, va, true);
    mmio_expect("target of aborted loads", value, PATTERN);
    fault = FAULT_OF("ldr %w0, [%1], #4" : "+r"(value), "+r"(base) : : "memory");
    expect_external("ldr, post-index", &fault, va, false);
    mmio_expect("base of an aborted load", base, va);
}

static void unclaimed(void)
{
    aborts_at(NOWHERE);
    aborts_at(NOWHERE + PAGE_SIZE - 16);
}

static void beyond_ram(void)
{
    mmu_map(WINDOW(0), platform_ram_end(), PAGE_SIZE, MMU_NORMAL);
    aborts_at(WINDOW(0));
    mmu_map(WINDOW(1), platform_ram_end() + UINT64_C(0x1000000000), PAGE_SIZE, MMU_DEVICE);
    aborts_at(WINDOW(1));
}

/* Branch there; the library comes back to x30. */
static struct fault fetch_from(uint64_t va)
{
    return FAULT_OF("blr %0" : : "r"(va) : "x30", "x0", "memory");
}

static void expect_fetch_abort(uint64_t va)
{
    struct fault fault = fetch_from(va);

    if (!fault.taken || ESR_EC(fault.esr) != ESR_EC_IABT_CUR || ESR_FSC(fault.esr) != FSC_EXTERNAL)
        test_fail("fetch from %lx: taken %d, ESR %lx", va, fault.taken, fault.esr);
    else
        mmio_expect("ELR", fault.elr, va);
}

static void fetch(void)
{
    mmu_map(WINDOW(2), NOWHERE, PAGE_SIZE, MMU_DEVICE_EXEC);
    expect_fetch_abort(WINDOW(2));
    mmu_map(WINDOW(3), platform_ram_end(), PAGE_SIZE, MMU_NORMAL);
    expect_fetch_abort(WINDOW(3));
    /* QEMU itself runs what it reads from a device. */
    if (gic_is_qemus())
        return;
    mmu_map(WINDOW(4), platform.uart.regs.address, PAGE_SIZE, MMU_DEVICE_EXEC);
    expect_fetch_abort(WINDOW(4));
}

static void zero_block(void)
{
    struct fault fault;

    mmu_map(WINDOW(5), NOWHERE, PAGE_SIZE, MMU_NORMAL);
    fault = FAULT_OF("dc zva, %0" : : "r"(WINDOW(5)) : "memory");
    CHECK(fault_is_external_abort(&fault), "DC ZVA on nothing: taken %d, ESR %lx", fault.taken,
          fault.esr);
    fault = FAULT_OF("dc zva, %0" : : "r"(NOWHERE) : "memory");
    CHECK(fault_is_external_abort(&fault) || (fault.taken && ESR_FSC(fault.esr) == FSC_ALIGNMENT),
          "DC ZVA on device memory: taken %d, ESR %lx", fault.taken, fault.esr);
    if (gic_is_qemus())
        return;
    mmu_map(WINDOW(6), platform.uart.regs.address, PAGE_SIZE, MMU_NORMAL);
    fault = FAULT_OF("dc zva, %0" : : "r"(WINDOW(6)) : "memory");
    CHECK(fault.taken && ESR_EC(fault.esr) == ESR_EC_DABT_CUR,
          "DC ZVA on the UART: taken %d, ESR %lx", fault.taken, fault.esr);
}

/* Either is allowed on devices, but nothing else: it works, or a data abort. */
static void exclusives(void)
{
    uint64_t value = 0, id = uart_address(UARTPERIPHID0);
    struct fault fault = FAULT_OF("ldxr %w0, [%1]\n clrex" : "+r"(value) : "r"(id) : "memory");

    if (fault.taken)
        CHECK(ESR_EC(fault.esr) == ESR_EC_DABT_CUR, "LDXR on the UART: ESR %lx", fault.esr);
    else
        mmio_expect("LDXR on the UART", value, 0x11);
    fault = FAULT_OF("ldxr %w0, [%1]\n clrex" : "+r"(value) : "r"(NOWHERE) : "memory");
    CHECK(fault.taken && ESR_EC(fault.esr) == ESR_EC_DABT_CUR, "LDXR on nothing: taken %d, ESR %lx",
          fault.taken, fault.esr);
    fault = FAULT_OF("ldxp %w0, wzr, [%1]\n clrex" : "+r"(value) : "r"(NOWHERE) : "memory");
    CHECK(fault.taken && ESR_EC(fault.esr) == ESR_EC_DABT_CUR, "LDXP on nothing: taken %d, ESR %lx",
          fault.taken, fault.esr);
}

static bool has_lse(void)
{
    return read_sysreg(id_aa64isar0_el1) >> 20 & 0xf;
}

static void atomics(void)
{
    struct fault fault;
    uint64_t value = 1;

    if (!has_lse()) {
        test_skip("the CPU has no LSE");
        return;
    }
    fault = FAULT_OF(".arch_extension lse\n ldadd %w0, %w0, [%1]"
                     : "+r"(value)
                     : "r"(NOWHERE)
                     : "memory");
    CHECK(fault.taken && ESR_EC(fault.esr) == ESR_EC_DABT_CUR,
          "LDADD on nothing: taken %d, ESR %lx", fault.taken, fault.esr);
    if (gic_is_qemus())
        return;
    fault = FAULT_OF(".arch_extension lse\n ldadd %w0, %w0, [%1]"
                     : "+r"(value)
                     : "r"(uart_address(UARTIBRD))
                     : "memory");
    CHECK(!fault.taken || ESR_EC(fault.esr) == ESR_EC_DABT_CUR, "LDADD on the UART: ESR %lx",
          fault.esr);
}

static void vector_loads(void)
{
    uint64_t id = uart_address(UARTPERIPHID0), cpacr = read_sysreg(cpacr_el1);
    uint64_t value = 0;
    struct fault fault;

    write_sysreg(cpacr | 3UL << 20, cpacr_el1);
    /* FP instructions are allowed from here on. */
    isb();
    fault = FAULT_OF(".arch_extension fp\n ldr s0, [%1]\n fmov %w0, s0"
                     : "+r"(value)
                     : "r"(id)
                     : "memory");
    write_sysreg(cpacr, cpacr_el1);
    isb();
    if (fault.taken)
        CHECK(fault_is_external_abort(&fault), "LDR S on the UART: ESR %lx", fault.esr);
    else
        mmio_expect("LDR S on the UART", value, 0x11);
}

/* Cache maintenance by address has nothing to do on a device, and nothing to fault on. */
static void maintenance(void)
{
    uint64_t places[] = {uart_address(0), platform.gicd.address, NOWHERE};

    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct fault fault = FAULT_OF("dc civac, %0\n dc cvac, %0\n dc cvau, %0\n ic ivau, %0\n"
                                      " dc ivac, %0\n dsb sy\n isb"
                                      :
                                      : "r"(places[i])
                                      : "memory");

        CHECK(!fault.taken, "at %lx: ESR %lx", places[i], fault.esr);
    }
    __asm__ volatile("dc csw, xzr\n dc cisw, xzr\n dc isw, xzr\n dsb sy" : : : "memory");
}

static void expect_walk_abort(uint64_t va, uint64_t table)
{
    struct fault fault;

    mmu_set_l1_table(va, table);
    fault = FAULT_OF("ldr xzr, [%0]" : : "r"(va) : "memory");
    if (!fault.taken || ESR_EC(fault.esr) != ESR_EC_DABT_CUR ||
        ESR_FSC(fault.esr) != FSC_EXT_WALK0 + 2)
        test_fail("walk through %lx: taken %d, ESR %lx", table, fault.taken, fault.esr);
    else
        mmio_expect("FAR", fault.far, va);
}

static void walk(void)
{
    expect_walk_abort(WINDOW(7), NOWHERE);
    expect_walk_abort(WINDOW(8), platform_ram_end());
    if (!gic_is_qemus())
        expect_walk_abort(WINDOW(9), platform.uart.regs.address);
}

/* Odd places may abort or not, but leave everything alive. */
static void survives(void)
{
    uint64_t base = platform.uart.regs.address, value;

    mmu_map(WINDOW(10), base, PAGE_SIZE, MMU_NORMAL_NC);
    for (unsigned offset = 1; offset < 16; offset++) {
        FAULT_OF("ldr %0, [%1]" : "=r"(value) : "r"(WINDOW(10) + UARTPERIPHID0 + offset));
        FAULT_OF("ldr %0, [%1]" : "=r"(value) : "r"(WINDOW(10) + PAGE_SIZE - offset));
    }
    for (uint32_t offset = 0; offset < 0x10000; offset += 0xffc) {
        uint64_t at = platform.gicd.address + offset;

        FAULT_OF("ldrh %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
        FAULT_OF("ldr %0, [%1]" : "=r"(value) : "r"(at & ~UINT64_C(7)) : "memory");
    }
    mmio_expect("UART's first ID byte", uart_read(UARTPERIPHID0), 0x11);
}

const struct test_case mmio_abort_cases[] = {
    {"unclaimed", unclaimed},
    {"beyond-ram", beyond_ram},
    {"fetch", fetch},
    {"zero-block", zero_block},
    {"exclusives", exclusives},
    {"atomics", atomics},
    {"vector-loads", vector_loads},
    {"maintenance", maintenance},
    {"stage1-walk", walk},
    {"survives", survives},
    {NULL, NULL},
};
