/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of gic/vgic.c: what makes an interrupt pending, and what must be enabled for it. */
#include "vgic_fixture.h"

#define CPUS 4
#define SPI  40

static int start(void **state)
{
    (void)state;
    vgic_start_ready(CPUS, 4);
    return 0;
}

static void nobody_but(unsigned cpu)
{
    for (unsigned i = 0; i < vgic.nr_vcpus; i++) {
        if (i != cpu)
            expect_none(i);
    }
}

static void make_edge(uint32_t intid)
{
    irq_set_edge(0, intid, true);
    irq_write(0, GICD_ISENABLER, intid);
}

static void pulse(uint32_t intid)
{
    set_line(intid, true);
    set_line(intid, false);
}

/* As firmware hands it over a GIC delivers nothing yet: each of these stands in the way. */
static void what_a_guest_must_enable(void **state)
{
    (void)state;
    for (unsigned missing = 0; missing < 2; missing++) {
        vgic_start(1, flat_mpidr, 4);
        if (missing != 0)
            irq_write(0, GICD_ISENABLER, SPI);
        if (missing != 1)
            dist_write(GICD_CTLR, GICD_CTLR_EnableGrp1);
        set_line(SPI, true);
        assert_true(irq_is(0, GICD_ISPENDR, SPI));
        expect_none(0);
        assert_false(vgic_has_pending(&vgic, 0));
        irq_write(0, GICD_ISENABLER, SPI);
        dist_write(GICD_CTLR, GICD_CTLR_EnableGrp1);
        assert_true(vgic_has_pending(&vgic, 0));
        expect_one(0, SPI);
    }
}

/* A group that is disabled again takes its interrupts back, pending as they were. */
static void groups(void **state)
{
    (void)state;
    make_edge(SPI);
    make_edge(SPI + 1);
    irq_set_priority(0, SPI + 1, 8);
    bits_write(0, GICD_IGROUPR, SPI, ~(UINT32_C(1) << SPI % 32));
    pulse(SPI);
    pulse(SPI + 1);
    assert_int_equal(fake_lr_of(0, SPI) & ICH_LR_Group, 0);
    assert_int_equal(fake_lr_of(0, SPI + 1) & ICH_LR_Group, ICH_LR_Group);
    dist_write(GICD_CTLR, GICD_CTLR_EnableGrp0);
    assert_int_equal(fake_lr_count(0, SPI + 1), 0);
    assert_true(irq_is(0, GICD_ISPENDR, SPI + 1));
    expect_one(0, SPI);
    expect_none(0);
    fake_cpu_index = 2; /* another CPU's doing */
    dist_write(GICD_CTLR, GICD_CTLR_EnableGrp1);
    expect_one(0, SPI + 1);
    pulse(SPI);
    expect_none(0);
    bits_write(0, GICD_IGROUPR, SPI, ~UINT32_C(0));
    expect_one(0, SPI);
    nobody_but(CPUS);
}

static void enable_and_disable(void **state)
{
    (void)state;
    make_edge(SPI);
    irq_route(SPI, 1);
    pulse(SPI);
    fake_cpu_index = 2;
    irq_write(2, GICD_ICENABLER, SPI); /* while it sits in an LR of CPU 1 */
    assert_int_equal(fake_lr_count(1, SPI), 0);
    nobody_but(CPUS);
    irq_write(2, GICD_ISENABLER, SPI);
    expect_one(1, SPI);
    pulse(SPI);
    irq_write(2, GICD_ICPENDR, SPI);
    nobody_but(CPUS);
    irq_write(2, GICD_ISPENDR, SPI);
    assert_int_equal(ack(1), SPI);
    fake_cpu_index = 3;
    assert_true(irq_is(3, GICD_ISACTIVER, SPI));
    assert_false(irq_is(3, GICD_ISPENDR, SPI));
    pulse(SPI);
    irq_write(3, GICD_ICACTIVER, SPI);
    assert_false(irq_is(3, GICD_ISACTIVER, SPI));
    fake_guest[1].depth = 0;
    expect_one(1, SPI);
}

/* The SGIs that a write names: an affinity, a range of 16, a list. */
struct sgi_case {
    uint64_t sgir;
    unsigned from;
    uint16_t to; /* bit n: CPU n gets it */
};

#define SGIR(aff3, aff2, aff1, rs, list)                                                           \
    (FIELD_PREP(ICC_SGIR_Aff3, aff3) | FIELD_PREP(ICC_SGIR_Aff2, aff2) |                           \
     FIELD_PREP(ICC_SGIR_Aff1, aff1) | FIELD_PREP(ICC_SGIR_RS, rs) | (list))

static const uint64_t spread_mpidr[] = {0x0000000000, 0x0000000001, 0x000000000f, 0x0000000010,
                                        0x000000001f, 0x0000000100, 0x0000000101, 0x0000010000,
                                        0x0000000042, 0x0100000000, 0xff00ffffff};

static const struct sgi_case sgi_cases[] = {
    {SGIR(0, 0, 0, 0, 0x0001), 0, 1 << 0},
    {SGIR(0, 0, 0, 0, 0x0001), 5, 1 << 0},
    {SGIR(0, 0, 0, 0, 0x8003), 0, 1 << 0 | 1 << 1 | 1 << 2},
    {SGIR(0, 0, 0, 0, 0x7ffc), 0, 0},
    {SGIR(0, 0, 0, 1, 0xffff), 0, 1 << 3 | 1 << 4},
    {SGIR(0, 0, 0, 2, 0xffff), 0, 0},
    {SGIR(0, 0, 1, 0, 0xffff), 5, 1 << 5 | 1 << 6},
    {SGIR(0, 0, 1, 0, 0x0002), 5, 1 << 6},
    {SGIR(0, 1, 0, 0, 0x0001), 0, 1 << 7},
    {SGIR(1, 0, 0, 0, 0x0001), 0, 1 << 9},
    {SGIR(0xff, 0xff, 0xff, 15, 0x8000), 0, 1 << 10},
    {SGIR(0xff, 0xff, 0xff, 15, 0x7fff), 0, 0},
    {SGIR(0xff, 0xff, 0xff, 14, 0xffff), 0, 0},
    {SGIR(0, 0, 2, 0, 0xffff), 0, 0},
    {SGIR(0, 0, 0, 0, 0), 0, 0},
    {ICC_SGIR_IRM, 0, 0x7fe},
    {ICC_SGIR_IRM | SGIR(3, 3, 3, 3, 0xffff), 4, 0x7ef},
};

static void sgi_targets(void **state)
{
    (void)state;
    const unsigned cpus = ARRAY_SIZE(spread_mpidr);

    vgic_start(cpus, spread_mpidr, 4);
    for (unsigned i = 1; i < cpus; i++)
        cpu_on(i);
    dist_write(GICD_CTLR, GICD_CTLR_EnableGrp1);
    for (unsigned i = 0; i < cpus; i++) {
        redist_write(i, GICR_WAKER, 0);
        bits_write(i, GICD_IGROUPR, 0, ~UINT32_C(0));
        bits_write(i, GICD_ISENABLER, 0, 0xffff);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(sgi_cases); i++) {
        const struct sgi_case *c = &sgi_cases[i];
        uint32_t intid = i % 16;

        fake_cpu_index = c->from;
        vgic_send_sgi(&vgic, c->from, c->sgir | FIELD_PREP(ICC_SGIR_INTID, intid), true);
        settle_all();
        for (unsigned cpu = 0; cpu < cpus; cpu++) {
            if ((c->to >> cpu & 1) != 0)
                expect_one(cpu, intid);
            expect_none(cpu);
        }
    }
}

/* ICC_SGI0R makes no SGI of group 1 pending; ICC_SGI1R, with one security state, any. */
static void sgi_groups(void **state)
{
    (void)state;
    bits_write(0, GICD_ISENABLER, 0, 0xffff);
    bits_write(1, GICD_ISENABLER, 0, 0xffff);
    bits_write(1, GICD_IGROUPR, 0, 0xfffffffd); /* SGI 1 of CPU 1 is in group 0 */
    fake_cpu_index = 0;
    vgic_send_sgi(&vgic, 0, FIELD_PREP(ICC_SGIR_INTID, 1) | 3, false);
    settle_all();
    expect_none(0);
    expect_one(1, 1);
    expect_none(1);
    fake_cpu_index = 0;
    vgic_send_sgi(&vgic, 0, FIELD_PREP(ICC_SGIR_INTID, 2) | 3, false);
    settle_all();
    nobody_but(CPUS);
    fake_cpu_index = 0;
    vgic_send_sgi(&vgic, 0, FIELD_PREP(ICC_SGIR_INTID, 1) | 3, true);
    settle_all();
    expect_one(0, 1);
    expect_one(1, 1);
    nobody_but(CPUS);
}

/* An SGI is an edge: it waits while disabled, two in one are one, one while active comes later. */
static void sgi_life(void **state)
{
    (void)state;
    for (unsigned from = 0; from < 2; from++) {
        fake_cpu_index = from;
        send_sgi(3, 1);
        expect_none(0);
        assert_true(irq_is(0, GICD_ISPENDR, 3));
        irq_write(0, GICD_ISENABLER, 3);
        fake_cpu_index = from;
        send_sgi(3, 1);
        assert_int_equal(ack(0), 3);
        expect_none(0);
        fake_cpu_index = from;
        send_sgi(3, 1);
        expect_none(0);
        eoi(0, 3);
        expect_one(0, 3);
        expect_none(0);
        fake_cpu_index = from;
        send_sgi(3, 1);
        fake_cpu_index = 2;
        irq_write(0, GICD_ICPENDR, 3);
        expect_none(0);
        irq_write(0, GICD_ISPENDR, 3);
        expect_one(0, 3);
        irq_write(0, GICD_ICENABLER, 3);
    }
}

static void life_of_linked(uint32_t ppi)
{
    fake_ppi_line(1, ppi, true);
    settle_all();
    nobody_but(CPUS);
    irq_write(1, GICD_ISENABLER, ppi);
    assert_int_equal(ack(1), ppi);
    nobody_but(CPUS);
    assert_true(irq_is(1, GICD_ISACTIVER, ppi));
    assert_true(irq_is(1, GICD_ISPENDR, ppi)); /* the line is still up */
    fake_ppi_line(1, ppi, false);
    assert_false(irq_is(1, GICD_ISPENDR, ppi));
    eoi(1, ppi);
    assert_int_equal(fake_ppi[1].active, 0);
    expect_none(1);
    fake_ppi_line(1, ppi, true);
    settle_all();
    for (unsigned i = 0; i < 3; i++)
        expect_one(1, ppi); /* as long as it is up */
    fake_ppi_line(1, ppi, false);
    expect_one(1, ppi); /* signalled before the line fell */
    expect_none(1);
}

static void timer_life(void **state)
{
    (void)state;
    life_of_linked(27);
    life_of_linked(30);
}

/* Others are the machine's own as well, once they are linked. */
static void linked_life(void **state)
{
    (void)state;
    irq_write(1, GICD_ISENABLER, 23);
    fake_ppi_line(1, 23, true);
    settle_all();
    expect_none(1);
    assert_int_equal(fake_ppi[1].enabled >> 23 & 1, 0);
    fake_ppi_line(1, 23, false);
    irq_write(1, GICD_ICENABLER, 23);
    vgic_link_ppi(&vgic, 23);
    life_of_linked(23);
    vgic_reset(&vgic);
    assert_int_equal(fake_ppi[1].enabled >> 23 & 1, 0);
    assert_int_equal(vgic.vcpu[1].bank.linked >> 23 & 1, 1);
}

/* A timer that was signalled, and stopped before the guest could take it. */
static void timer_that_stops(void **state)
{
    (void)state;
    irq_write(0, GICD_ISENABLER, 30);
    fake_ppi_line(0, 30, true);
    settle_all();
    irq_write(0, GICD_ICENABLER, 30);
    fake_ppi_line(0, 30, false);
    irq_write(0, GICD_ISENABLER, 30);
    expect_none(0);
    assert_int_equal(fake_ppi[0].active, 0);
    fake_ppi_line(0, 30, true);
    settle_all();
    assert_int_equal(ack(0), 30);
    fake_cpu_index = 2;
    irq_write(0, GICD_ICACTIVER, 30); /* by another CPU: the line is up, so it comes again */
    fake_guest[0].depth = 0;
    assert_int_equal(ack(0), 30);
    fake_ppi_line(0, 30, false);
    eoi(0, 30);
    expect_none(0);
}

/* Signalled while disabled at the virtual GIC, with no LR to fold: still gone when it stopped. */
static void timer_that_stops_unseen(void **state)
{
    (void)state;
    irq_write(0, GICD_ISENABLER, 27);
    dist_write(GICD_CTLR, 0);
    fake_ppi_line(0, 27, true);
    settle_all();
    fake_ppi_line(0, 27, false);
    irq_write(0, GICD_ICENABLER, 27);
    dist_write(GICD_CTLR, GICD_CTLR_EnableGrp1);
    irq_write(0, GICD_ISENABLER, 27);
    expect_none(0);
    assert_int_equal(fake_ppi[0].active, 0);
}

#define test(f) cmocka_unit_test_setup(f, start)

/* What a register made active is not over because the line has dropped before anybody looked. */
static void timer_that_stops_active(void **state)
{
    (void)state;
    irq_write(0, GICD_ISENABLER, 30);
    fake_ppi_line(0, 30, true);
    settle_all();
    assert_int_equal(fake_lr_count(0, 30), 1);
    fake_ppi_line(0, 30, false);
    irq_write(0, GICD_ISACTIVER, 30);
    assert_true((fake_lr_of(0, 30) & ICH_LR_State) == ICH_LR_Active);
    assert_true((fake_ppi[0].active >> 30 & 1) != 0);
    fake_ppi_line(0, 30, true);
    settle_all(); /* would break a rule if the machine signalled it again */
    expect_none(0);
    irq_write(0, GICD_ICACTIVER, 30);
    assert_int_equal(ack(0), 30);
    fake_ppi_line(0, 30, false);
    eoi(0, 30);
    expect_none(0);
}

/* Where the registers common to both groups trap, they are what the hardware's would be. */
static void cpu_interface_that_traps(void **state)
{
    (void)state;
    vgic_start_ready(1, 4);
    assert_int_equal(fake_gich[0].hcr, ICH_HCR_En | ICH_HCR_TDIR);
    vgic_trap_common(&vgic);
    cpu_off(0);
    assert_int_equal(fake_gich[0].hcr, ICH_HCR_En | ICH_HCR_TC);
    cpu_on(0);
    assert_int_equal(fake_gich[0].hcr, ICH_HCR_En | ICH_HCR_TC);
    assert_int_equal(vgic_icc_read_ctlr(), 1 << 18 | 1 << 15 | 1 << 11 | 4 << 8);
    vgic_icc_write_ctlr(~UINT64_C(0));
    assert_true(fake_guest[0].eoi_mode && fake_guest[0].cbpr);
    assert_int_equal(vgic_icc_read_ctlr() & 3, 3);
    vgic_icc_write_ctlr(0);
    assert_false(fake_guest[0].eoi_mode || fake_guest[0].cbpr);
    vgic_icc_write_pmr(0x5f);
    assert_int_equal(vgic_icc_read_pmr(), 0x58);
    assert_int_equal(fake_guest[0].pmr, 0x58);
    irq_write(0, GICD_ISENABLER, 3);
    irq_write(0, GICD_ISENABLER, 4);
    irq_set_priority(0, 3, 0x48);
    irq_set_priority(0, 4, 0x08);
    assert_int_equal(vgic_icc_read_rpr(), 0xff);
    send_sgi(3, 1);
    assert_int_equal(ack(0), 3);
    assert_int_equal(vgic_icc_read_rpr(), 0x48);
    send_sgi(4, 1);
    assert_int_equal(ack(0), 4);
    assert_int_equal(vgic_icc_read_rpr(), 0x08);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(what_a_guest_must_enable),
        test(groups),
        test(enable_and_disable),
        test(sgi_targets),
        test(sgi_groups),
        test(sgi_life),
        test(timer_life),
        test(linked_life),
        test(timer_that_stops),
        test(timer_that_stops_unseen),
        test(timer_that_stops_active),
        cmocka_unit_test(cpu_interface_that_traps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
