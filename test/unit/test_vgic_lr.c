/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of gic/vgic_lr.c: which interrupts sit in the list registers, and how they leave them. */
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

static void value_of_an_edge(void **state)
{
    (void)state;
    make_edges(3);
    pulse(34);
    assert_int_equal(fake_lr_of(0, 34), ICH_LR_Pending | ICH_LR_Group | UINT64_C(0x50) << 48 | 34);
    bits_write(0, GICD_IGROUPR, 34, 0);
    assert_int_equal(fake_lr_of(0, 34), ICH_LR_Pending | UINT64_C(0x50) << 48 | 34);
    expect_one(0, 34);
    expect_none(0);
}

static void value_of_a_level(void **state)
{
    (void)state;
    irq_write(0, GICD_ISENABLER, 50);
    set_line(50, true);
    assert_int_equal(fake_lr_of(0, 50), ICH_LR_Pending | ICH_LR_Group | ICH_LR_EOI | 50);
    set_line(50, false);
    assert_int_equal(fake_lr_count(0, 50), 0);
    irq_write(0, GICD_ISPENDR, 50); /* the end of one that is pending by latch tells nobody */
    assert_int_equal(fake_lr_of(0, 50), ICH_LR_Pending | ICH_LR_Group | 50);
    expect_one(0, 50);
    expect_none(0);
}

static void value_of_a_linked_timer(void **state)
{
    (void)state;
    irq_set_priority(0, 27, 0x20);
    irq_write(0, GICD_ISENABLER, 27);
    fake_ppi_line(0, 27, true);
    settle_all();
    assert_int_equal(fake_lr_of(0, 27), ICH_LR_HW | ICH_LR_Pending | ICH_LR_Group |
                                            UINT64_C(0x20) << 48 | UINT64_C(27) << 32 | 27);
}

/* A level that stays is taken again and again; one that has gone is not. */
static void level_until_it_drops(void **state)
{
    (void)state;
    irq_write(0, GICD_ISENABLER, 50);
    set_line(50, true);
    for (unsigned i = 0; i < 5; i++)
        expect_one(0, 50);
    assert_int_equal(ack(0), 50);
    set_line(50, false);
    assert_true(irq_is(0, GICD_ISACTIVER, 50));
    eoi(0, 50);
    expect_none(0);
    assert_int_equal(ack(0), FAKE_SPURIOUS);
    set_line(50, true);
    assert_int_equal(ack(0), 50);
    set_line(50, false);
    set_line(50, true);
    eoi(0, 50);
    assert_int_equal(ack(0), 50);
    eoi(0, 50);
    set_line(50, false);
    expect_none(0);
}

/* The latch that ISPENDR set ends with the acknowledgement, whatever the line does later. */
static void latch_of_a_level_is_taken_once(void **state)
{
    (void)state;
    irq_write(0, GICD_ISENABLER, 50);
    irq_write(0, GICD_ISPENDR, 50);
    assert_int_equal(ack(0), 50);
    set_line(50, true);
    set_line(50, false);
    eoi(0, 50);
    expect_none(0);
    assert_false(irq_is(0, GICD_ISPENDR, 50));
}

/* An edge while active stays for later; two are one. */
static void edge_while_active(void **state)
{
    (void)state;
    make_edges(1);
    pulse(32);
    pulse(32);
    assert_int_equal(ack(0), 32);
    expect_none(0);
    pulse(32);
    pulse(32);
    assert_int_equal(fake_lr_of(0, 32) & ICH_LR_State, ICH_LR_State);
    assert_true(irq_is(0, GICD_ISPENDR, 32));
    assert_true(irq_is(0, GICD_ISACTIVER, 32));
    eoi(0, 32);
    expect_one(0, 32);
    expect_none(0);
}

/* One that is disabled while active ends in peace, and keeps what arrives meanwhile. */
static void disabled_while_active(void **state)
{
    (void)state;
    make_edges(1);
    pulse(32);
    assert_int_equal(ack(0), 32);
    irq_write(0, GICD_ICENABLER, 32);
    pulse(32);
    assert_true(irq_is(0, GICD_ISPENDR, 32));
    eoi(0, 32);
    expect_none(0);
    assert_true(irq_is(0, GICD_ISPENDR, 32));
    irq_write(0, GICD_ISENABLER, 32);
    expect_one(0, 32);
    expect_none(0);
}

/* The same with what had arrived before. */
static void disabled_while_active_and_pending(void **state)
{
    (void)state;
    make_edges(1);
    pulse(32);
    assert_int_equal(ack(0), 32);
    pulse(32);
    irq_write(0, GICD_ICENABLER, 32);
    eoi(0, 32);
    expect_none(0);
    assert_true(irq_is(0, GICD_ISPENDR, 32));
    irq_write(0, GICD_ISENABLER, 32);
    expect_one(0, 32);
    expect_none(0);
}

static void sgi_disabled_while_active(void **state)
{
    (void)state;
    irq_write(0, GICD_ISENABLER, 5);
    send_sgi(5, 1);
    assert_int_equal(ack(0), 5);
    irq_write(0, GICD_ICENABLER, 5);
    send_sgi(5, 1);
    eoi(0, 5);
    expect_none(0);
    irq_write(0, GICD_ISENABLER, 5);
    expect_one(0, 5);
    expect_none(0);
}

static void level_disabled_while_active(void **state)
{
    (void)state;
    irq_write(0, GICD_ISENABLER, 50);
    set_line(50, true);
    assert_int_equal(ack(0), 50);
    irq_write(0, GICD_ICENABLER, 50);
    set_line(50, false);
    set_line(50, true);
    eoi(0, 50);
    expect_none(0);
    irq_write(0, GICD_ISENABLER, 50);
    expect_one(0, 50);

    irq_write(0, GICD_ICENABLER, 50); /* and by latch */
    set_line(50, false);
    irq_write(0, GICD_ISPENDR, 50);
    irq_write(0, GICD_ISENABLER, 50);
    assert_int_equal(ack(0), 50);
    irq_write(0, GICD_ICENABLER, 50);
    irq_write(0, GICD_ISPENDR, 50);
    dist_read(GICD_ISPENDR + 4); /* has its state fetched once more */
    eoi(0, 50);
    assert_true(irq_is(0, GICD_ISPENDR, 50));
    irq_write(0, GICD_ISENABLER, 50);
    expect_one(0, 50);
    expect_none(0);
}

#define test(f) cmocka_unit_test_setup(f, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(value_of_an_edge),
        test(value_of_a_level),
        test(value_of_a_linked_timer),
        test(level_until_it_drops),
        test(latch_of_a_level_is_taken_once),
        test(edge_while_active),
        test(disabled_while_active),
        test(disabled_while_active_and_pending),
        test(sgi_disabled_while_active),
        test(level_disabled_while_active),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
