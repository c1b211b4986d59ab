/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses to emulated devices: every size and form of load and store reads and writes
 * what the instruction says. mmio_abort.c has what hardware refuses.
 */
#include "mmio_common.h"

#include "gic.h"
#include "guest.h"

#define SPI 96 /* no device has it */

static uint64_t priority_address(uint32_t intid)
{
    return platform.gicd.address + GICD_IPRIORITYR + intid;
}

static uint64_t router_address(uint32_t intid)
{
    return platform.gicd.address + GICD_IROUTER + UINT64_C(8) * intid;
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

void mmio_expect(const char *what, uint64_t got, uint64_t wanted)
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
    mmio_expect("word after byte stores", LOAD("ldr %w0, [%1]", priority_address(SPI)), 0xc000a000);
    mmio_expect("byte", LOAD("ldrb %w0, [%1]", priority_address(SPI + 3)), 0xc0);
    STORE("strh %w0, [%1]", uart_address(UARTIBRD), 0x8001);
    mmio_expect("halfword", LOAD("ldrh %w0, [%1]", uart_address(UARTIBRD)), 0x8001);
    STORE("str %0, [%1]", router_address(SPI), affinity | IROUTER_IRM);
    mmio_expect("doubleword", LOAD("ldr %0, [%1]", router_address(SPI)) & IROUTER_IRM, IROUTER_IRM);
    STORE("str %0, [%1]", router_address(SPI), affinity);
    mmio_expect("doubleword", LOAD("ldr %0, [%1]", router_address(SPI)), affinity);
}

static void sign_extension(void)
{
    set_priorities(0xa0a0a0a0);
    mmio_expect("ldrsb w", LOAD("ldrsb %w0, [%1]", priority_address(SPI)), 0xffffffa0);
    mmio_expect("ldrsb x", LOAD("ldrsb %0, [%1]", priority_address(SPI)), 0xffffffffffffffa0);
    mmio_expect("ldrsw x", LOAD("ldrsw %0, [%1]", priority_address(SPI)), 0xffffffffa0a0a0a0);
    STORE("strh %w0, [%1]", uart_address(UARTIBRD), 0x8001);
    mmio_expect("ldrsh w", LOAD("ldrsh %w0, [%1]", uart_address(UARTIBRD)), 0xffff8001);
    mmio_expect("ldrsh x", LOAD("ldrsh %0, [%1]", uart_address(UARTIBRD)), 0xffffffffffff8001);
    set_priorities(0x10101010);
    mmio_expect("ldrsb x, positive", LOAD("ldrsb %0, [%1]", priority_address(SPI)), 0x10);
}

static void zero_register(void)
{
    set_priorities(0xa0a0a0a0);
    STORE("str wzr, [%1]", priority_address(SPI), 0);
    mmio_expect("word after str wzr", LOAD("ldr %w0, [%1]", priority_address(SPI)), 0);
    mmio_expect("register beside ldr xzr", LOAD("ldr xzr, [%1]", router_address(SPI)), PATTERN);
    mmio_expect("register beside ldr wzr", LOAD("ldr wzr, [%1]", priority_address(SPI)), PATTERN);
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
        mmio_expect("x" #n, value, 0x11);                                                          \
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
    mmio_expect("first of ldp w", a, 0x11);
    mmio_expect("second of ldp w", b, 0x10);
    __asm__ volatile("stp %w0, %w1, [%2]"
                     :
                     : "r"(0xa0a0a0a0), "r"(0x10101010), "r"(priority_address(SPI))
                     : "memory");
    mmio_expect("first of stp w", LOAD("ldr %w0, [%1]", priority_address(SPI)), 0xa0a0a0a0);
    mmio_expect("second of stp w", LOAD("ldr %w0, [%1]", priority_address(SPI + 4)), 0x10101010);
    __asm__ volatile("ldpsw %0, %1, [%2]"
                     : "=&r"(a), "=&r"(b)
                     : "r"(priority_address(SPI))
                     : "memory");
    mmio_expect("first of ldpsw", a, 0xffffffffa0a0a0a0);
    mmio_expect("second of ldpsw", b, 0x10101010);
    __asm__ volatile("stp %0, xzr, [%1]" : : "r"(IROUTER_IRM), "r"(router_address(SPI)) : "memory");
    __asm__ volatile("ldp %0, %1, [%2]" : "=&r"(a), "=&r"(b) : "r"(router_address(SPI)) : "memory");
    mmio_expect("first of ldp x", a, IROUTER_IRM);
    mmio_expect("second of ldp x", b, 0);
}

#define WRITE_BACK_LOAD(text, address, wanted, moved)                                              \
    do {                                                                                           \
        uint64_t base_ = (address), value_ = PATTERN;                                              \
        __asm__ volatile(text : "=&r"(value_), "+r"(base_) : : "memory");                          \
        mmio_expect(text, value_, wanted);                                                         \
        mmio_expect("base after " text, base_ - (address), (uint64_t)(moved));                     \
    } while (0)
#define WRITE_BACK_STORE(text, address, value, moved)                                              \
    do {                                                                                           \
        uint64_t base_ = (address);                                                                \
        __asm__ volatile(text : "+r"(base_) : "r"((uint64_t)(value)) : "memory");                  \
        mmio_expect("base after " text, base_ - (address), (uint64_t)(moved));                     \
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
    mmio_expect("stored, post-index", LOAD("ldr %w0, [%1]", priority), 0x40404040);
    WRITE_BACK_STORE("strb %w1, [%0, #1]!", priority, 0x80, 1);
    mmio_expect("stored, pre-index", LOAD("ldr %w0, [%1]", priority), 0x40408040);
    WRITE_BACK_STORE("stp %w1, wzr, [%0], #-16", priority, 0x20202020, -16);
    mmio_expect("stored, pair", LOAD("ldr %w0, [%1]", priority), 0x20202020);
    mmio_expect("stored, pair", LOAD("ldr %w0, [%1]", priority + 4), 0);
}

static void addressing(void)
{
    uint64_t id = uart_address(UARTPERIPHID0), value = PATTERN;

    mmio_expect("unscaled", LOAD("ldur %w0, [%1, #-4]", id + 4), 0x11);
    __asm__ volatile("ldr %w0, [%1, %2, lsl #2]" : "=r"(value) : "r"(id), "r"(1UL) : "memory");
    mmio_expect("register offset", value, 0x10);
    __asm__ volatile("ldr %w0, [%1, %w2, sxtw]" : "=r"(value) : "r"(id + 8), "r"(-8) : "memory");
    mmio_expect("extended offset", value, 0x11);
    mmio_expect("load-acquire", LOAD("ldar %w0, [%1]", id), 0x11);
    STORE("stlr %w0, [%1]", priority_address(SPI), 0x60606060);
    mmio_expect("store-release", LOAD("ldr %w0, [%1]", priority_address(SPI)), 0x60606060);
}

static const struct test_case cases[] = {
    {"sizes", sizes},
    {"sign-extension", sign_extension},
    {"zero-register", zero_register},
    {"every-register", every_register},
    {"pairs", pairs},
    {"write-back", write_back},
    {"addressing", addressing},
    {NULL, NULL},
};

void guest_main(void)
{
    TEST_RUN(cases, mmio_abort_cases);
}
