/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of which CPU gets an SPI, and of CPUs that sleep, go, come and reset: gic/vgic.c and
 * vgic_sync.c.
 */
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

static void routing(void **state)
{
    (void)state;
    make_edge(SPI);
    irq_set_edge(0, SPI + 1, false);
    irq_write(0, GICD_ISENABLER, SPI + 1);
    for (unsigned target = 0; target < CPUS; target++) {
        for (unsigned writer = 0; writer < CPUS; writer++) {
            fake_cpu_index = writer;
            irq_route(SPI, target);
            irq_route(SPI + 1, target);
            pulse(SPI);
            nobody_but(target);
            expect_one(target, SPI);
            fake_cpu_index = writer;
            set_line(SPI + 1, true);
            nobody_but(target);
            assert_int_equal(ack(target), SPI + 1);
            fake_cpu_index = (writer + 1) % CPUS;
            set_line(SPI + 1, false);
            eoi(target, SPI + 1);
            nobody_but(CPUS);
        }
    }
    irq_route(SPI, 9); /* nobody's */
    pulse(SPI);
    nobody_but(CPUS);
    irq_route(SPI, 3);
    expect_one(3, SPI);
}

/* Two CPUs, each with an active interrupt that is the other's by now, leave each other alone. */
static void crosswise(void **state)
{
    (void)state;
    for (unsigned cpu = 1; cpu <= 2; cpu++) {
        make_edge(SPI + cpu);
        irq_route(SPI + cpu, cpu);
        pulse(SPI + cpu);
        assert_int_equal(ack(cpu), SPI + cpu);
    }
    fake_cpu_index = 0;
    irq_route(SPI + 1, 2);
    irq_route(SPI + 2, 1);
    settle_all();
    assert_false(fake_kicked(1) || fake_kicked(2));
    pulse(SPI + 1); /* pending where it is routed to, once it has ended */
    settle_all();
    assert_false(fake_kicked(1) || fake_kicked(2));
    eoi(1, SPI + 1);
    eoi(2, SPI + 2);
    nobody_but(2);
    expect_one(2, SPI + 1);
}

/* What is pending goes along when its route changes; what is active ends where it began. */
static void rerouting(void **state)
{
    (void)state;
    make_edge(SPI);
    irq_route(SPI, 1);
    pulse(SPI);
    assert_int_equal(fake_lr_count(1, SPI), 1);
    fake_cpu_index = 0;
    irq_route(SPI, 2);
    nobody_but(2);
    assert_int_equal(ack(2), SPI);
    fake_cpu_index = 0;
    irq_route(SPI, 3);
    fake_cpu_index = 2;
    pulse(SPI); /* pending for CPU 3, but active on CPU 2 */
    nobody_but(CPUS);
    assert_true(irq_is(2, GICD_ISPENDR, SPI));
    eoi(2, SPI);
    nobody_but(3);
    expect_one(3, SPI);

    pulse(SPI);
    assert_int_equal(ack(3), SPI);
    irq_route(SPI, 1);
    eoi(3, SPI);
    pulse(SPI); /* with nothing folded since: not where it was last */
    nobody_but(1);
    expect_one(1, SPI);
}

static void rerouting_a_level(void **state)
{
    (void)state;
    irq_write(0, GICD_ISENABLER, SPI);
    irq_route(SPI, 1);
    set_line(SPI, true);
    assert_int_equal(ack(1), SPI);
    irq_route(SPI, 2);
    eoi(1, SPI);
    nobody_but(2);
    assert_int_equal(ack(2), SPI);
    irq_route(SPI, 3);
    set_line(SPI, false);
    set_line(SPI, true);
    eoi(2, SPI);
    nobody_but(3);
    assert_int_equal(ack(3), SPI);
    set_line(SPI, false);
    eoi(3, SPI);
    nobody_but(CPUS);
}

/* One that is active without an LR, and pending for another CPU when it ends. */
static void rerouting_a_spilled_one(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        make_edge(SPI + i);
        irq_set_priority(0, SPI + i, (uint8_t)(0x80 - 8 * i));
        pulse(SPI + i);
        assert_int_equal(ack(0), SPI + i);
    }
    assert_int_equal(fake_lr_count(0, SPI), 0);
    fake_cpu_index = 2;
    irq_route(SPI, 1);
    pulse(SPI);
    for (uint32_t i = 8; i-- > 0;) {
        expect_none(1);
        eoi(0, SPI + i);
    }
    expect_one(1, SPI);
    nobody_but(CPUS);
}

/* 1 of N: one CPU that is there gets it, once. */
static void any_cpu(void **state)
{
    (void)state;
    unsigned taken = 0;

    make_edge(SPI);
    irq_route(SPI, GICD_IROUTER_IRM);
    for (unsigned who = 0; who < CPUS; who++) {
        fake_cpu_index = who;
        pulse(SPI);
        taken = 0;
        for (unsigned i = 0; i < CPUS; i++) {
            if (ack(i) == SPI) {
                eoi(i, SPI);
                taken++;
            }
        }
        assert_int_equal(taken, 1);
    }
}

static void any_cpu_that_is_there(void **state)
{
    (void)state;
    make_edge(SPI);
    irq_route(SPI, GICD_IROUTER_IRM);
    cpu_off(0);
    fake_cpu_index = 1;
    redist_write(1, GICR_WAKER, 2);
    fake_cpu_index = 0; /* which is off, but drives the line */
    pulse(SPI);
    nobody_but(2);
    cpu_off(2); /* hands it on */
    nobody_but(3);
    fake_cpu_index = 3;
    redist_write(3, GICR_WAKER, 2); /* nobody is left */
    nobody_but(CPUS);
    assert_true(irq_is(3, GICD_ISPENDR, SPI));
    fake_cpu_index = 3;
    redist_write(1, GICR_WAKER, 0);
    expect_one(1, SPI);
    nobody_but(CPUS);
}

/* A CPU that goes to sleep hands on what any other can take. */
static void falling_asleep(void **state)
{
    (void)state;
    for (unsigned by = 0; by < 2; by++) {
        vgic_start_ready(2, 4);
        make_edge(SPI);
        make_edge(SPI + 1);
        irq_route(SPI, GICD_IROUTER_IRM);
        irq_write(0, GICD_ISENABLER, 1);
        pulse(SPI);
        pulse(SPI + 1);
        send_sgi(1, 1);
        fake_cpu_index = by;
        redist_write(0, GICR_WAKER, 2);
        expect_none(0);
        fake_cpu_index = 0;
        assert_true(vgic_has_pending(&vgic, 0));
        fake_cpu_index = by;
        expect_one(1, SPI);
        expect_none(1);
        redist_write(0, GICR_WAKER, 0);
        fake_cpu_index = 0;
        assert_true(vgic_has_pending(&vgic, 0));
        expect_one(0, 1);
        expect_one(0, SPI + 1);
        expect_none(0);
    }
}

/* A sleeper is not signalled, but whatever it could take if it were awake asks to wake it. */
static void wake_request(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        vgic_start_ready(2, 4);
        make_edge(SPI);
        irq_route(SPI, 0);
        irq_write(0, GICD_ISENABLER, 1);
        irq_write(0, GICD_ISENABLER, 27);
        redist_write(0, GICR_WAKER, 2);
        send_sgi(2, 1); /* disabled */
        assert_false(vgic_has_pending(&vgic, 0));
        fake_cpu_index = 1;
        if (kind == 0)
            pulse(SPI);
        else if (kind == 1)
            send_sgi(1, 1);
        else
            fake_ppi_line(0, 27, true);
        settle_all();
        expect_none(0);
        fake_cpu_index = 0;
        assert_true(vgic_has_pending(&vgic, 0));
        redist_write(0, GICR_WAKER, 0);
        expect_one(0, kind == 0 ? SPI : kind == 1 ? 1 : 27);
    }
}

/* Who turns a CPU on finds it awake, as firmware leaves it, however it went off. */
static void turned_on_awake(void **state)
{
    (void)state;
    make_edge(SPI);
    irq_route(SPI, 1);
    irq_write(1, GICD_ISENABLER, 4);
    redist_write(1, GICR_WAKER, 2);
    pulse(SPI);
    send_sgi(4, 2);
    cpu_off(1);
    assert_int_equal(redist_read(1, GICR_WAKER), 6);
    cpu_on(1);
    assert_int_equal(redist_read(1, GICR_WAKER), 0);
    expect_one(1, 4);
    expect_one(1, SPI);
    expect_none(1);
}

/* A CPU that is off keeps what is its own; what was active there stays so. */
static void off_and_on(void **state)
{
    (void)state;
    make_edge(SPI);
    make_edge(SPI + 1);
    irq_route(SPI, 1);
    irq_route(SPI + 1, 1);
    irq_write(1, GICD_ISENABLER, 4);
    irq_write(1, GICD_ISENABLER, 27);
    pulse(SPI);
    assert_int_equal(ack(1), SPI);
    cpu_off(1);
    fake_cpu_index = 0;
    pulse(SPI + 1);
    send_sgi(4, 2);
    fake_ppi_line(1, 27, true);
    settle_all();
    assert_true(irq_is(1, GICD_ISACTIVER, SPI));
    assert_int_equal(bits_read(1, GICD_ISPENDR, 4), 1 << 4 | 1 << 27);
    assert_int_equal(fake_lrs_in(1, 0), 4);
    pulse(SPI);
    irq_write(1, GICD_ICACTIVER, SPI);
    cpu_on(1);
    expect_one(1, 4);
    assert_int_equal(ack(1), 27);
    fake_ppi_line(1, 27, false);
    eoi(1, 27);
    expect_one(1, SPI);
    expect_one(1, SPI + 1);
    expect_none(1);
}

/* The bank of `intid`, of `cpu` if it is private: in group 1, and nothing else. */
static void as_handed_over(unsigned cpu, uint32_t intid)
{
    assert_int_equal(bits_read(cpu, GICD_IGROUPR, intid), UINT32_MAX);
    for (uint64_t reg = GICD_ISENABLER; reg <= GICD_ICACTIVER; reg += 0x80)
        assert_int_equal(bits_read(cpu, reg, intid), 0);
}

/* Nothing of the old life is left, not even what CPUs sent to one that was off. */
static void reset_forgets_all(void **state)
{
    (void)state;
    for (uint32_t i = 32; i < VGIC_NR_IRQS; i++) {
        irq_write(0, GICD_ISENABLER, i);
        irq_write(0, GICD_ISPENDR, i);
    }
    irq_route(SPI, 2);
    irq_set_priority(0, SPI, 0x80);
    irq_set_edge(0, SPI, true);
    bits_write(0, GICD_IGROUPR, SPI, 0);
    bits_write(2, GICD_IGROUPR, 0, 0);
    bits_write(2, GICD_ISENABLER, 0, ~UINT32_C(0));
    redist_write(2, GICR_WAKER, 2);
    fake_ppi_line(2, 27, true);
    settle_all();
    fake_ppi_line(2, 27, false);
    ack(0);
    for (unsigned i = 0; i < CPUS; i++)
        cpu_off(i);
    fake_cpu_index = 1;
    send_sgi(7, 0xd);
    vgic_reset(&vgic);
    cpu_on(0);
    fake_cpu_index = 0;
    assert_int_equal(dist_read(GICD_CTLR), 0x50);
    for (uint32_t i = 32; i < VGIC_NR_IRQS; i += 32)
        as_handed_over(0, i);
    for (unsigned i = 0; i < CPUS; i++) {
        as_handed_over(i, 0);
        assert_int_equal(redist_read(i, GICR_WAKER), 0);
        assert_int_equal(fake_ppi[i].enabled | fake_ppi[i].active | fake_ppi[i].latch, 0);
    }
    assert_int_equal(dist_read(GICD_IPRIORITYR + SPI), 0);
    assert_int_equal(dist_read(GICD_ICFGR + SPI / 16 * 4), 0);
    assert_int_equal(dist_read_sized(GICD_IROUTER + 8 * SPI, 8), 0);
    assert_int_equal(fake_lrs_in(0, 0), 4);
}

#define test(f) cmocka_unit_test_setup(f, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(routing),           test(rerouting),
        test(rerouting_a_level), test(rerouting_a_spilled_one),
        test(any_cpu),           test(any_cpu_that_is_there),
        test(wake_request),      test(falling_asleep),
        test(turned_on_awake),   test(off_and_on),
        test(reset_forgets_all), test(crosswise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
