/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of gic/vgic_lr.c with more interrupts, pending or active, than there are list registers. */
#include "gic/vgic_internal.h"
#include "vgic_fixture.h"

#define LRS 4

static int start(void **state)
{
    (void)state;
    vgic_start_ready(2, LRS);
    return 0;
}

/* `count` edge SPIs from 32 on, enabled, of priorities 0x40, 0x48 and so on. */
static void make_edges(unsigned count)
{
    for (uint32_t i = 32; i < 32 + count; i++) {
        irq_set_edge(0, i, true);
        irq_set_priority(0, i, (uint8_t)(0x40 + 8 * (i - 32)));
        irq_write(0, GICD_ISENABLER, i);
    }
}

static void pulse(uint32_t intid)
{
    set_line(intid, true);
    set_line(intid, false);
}

/* Whatever the order they came in, more than fit in the LRs are taken by priority. */
static void more_than_fit(void **state)
{
    (void)state;
    make_edges(20);
    for (uint32_t i = 0; i < 20; i++)
        pulse(32 + i * 7 % 20);
    for (uint32_t i = 0; i < 20; i++) {
        bool waiting = 20 - i > fake_lrs_in(0, ICH_LR_Pending);

        assert_int_equal(fake_gich[0].hcr & ICH_HCR_NPIE, waiting ? ICH_HCR_NPIE : 0);
        expect_one(0, 32 + i);
    }
    expect_none(0);
    assert_int_equal(fake_gich[0].hcr, VGIC_HCR_USUAL | ICH_HCR_TDIR);
}

/* The most urgent of all is always in an LR, be they full of others. */
static void urgent_one_finds_room(void **state)
{
    (void)state;
    make_edges(10);
    for (uint32_t i = 37; i < 42; i++)
        pulse(i);
    pulse(32);
    assert_int_equal(fake_lr_count(0, 32), 1);
    expect_one(0, 32);
    irq_set_priority(0, 41, 0x10);
    expect_one(0, 41);
    for (uint32_t i = 37; i < 41; i++)
        expect_one(0, i);
    expect_none(0);
}

/* A change of priority alone can make one the most urgent: in a full house, with the rest masked.
 */
static void priority_changes_while_waiting(void **state)
{
    (void)state;
    for (unsigned writer = 0; writer < 2; writer++) {
        fake_cpu_index = 0;
        make_edges(6);
        fake_guest[0].pmr = 0x40;
        for (uint32_t i = 32; i < 38; i++)
            pulse(i);
        expect_none(0);
        fake_cpu_index = writer;
        irq_set_priority(writer, 37, 0x20);
        expect_one(0, 37);
        expect_none(0);
        fake_guest[0].pmr = 0xff;
        for (uint32_t i = 32; i < 37; i++)
            expect_one(0, i);
        expect_none(0);
    }
}

/* Two become deliverable at once, when the LRs are in use by what has ended since. */
static void two_at_once(void **state)
{
    (void)state;
    make_edges(6);
    for (uint32_t i = 32; i < 36; i++) {
        pulse(i);
        expect_one(0, i);
    }
    irq_write(0, GICD_ICENABLER, 36);
    irq_write(0, GICD_ICENABLER, 37);
    pulse(36);
    pulse(37);
    bits_write(0, GICD_ISENABLER, 36, 3 << 4);
    pulse(37);
    expect_one(0, 36);
    expect_one(0, 37);
    expect_none(0);
}

/* Nested deeper than there are LRs: all of them end, in whatever place their state is kept. */
static void nested_deeply(void **state)
{
    (void)state;
    const unsigned depth = 9;

    make_edges(depth);
    for (uint32_t i = depth; i-- > 0;) {
        pulse(32 + i);
        assert_int_equal(ack(0), 32 + i);
        expect_none(0);
    }
    assert_int_equal(dist_read(GICD_ISACTIVER + 4), (1U << depth) - 1);
    assert_true((fake_gich[0].hcr & ICH_HCR_LRENPIE) != 0);
    for (uint32_t i = 0; i < depth; i++)
        eoi(0, 32 + i);
    assert_int_equal(dist_read(GICD_ISACTIVER + 4), 0);
    assert_int_equal(fake_gich[0].hcr, VGIC_HCR_USUAL | ICH_HCR_TDIR);
    for (uint32_t i = 0; i < depth; i++) {
        pulse(32 + i);
        expect_one(0, 32 + i);
    }
}

/* The guest ends several before the maintenance interrupt is taken, another exit in between. */
static void ends_counted_over_another_exit(void **state)
{
    (void)state;
    make_edges(12);
    for (uint32_t i = 9; i-- > 0;) {
        pulse(32 + i);
        assert_int_equal(ack(0), 32 + i);
    }
    pulse(43);
    pulse(42);
    for (uint32_t i = 32; i < 39; i++)
        fake_guest_eoi(i);
    irq_write(0, GICD_ICENABLER, 43); /* as a trapped write that comes first */
    assert_int_equal(dist_read(GICD_ISACTIVER + 4), 3U << 7);
    irq_set_priority(0, 43, 0);
    eoi(0, 39);
    eoi(0, 40);
    expect_one(0, 42);
    expect_none(0);
    assert_int_equal(dist_read(GICD_ISACTIVER + 4), 0);
}

/* With EOImode 1 the two steps are apart, and the second may come in any order. */
static void deactivated_apart(void **state)
{
    (void)state;
    const unsigned depth = 7;

    fake_guest[0].eoi_mode = true;
    make_edges(depth);
    for (uint32_t i = 0; i < depth; i++) {
        pulse(32 + i);
        expect_one(0, 32 + i);
    }
    assert_int_equal(dist_read(GICD_ISACTIVER + 4), (1U << depth) - 1);
    for (uint32_t i = 0; i < depth; i++) {
        uint32_t intid = 32 + i * 3 % depth;

        dir(0, intid);
        assert_false(irq_is(0, GICD_ISACTIVER, intid));
    }
    assert_int_equal(dist_read(GICD_ISACTIVER + 4), 0);
    dir(0, 1023);
    dir(0, VGIC_NR_IRQS);
    dir(0, 0xffffffffff);
}

/* An SPI may be deactivated by any CPU, wherever it is active; a private interrupt by its own. */
static void deactivated_elsewhere(void **state)
{
    (void)state;
    fake_guest[0].eoi_mode = true;
    fake_guest[1].eoi_mode = true;
    make_edges(1);
    irq_write(0, GICD_ISENABLER, 3);
    for (unsigned n = 0; n < 3; n++) {
        pulse(32);
        expect_one(0, 32);
        send_sgi(3, 1);
        expect_one(0, 3);
        dir(1, 3);
        assert_true(irq_is(0, GICD_ISACTIVER, 3));
        dir(1, 32);
        assert_false(irq_is(0, GICD_ISACTIVER, 32));
        dir(0, 3);
        assert_false(irq_is(0, GICD_ISACTIVER, 3));
    }
}

/* With EOImode 0 the one step does both, and there is no second: a write to ICC_DIR_EL1 is lost. */
static void deactivated_at_once(void **state)
{
    (void)state;
    make_edges(1);
    pulse(32);
    assert_int_equal(ack(0), 32);
    dir(0, 32);
    dir(1, 32);
    assert_true(irq_is(0, GICD_ISACTIVER, 32));
    eoi(0, 32);
    assert_false(irq_is(0, GICD_ISACTIVER, 32));
}

/* A timer that is pending and not active stays so, here and at the machine's GIC. */
static void deactivated_while_pending(void **state)
{
    (void)state;
    fake_guest[0].eoi_mode = true;
    irq_write(0, GICD_ISENABLER, 27);
    fake_ppi_line(0, 27, true);
    settle_all();
    dir(0, 27);
    assert_true((fake_ppi[0].active >> 27 & 1) != 0);
    expect_one(0, 27);
    fake_ppi_line(0, 27, false);
    dir(0, 27);
    assert_int_equal(fake_ppi[0].active, 0);
    expect_none(0);
}

/* One that comes to be active with no acknowledgement, as when a guest puts back what it saved. */
static void active_by_a_write(void **state)
{
    (void)state;
    fake_guest[0].eoi_mode = true;
    make_edges(1);
    irq_write(0, GICD_ISACTIVER, 32);
    pulse(32);
    expect_none(0);
    dir(0, 32);
    assert_false(irq_is(0, GICD_ISACTIVER, 32));
    expect_one(0, 32);
    irq_write(0, GICD_ICACTIVER, 32);
    expect_none(0);
}

/* A spilled timer ends at the machine's GIC too. */
static void linked_one_spilled(void **state)
{
    (void)state;
    irq_set_priority(0, 27, 0xf0);
    irq_write(0, GICD_ISENABLER, 27);
    fake_ppi_line(0, 27, true);
    settle_all();
    assert_int_equal(ack(0), 27);
    make_edges(8);
    for (uint32_t i = 8; i-- > 0;) {
        pulse(32 + i);
        assert_int_equal(ack(0), 32 + i);
    }
    assert_int_equal(fake_lr_count(0, 27), 0);
    assert_true((fake_ppi[0].active >> 27 & 1) != 0);
    for (uint32_t i = 32; i < 40; i++)
        eoi(0, i);
    fake_ppi_line(0, 27, false);
    eoi(0, 27);
    assert_int_equal(fake_ppi[0].active, 0);
    expect_none(0);
}

/* A CPU that is off or asleep has empty LRs, and its maintenance interrupt is silent. */
static void silent_while_away(void **state)
{
    (void)state;
    make_edges(12);
    for (uint32_t i = 32; i < 44; i++)
        pulse(i);
    assert_true((fake_gich[0].hcr & ICH_HCR_NPIE) != 0);
    redist_write(0, GICR_WAKER, 2);
    assert_false(fake_maintenance());
    expect_none(0);
    redist_write(0, GICR_WAKER, 0);
    cpu_off(0);
    assert_false(fake_maintenance());
    cpu_on(0);
    for (uint32_t i = 32; i < 44; i++)
        expect_one(0, i);
    expect_none(0);
}

/* Four LRs or one or sixteen: the guest sees no difference. */
static void any_number_of_lrs(void **state)
{
    (void)state;
    static const unsigned count[] = {1, 2, 3, 15, 16};

    for (unsigned n = 0; n < ARRAY_SIZE(count); n++) {
        vgic_start_ready(2, count[n]);
        make_edges(16);
        irq_write(0, GICD_ISENABLER, 50);
        irq_set_priority(0, 50, 0xf0);
        set_line(50, true);
        for (uint32_t i = 16; i-- > 0;)
            pulse(32 + i);
        for (uint32_t i = 0; i < 16; i++)
            expect_one(0, 32 + i);
        expect_one(0, 50);
        set_line(50, false);
        expect_none(0);
    }
}

#define test(f) cmocka_unit_test_setup(f, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(more_than_fit),
        test(urgent_one_finds_room),
        test(priority_changes_while_waiting),
        test(two_at_once),
        test(nested_deeply),
        test(ends_counted_over_another_exit),
        test(deactivated_apart),
        test(active_by_a_write),
        test(linked_one_spilled),
        test(deactivated_elsewhere),
        test(deactivated_at_once),
        test(deactivated_while_pending),
        test(silent_while_away),
        test(any_number_of_lrs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
