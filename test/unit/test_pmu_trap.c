/* SPDX-License-Identifier: Apache-2.0 */
/* The performance monitors' registers on CPUs where they trap: which exist, which access goes
 * where, and that none counts at EL2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sysreg.h"
#include "trap/pmu.h"

#define COUNTERS 4
#define V3P1     UINT64_C(4)
#define V3P4     UINT64_C(5)
#define NSH      (UINT64_C(1) << 27)
#define OLD      UINT64_C(0x0123456789abcdef)
#define NEW      UINT64_C(0xfedcba98f6543210)

_Thread_local struct fake_sysreg fake_sysreg;

static const struct {
    uint8_t name[4]; /* op1, CRn, CRm, op2 */
    bool read, write;
    size_t place;
} registers[] = {
#define REG(op1, crm, op2, read, write, name)                                                      \
    {                                                                                              \
        {op1, 9, crm, op2}, read, write, offsetof(struct fake_sysreg, name)                        \
    }
    REG(3, 12, 0, true, true, pmcr_el0),       REG(3, 12, 1, true, true, pmcntenset_el0),
    REG(3, 12, 2, true, true, pmcntenclr_el0), REG(3, 12, 3, true, true, pmovsclr_el0),
    REG(3, 12, 4, false, true, pmswinc_el0),   REG(3, 12, 5, true, true, pmselr_el0),
    REG(3, 12, 6, true, false, pmceid0_el0),   REG(3, 12, 7, true, false, pmceid1_el0),
    REG(3, 13, 0, true, true, pmccntr_el0),    REG(3, 13, 2, true, true, pmxevcntr_el0),
    REG(3, 14, 0, true, true, pmuserenr_el0),  REG(3, 14, 3, true, true, pmovsset_el0),
    REG(0, 14, 1, true, true, pmintenset_el1), REG(0, 14, 2, true, true, pmintenclr_el1),
    REG(0, 14, 6, true, false, pmmir_el1),
};
#define NR_REGISTERS (sizeof(registers) / sizeof(registers[0]))

static int set_up(void **state)
{
    (void)state;
    memset(&fake_sysreg, 0, sizeof(fake_sysreg));
    fake_sysreg.id_aa64dfr0_el1 = V3P4 << 8;
    fake_sysreg.pmcr_el0 = COUNTERS << 11;
    return 0;
}

/* As the Arm ARM draws the ISS, independent of esr.h. */
static uint64_t syndrome(unsigned op0, const uint8_t name[4], bool read)
{
    return UINT64_C(0x18) << 26 | 1u << 25 | op0 << 20 | (unsigned)name[3] << 17 |
           (unsigned)name[0] << 14 | (unsigned)name[1] << 10 | (unsigned)name[2] << 1 | read;
}

static bool access_to(unsigned op1, unsigned crn, unsigned crm, unsigned op2, bool read,
                      uint64_t *value)
{
    uint8_t name[] = {(uint8_t)op1, (uint8_t)crn, (uint8_t)crm, (uint8_t)op2};

    return pmu_access(syndrome(3, name, read), value);
}

static void each_register(void **state)
{
    for (unsigned i = 0; i < NR_REGISTERS; i++) {
        uint64_t *place = (uint64_t *)((char *)&fake_sysreg + registers[i].place);
        uint64_t first;
        uint64_t value = 0;

        set_up(state);
        if (*place == 0)
            *place = OLD & 0xffffffff00000000; /* counter 0 is selected */
        first = *place;
        assert_int_equal(pmu_access(syndrome(3, registers[i].name, true), &value),
                         registers[i].read);
        assert_int_equal(value, registers[i].read ? first : 0);
        value = NEW & ~UINT64_C(0x1f);
        assert_int_equal(pmu_access(syndrome(3, registers[i].name, false), &value),
                         registers[i].write);
        assert_int_equal(*place, registers[i].write ? value : first);
    }
}

static bool is_known(const uint8_t name[4])
{
    for (unsigned i = 0; i < NR_REGISTERS; i++) {
        if (memcmp(registers[i].name, name, sizeof(registers[i].name)) == 0)
            return true;
    }
    return memcmp(name, (const uint8_t[]){3, 9, 13, 1}, 4) == 0 || /* PMXEVTYPER_EL0 */
           (name[0] == 3 && name[1] == 14 && name[2] >= 8 && !(name[2] == 11 && name[3] == 7));
}

static void no_others(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 1u << 14; n++) {
        const uint8_t name[] = {n & 7, n >> 3 & 15, n >> 7 & 15, (uint8_t)(n >> 11)};
        uint64_t value = 0;

        for (unsigned op0 = 0; op0 < 4; op0++) {
            if (op0 == 3 && is_known(name))
                continue;
            assert_false(pmu_access(syndrome(op0, name, true), &value));
            assert_false(pmu_access(syndrome(op0, name, false), &value));
        }
    }
}

/* PMMIR_EL1 came with PMUv3p4. */
static void no_pmmir(void **state)
{
    uint64_t value = 0;

    (void)state;
    fake_sysreg.id_aa64dfr0_el1 = V3P1 << 8;
    assert_false(access_to(0, 9, 14, 6, true, &value));
}

/* By their numbers; PMSELR_EL0 is put back. */
static void numbered(void **state)
{
    for (unsigned n = 0; n < 32; n++) {
        bool cycle = n == 31;
        uint64_t value = NEW;

        set_up(state);
        fake_sysreg.pmselr_el0 = 2;
        fake_sysreg.pmxevcntr_el0 = fake_sysreg.pmxevtyper_el0 = OLD;
        if (!cycle) {
            assert_true(access_to(3, 14, 8 + n / 8, n % 8, false, &value));
            assert_int_equal(fake_sysreg.pmxevcntr_el0, n < COUNTERS ? NEW : OLD);
            assert_true(access_to(3, 14, 8 + n / 8, n % 8, true, &value));
            assert_int_equal(value, n < COUNTERS ? NEW : 0);
        }
        value = NEW & ~NSH;
        assert_true(access_to(3, 14, 12 + n / 8, n % 8, false, &value));
        assert_int_equal(fake_sysreg.pmxevtyper_el0, n < COUNTERS || cycle ? NEW & ~NSH : OLD);
        assert_true(access_to(3, 14, 12 + n / 8, n % 8, true, &value));
        assert_int_equal(value, n < COUNTERS || cycle ? NEW & ~NSH : 0);
        assert_int_equal(fake_sysreg.pmselr_el0, 2);
    }
}

/* What the guest has selected may not exist. */
static void selected(void **state)
{
    for (unsigned n = 0; n < 32; n++) {
        bool filter = n < COUNTERS || n == 31;
        uint64_t value = NEW;

        set_up(state);
        fake_sysreg.pmselr_el0 = n;
        assert_true(access_to(3, 9, 13, 2, false, &value));
        assert_int_equal(fake_sysreg.pmxevcntr_el0, n < COUNTERS ? NEW : 0);
        value = NEW & ~NSH;
        assert_true(access_to(3, 9, 13, 1, false, &value));
        assert_int_equal(fake_sysreg.pmxevtyper_el0, filter ? NEW & ~NSH : 0);
        assert_int_equal(fake_sysreg.pmselr_el0, n);
    }
}

static void never_at_el2(void **state)
{
    (void)state;
    for (unsigned n = 0; n <= COUNTERS; n++) {
        unsigned number = n == COUNTERS ? 31 : n;
        uint64_t value = ~UINT64_C(0);

        assert_true(access_to(3, 14, 12 + number / 8, number % 8, false, &value));
        assert_int_equal(fake_sysreg.pmxevtyper_el0, ~NSH);
        fake_sysreg.pmselr_el0 = number;
        value = ~UINT64_C(0);
        assert_true(access_to(3, 9, 13, 1, false, &value));
        assert_int_equal(fake_sysreg.pmxevtyper_el0, ~NSH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_register, set_up), cmocka_unit_test_setup(no_others, set_up),
        cmocka_unit_test_setup(no_pmmir, set_up),      cmocka_unit_test_setup(numbered, set_up),
        cmocka_unit_test_setup(selected, set_up),      cmocka_unit_test_setup(never_at_el2, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
