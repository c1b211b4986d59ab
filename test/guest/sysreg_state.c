/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest has in its registers is still there after exits of every kind: general
 * registers, flags, FP, SVE and its own system registers; pointer authentication works.
 */
#include "barrier.h"
#include "console.h"
#include "gic.h"
#include "psci.h"
#include "regs.h"
#include "sysreg_common.h"
#include "timer.h"

#define CPACR_FPEN    (UINT64_C(3) << 20)
#define CPACR_ZEN     (UINT64_C(3) << 16)
#define SCTLR_EnIA    (UINT64_C(1) << 31)
#define NR_GENERAL    31
#define NR_VECTORS    32
#define SVE_MAX_BYTES 256
#define SPIN_US       3000

/* Fill x2 to x30 from, run `exit` with x0 and x1 given, and store them: sysreg_regs.S. */
void regs_across_read(uint64_t address, uint64_t *out);
void regs_across_hvc(uint64_t function, uint64_t *out);
void regs_across_id(uint64_t unused, uint64_t *out);
void regs_across_time(uint64_t deadline, uint64_t *out);
void fp_fill(uint64_t seed);
uint64_t fp_differences(uint64_t seed);
uint64_t sve_length(void);
void sve_fill(void *scratch);
uint64_t sve_differences(void *scratch);
uint64_t pac_sign(uint64_t pointer, uint64_t modifier);
uint64_t pac_check(uint64_t pointer, uint64_t modifier);
uint64_t flags_across_read(uint64_t address, uint64_t nzcv);

/* An exit of each kind. */
static void make_exits(void)
{
    psci_call(PSCI_VERSION, 0, 0, 0);
    uart_read(UARTFR);
    gicd_read(GICD_TYPER);
    (void)read_sysreg(id_aa64pfr0_el1);
    gic_send_sgi(1, smp_this_cpu()->index);
    irq_enable();
    timer_delay_us(SPIN_US);
    irq_disable();
}

static void expect_general(const char *what, const uint64_t *out, unsigned first)
{
    for (unsigned i = first; i < NR_GENERAL; i++)
        CHECK(out[i] == UINT64_C(0x0101010101010101) * i, "x%u after %s is %lx", i, what, out[i]);
}

static void general_registers(void)
{
    uint64_t out[NR_GENERAL];

    regs_across_read(platform.uart.regs.address + UARTFR, out);
    expect_general("a device read", out, 2);
    regs_across_read(platform.gicd.address + GICD_TYPER, out);
    expect_general("a GICD read", out, 2);
    regs_across_id(0, out);
    expect_general("an ID register read", out, 2);
    /* SMCCC 1.1 keeps x4 to x17 too. */
    regs_across_hvc(PSCI_VERSION, out);
    expect_general("hvc", out, 4);
}

static void stop_timer(uint32_t intid)
{
    if (intid == TIMER_PPI_VIRTUAL)
        write_sysreg(timer_count() + 1000, cntv_cval_el0);
}

static void general_across_interrupts(void)
{
    uint64_t out[NR_GENERAL];

    gic_set_handler(stop_timer);
    gic_enable(TIMER_PPI_VIRTUAL);
    write_sysreg(timer_count() + 1000, cntv_cval_el0);
    write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
    irq_enable();
    regs_across_time(timer_deadline_us(SPIN_US), out);
    irq_disable();
    write_sysreg(0, cntv_ctl_el0);
    gic_disable(TIMER_PPI_VIRTUAL);
    gic_set_handler(NULL);
    expect_general("interrupts", out, 4);
}

static void flags(void)
{
    for (uint64_t nzcv = 0; nzcv < 16; nzcv++)
        CHECK(flags_across_read(platform.uart.regs.address + UARTFR, nzcv << 28) == nzcv << 28,
              "NZCV %lx is not kept", nzcv);
}

static void enable_vectors(uint64_t bits)
{
    write_sysreg(read_sysreg(cpacr_el1) | bits, cpacr_el1);
    /* Vector instructions are allowed from here on. */
    isb();
}

static void floating_point(void)
{
    uint64_t fpcr = UINT64_C(3) << 22, kept;

    gic_enable(1);
    enable_vectors(CPACR_FPEN);
    write_sysreg(fpcr, fpcr);
    fp_fill(UINT64_C(0x1111111111111111));
    make_exits();
    CHECK(!fp_differences(UINT64_C(0x1111111111111111)), "v registers changed: %lx",
          fp_differences(UINT64_C(0x1111111111111111)));
    kept = read_sysreg(fpcr);
    write_sysreg(0, fpcr);
    CHECK(kept == fpcr, "FPCR is %lx", kept);
}

static void fp_trap_is_own(void)
{
    uint64_t value;
    struct fault fault;

    write_sysreg(read_sysreg(cpacr_el1) & ~CPACR_FPEN, cpacr_el1);
    isb();
    fault = FAULT_OF(".arch_extension fp\n fmov %0, d0" : "=r"(value));
    CHECK(fault.taken && ESR_EC(fault.esr) == 0x07, "taken %d, ESR %lx", fault.taken, fault.esr);
}

static void sve(void)
{
    static uint64_t scratch[(NR_VECTORS + 2) * SVE_MAX_BYTES / 8];
    uint64_t length;

    if (!FIELD_GET(ID_AA64PFR0_EL1_SVE, read_sysreg(id_aa64pfr0_el1))) {
        test_skip("the CPU has no SVE");
        return;
    }
    enable_vectors(CPACR_FPEN | CPACR_ZEN);
    write_sysreg(ZCR_ELx_LEN, zcr_el1);
    isb();
    length = sve_length();
    CHECK(length >= 16 && length <= SVE_MAX_BYTES && !(length % 16), "vectors of %lu bytes",
          length);
    sve_fill(scratch);
    make_exits();
    CHECK(!sve_differences(scratch), "z registers changed");
    write_sysreg(0, zcr_el1);
    isb();
    CHECK(sve_length() == 16, "ZCR_EL1 has no effect: %lu", sve_length());
}

static bool has_pauth(void)
{
    return read_sysreg(id_aa64isar1_el1) & UINT64_C(0xff0) ||
           read_sysreg(id_aa64isar2_el1) & UINT64_C(0xf000);
}

static void pointer_authentication(void)
{
    uint64_t pointer = (uintptr_t)make_exits, sctlr = read_sysreg(sctlr_el1), first, good, other;

    if (!has_pauth()) {
        test_skip("the CPU has no pointer authentication");
        return;
    }
    write_sysreg(UINT64_C(0x0123456789abcdef), apiakeylo_el1);
    write_sysreg(UINT64_C(0xfedcba9876543210), apiakeyhi_el1);
    write_sysreg(sctlr | SCTLR_EnIA, sctlr_el1);
    isb();
    first = pac_sign(pointer, 42);
    make_exits();
    good = pac_check(first, 42);
    write_sysreg(UINT64_C(0x1123456789abcdef), apiakeylo_el1);
    isb();
    other = pac_sign(pointer, 42);
    write_sysreg(sctlr, sctlr_el1);
    isb();
    CHECK(first != pointer, "a signed pointer is the pointer");
    CHECK(good == pointer, "authenticated %lx", good);
    CHECK(other != first, "the key makes no difference");
}

/* The guest's own system registers, read back after exits. */
static void system_registers(void)
{
    write_sysreg(UINT64_C(0x1234), contextidr_el1);
    write_sysreg(UINT64_C(0x5678), tpidr_el0);
    write_sysreg(UINT64_C(0x9abc), tpidrro_el0);
    write_sysreg(UINT64_C(0xdef0), afsr0_el1);
    write_sysreg(UINT64_C(0x2468), sp_el0);
    write_sysreg(UINT64_C(0x1357), far_el1);
    make_exits();
    CHECK(read_sysreg(contextidr_el1) == 0x1234, "CONTEXTIDR_EL1 changed");
    CHECK(read_sysreg(tpidr_el0) == 0x5678, "TPIDR_EL0 changed");
    CHECK(read_sysreg(tpidrro_el0) == 0x9abc, "TPIDRRO_EL0 changed");
    CHECK(read_sysreg(sp_el0) == 0x2468, "SP_EL0 changed");
    CHECK(read_sysreg(far_el1) == 0x1357, "FAR_EL1 changed");
}

const struct test_case sysreg_state_cases[] = {
    {"general-registers", general_registers},
    {"general-across-interrupts", general_across_interrupts},
    {"flags", flags},
    {"floating-point", floating_point},
    {"fp-trap-is-own", fp_trap_is_own},
    {"sve", sve},
    {"pointer-authentication", pointer_authentication},
    {"system-registers", system_registers},
    {NULL, NULL},
};
