/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses to emulated devices, and to addresses where nothing is: every size and form
 * of load and store reads and writes what the instruction says, and what hardware would
 * refuse ends in the exception that hardware gives.
 */
#include "barrier.h"
#include "console.h"
#include "exception.h"
#include "gic.h"
#include "mmu.h"
#include "platform.h"
#include "sysreg.h"
#include "testcase.h"

#define SPI       96                   /* no device has it */
#define NOWHERE   UINT64_C(0x0b000000) /* no device there on QEMU's virt */
#define PAGE_SIZE 4096
#define PATTERN   UINT64_C(0x5a5a5a5a5a5a5a5a)

/* Windows of stage 1, each used by one case. */
#define WINDOW(n) (MMU_WINDOW_BASE + UINT64_C(0x40000000) * (n))

static uint64_t priority_address(uint32_t intid)
{
    return platform.gicd.address + GICD_IPRIORITYR + intid;
}

static uint64_t router_address(uint32_t intid)
{
    return platform.gicd.address + GICD_IROUTER + UINT64_C(8) * intid;
}

static uint64_t uart_address(uint32_t offset)
{
    return platform.uart.regs.address + offset;
}

#define LOAD(text, address)                                                                        \
    ({                                                                                             \
        uint64_t value_ = PATTERN;                                                                 \
        __asm__ volatile(text : "+r"(value_) : "r"((uint64_t)(address)) : "memory");               \
        value_;                                                                                    \
    })
#define STORE(text, address, value)                                                                \
    __asm__ volatile(text : : "r"((uint64_t)(value)), "r"((uint64_t)(address)) : "memory")

static void set_priorities(uint32_t value)
{
    STORE("str %w0, [%1]", priority_address(SPI), value);
    STORE("str %w0, [%1]", priority_address(SPI + 4), value);
}

static void expect(const char *what, uint64_t got, uint64_t wanted)
{
    if (got != wanted)
        test_fail("%s is %lx, not %lx", what, got, wanted);
}

static void sizes(void)
{
    uint64_t affinity = platform.mpidr[0];

    set_priorities(0);
    STORE("strb %w0, [%1]", priority_address(SPI + 1), 0xa0);
    STORE("strb %w0, [%1]", priority_address(SPI + 3), 0xc0);
    expect("word after byte stores", LOAD("ldr %w0, [%1]", priority_address(SPI)), 0xc000a000);
    expect("byte", LOAD("ldrb %w0, [%1]", priority_address(SPI + 3)), 0xc0);
    STORE("strh %w0, [%1]", uart_address(UARTIBRD), 0x8001);
    expect("halfword", LOAD("ldrh %w0, [%1]", uart_address(UARTIBRD)), 0x8001);
    STORE("str %0, [%1]", router_address(SPI), affinity | IROUTER_IRM);
    expect("doubleword", LOAD("ldr %0, [%1]", router_address(SPI)) & IROUTER_IRM, IROUTER_IRM);
    STORE("str %0, [%1]", router_address(SPI), affinity);
    expect("doubleword", LOAD("ldr %0, [%1]", router_address(SPI)), affinity);
}

static void sign_extension(void)
{
    set_priorities(0xa0a0a0a0);
    expect("ldrsb w", LOAD("ldrsb %w0, [%1]", priority_address(SPI)), 0xffffffa0);
    expect("ldrsb x", LOAD("ldrsb %0, [%1]", priority_address(SPI)), 0xffffffffffffffa0);
    expect("ldrsw x", LOAD("ldrsw %0, [%1]", priority_address(SPI)), 0xffffffffa0a0a0a0);
    STORE("strh %w0, [%1]", uart_address(UARTIBRD), 0x8001);
    expect("ldrsh w", LOAD("ldrsh %w0, [%1]", uart_address(UARTIBRD)), 0xffff8001);
    expect("ldrsh x", LOAD("ldrsh %0, [%1]", uart_address(UARTIBRD)), 0xffffffffffff8001);
    set_priorities(0x10101010);
    expect("ldrsb x, positive", LOAD("ldrsb %0, [%1]", priority_address(SPI)), 0x10);
}

static void zero_register(void)
{
    set_priorities(0xa0a0a0a0);
    STORE("str wzr, [%1]", priority_address(SPI), 0);
    expect("word after str wzr", LOAD("ldr %w0, [%1]", priority_address(SPI)), 0);
    expect("register beside ldr xzr", LOAD("ldr xzr, [%1]", router_address(SPI)), PATTERN);
    expect("register beside ldr wzr", LOAD("ldr wzr, [%1]", priority_address(SPI)), PATTERN);
}

/* Each register as data in turn, so that none is mixed up with another. */
static void every_register(void)
{
    uint64_t id = uart_address(UARTPERIPHID0), value;

#define TRY_REGISTER(n)                                                                            \
    do {                                                                                           \
        __asm__ volatile("mov x" #n ", #-1\n ldr w" #n ", [%1]\n mov %0, x" #n                     \
                         : "=r"(value)                                                             \
                         : "r"(id)                                                                 \
                         : "x" #n, "memory");                                                      \
        expect("x" #n, value, 0x11);                                                               \
    } while (0)
    TRY_REGISTER(0);
    TRY_REGISTER(1);
    TRY_REGISTER(2);
    TRY_REGISTER(7);
    TRY_REGISTER(8);
    TRY_REGISTER(15);
    TRY_REGISTER(16);
    TRY_REGISTER(17);
    TRY_REGISTER(18);
    TRY_REGISTER(19);
    TRY_REGISTER(20);
    TRY_REGISTER(25);
    TRY_REGISTER(28);
    TRY_REGISTER(30);
}

/* These come to a hypervisor without a valid syndrome. */
static void pairs(void)
{
    uint64_t a = PATTERN, b = PATTERN;

    __asm__ volatile("ldp %w0, %w1, [%2]"
                     : "=r"(a), "=r"(b)
                     : "r"(uart_address(UARTPERIPHID0))
                     : "memory");
    expect("first of ldp w", a, 0x11);
    expect("second of ldp w", b, 0x10);
    __asm__ volatile("stp %w0, %w1, [%2]"
                     :
                     : "r"(0xa0a0a0a0), "r"(0x10101010), "r"(priority_address(SPI))
                     : "memory");
    expect("first of stp w", LOAD("ldr %w0, [%1]", priority_address(SPI)), 0xa0a0a0a0);
    expect("second of stp w", LOAD("ldr %w0, [%1]", priority_address(SPI + 4)), 0x10101010);
    __asm__ volatile("ldpsw %0, %1, [%2]"
                     : "=&r"(a), "=&r"(b)
                     : "r"(priority_address(SPI))
                     : "memory");
    expect("first of ldpsw", a, 0xffffffffa0a0a0a0);
    expect("second of ldpsw", b, 0x10101010);
    __asm__ volatile("stp %0, xzr, [%1]" : : "r"(IROUTER_IRM), "r"(router_address(SPI)) : "memory");
    __asm__ volatile("ldp %0, %1, [%2]" : "=&r"(a), "=&r"(b) : "r"(router_address(SPI)) : "memory");
    expect("first of ldp x", a, IROUTER_IRM);
    expect("second of ldp x", b, 0);
}

#define WRITE_BACK_LOAD(text, address, wanted, moved)                                              \
    do {                                                                                           \
        uint64_t base_ = (address), value_ = PATTERN;                                              \
        __asm__ volatile(text : "=&r"(value_), "+r"(base_) : : "memory");                          \
        expect(text, value_, wanted);                                                              \
        expect("base after " text, base_ - (address), (uint64_t)(moved));                          \
    } while (0)
#define WRITE_BACK_STORE(text, address, value, moved)                                              \
    do {                                                                                           \
        uint64_t base_ = (address);                                                                \
        __asm__ volatile(text : "+r"(base_) : "r"((uint64_t)(value)) : "memory");                  \
        expect("base after " text, base_ - (address), (uint64_t)(moved));                          \
    } while (0)

static void write_back(void)
{
    uint64_t id = uart_address(UARTPERIPHID0), priority = priority_address(SPI);

    set_priorities(0xa0a0a0a0);
    WRITE_BACK_LOAD("ldr %w0, [%1], #4", id, 0x11, 4);
    WRITE_BACK_LOAD("ldr %w0, [%1, #4]!", id, 0x10, 4);
    WRITE_BACK_LOAD("ldr %w0, [%1, #-4]!", id + 4, 0x11, -4);
    WRITE_BACK_LOAD("ldrb %w0, [%1], #1", priority, 0xa0, 1);
    WRITE_BACK_LOAD("ldrsb %0, [%1], #-256", priority, 0xffffffffffffffa0, -256);
    WRITE_BACK_LOAD("ldrsb %w0, [%1, #1]!", priority, 0xffffffa0, 1);
    WRITE_BACK_LOAD("ldrsw %0, [%1], #255", priority, 0xffffffffa0a0a0a0, 255);
    WRITE_BACK_LOAD("ldp %w0, wzr, [%1], #8", id, 0x11, 8);
    WRITE_BACK_LOAD("ldp wzr, %w0, [%1, #-8]!", id + 8, 0x10, -8);
    WRITE_BACK_STORE("str %w1, [%0], #4", priority, 0x40404040, 4);
    expect("stored, post-index", LOAD("ldr %w0, [%1]", priority), 0x40404040);
    WRITE_BACK_STORE("strb %w1, [%0, #1]!", priority, 0x80, 1);
    expect("stored, pre-index", LOAD("ldr %w0, [%1]", priority), 0x40408040);
    WRITE_BACK_STORE("stp %w1, wzr, [%0], #-16", priority, 0x20202020, -16);
    expect("stored, pair", LOAD("ldr %w0, [%1]", priority), 0x20202020);
    expect("stored, pair", LOAD("ldr %w0, [%1]", priority + 4), 0);
}

static void addressing(void)
{
    uint64_t id = uart_address(UARTPERIPHID0), value = PATTERN;

    expect("unscaled", LOAD("ldur %w0, [%1, #-4]", id + 4), 0x11);
    __asm__ volatile("ldr %w0, [%1, %2, lsl #2]" : "=r"(value) : "r"(id), "r"(1UL) : "memory");
    expect("register offset", value, 0x10);
    __asm__ volatile("ldr %w0, [%1, %w2, sxtw]" : "=r"(value) : "r"(id + 8), "r"(-8) : "memory");
    expect("extended offset", value, 0x11);
    expect("load-acquire", LOAD("ldar %w0, [%1]", id), 0x11);
    STORE("stlr %w0, [%1]", priority_address(SPI), 0x60606060);
    expect("store-release", LOAD("ldr %w0, [%1]", priority_address(SPI)), 0x60606060);
}

/* An external abort on exactly this access. */
static void expect_external(const char *what, const struct fault *fault, uint64_t address,
                            bool write)
{
    if (!fault_is_external_abort(fault)) {
        test_fail("%s at %lx: taken %d, ESR %lx", what, address, fault->taken, fault->esr);
        return;
    }
    if (!(fault->esr & ESR_FNV))
        expect("FAR", fault->far, address);
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
    expect("target of aborted loads", value, PATTERN);
    fault = FAULT_OF("ldr %w0, [%1], #4" : "+r"(value), "+r"(base) : : "memory");
    expect_external("ldr, post-index", &fault, va, false);
    expect("base of an aborted load", base, va);
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
        expect("ELR", fault.elr, va);
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
        expect("LDXR on the UART", value, 0x11);
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
        expect("LDR S on the UART", value, 0x11);
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
        expect("FAR", fault.far, va);
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
    expect("UART's first ID byte", uart_read(UARTPERIPHID0), 0x11);
}

static const struct test_case cases[] = {
    {"sizes", sizes},
    {"sign-extension", sign_extension},
    {"zero-register", zero_register},
    {"every-register", every_register},
    {"pairs", pairs},
    {"write-back", write_back},
    {"addressing", addressing},
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
};

TEST_MAIN(cases)
