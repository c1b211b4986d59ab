/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of gic/vgic_mmio.c: the registers as the GICv3 specification has them. */
#include "vgic_fixture.h"

#define CPUS     4
#define LAST_SPI (VGIC_NR_IRQS - 1)

static int start(void **state)
{
    (void)state;
    vgic_start(CPUS, flat_mpidr, 4);
    return 0;
}

static int start_ready(void **state)
{
    (void)state;
    vgic_start_ready(CPUS, 4);
    return 0;
}

static void distributor_identifies_itself(void **state)
{
    (void)state;
    uint32_t typer = dist_read(GICD_TYPER);

    assert_int_equal((typer & 0x1f), 8);     /* 32 * (8 + 1) INTIDs */
    assert_int_equal(typer >> 19 & 0x1f, 9); /* of 10 bits */
    assert_int_equal(typer >> 24 & 1, 1);    /* Aff3 is valid */
    assert_int_equal(typer >> 25 & 1, 0);    /* 1 of N is there */
    assert_int_equal(typer >> 10 & 1, 0);    /* one security state */
    assert_int_equal(typer >> 16 & 3, 0);    /* no message-based SPIs, no LPIs */
    assert_int_equal(dist_read(GICD_PIDR2) >> 4 & 0xf, 3);
    assert_int_equal(typer >> 26 & 1, 1); /* SGIs reach any Aff0: sgi_targets() in test_vgic.c */
    dist_write(GICD_TYPER, 0xffffffff);
    dist_write(GICD_PIDR2, 0);
    assert_int_equal(dist_read(GICD_TYPER), typer);
    assert_int_equal(dist_read(GICD_PIDR2) >> 4 & 0xf, 3);
}

/* DS and ARE_S can't be cleared; RWP never shows, for writes are done when they return. */
static void distributor_control(void **state)
{
    (void)state;
    assert_int_equal(dist_read(GICD_CTLR), 0x50);
    dist_write(GICD_CTLR, 0xffffffff);
    assert_int_equal(dist_read(GICD_CTLR), 0x53);
    dist_write(GICD_CTLR, 1);
    assert_int_equal(dist_read(GICD_CTLR), 0x51);
    dist_write(GICD_CTLR, 2);
    assert_int_equal(dist_read(GICD_CTLR), 0x52);
    dist_write(GICD_CTLR, 0);
    assert_int_equal(dist_read(GICD_CTLR), 0x50);
}

static void redistributors_identify_themselves(void **state)
{
    (void)state;
    static const uint64_t mpidr[3] = {0x0000000102, 0x0500000000, 0x7f03020100};

    vgic_start(3, mpidr, 4);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t typer = redist_read_sized(i, GICR_TYPER, 8);

        assert_int_equal(typer >> 56, mpidr[i] >> 32 & 0xff);
        assert_int_equal(typer >> 32 & 0xffffff, mpidr[i] & 0xffffff);
        assert_int_equal(typer >> 8 & 0xffff, i);
        assert_int_equal(typer >> 4 & 1, i == 2);
        assert_int_equal(typer & 0xf, 0); /* no LPIs */
        assert_int_equal(redist_read(i, GICR_TYPER), typer & 0xffffffff);
        assert_int_equal(redist_read(i, GICR_TYPER + 4), typer >> 32);
        assert_int_equal(redist_read(i, GICR_PIDR2) >> 4 & 0xf, 3);
        assert_int_equal(redist_read(i, GICR_CTLR), 0);
    }
    redist_write_sized(1, GICR_TYPER, 8, ~UINT64_C(0));
    assert_int_equal(redist_read_sized(1, GICR_TYPER, 8) >> 8 & 0xffff, 1);
}

static void waker(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CPUS; i++) {
        assert_int_equal(redist_read(i, GICR_WAKER), 0);
        redist_write(i, GICR_WAKER, 2);
        assert_int_equal(redist_read(i, GICR_WAKER), 6);
    }
    redist_write(0, GICR_WAKER, 0);
    redist_write(2, GICR_WAKER, 4); /* ChildrenAsleep is read-only */
    assert_int_equal(redist_read(0, GICR_WAKER), 0);
    assert_int_equal(redist_read(1, GICR_WAKER), 6);
    assert_int_equal(redist_read(2, GICR_WAKER), 0);
}

/* Between frames of CPUs there is nothing, nor behind the last of a region. */
static void frames_that_do_not_exist(void **state)
{
    (void)state;
    assert_int_equal(redist_read_sized(CPUS, GICR_TYPER, 8), 0);
    assert_int_equal(redist_read(CPUS + 1000, GICR_PIDR2), 0);
    redist_write(CPUS, GICR_WAKER, 0);
    redist_write(CPUS, GICR_SGI_BASE + GICD_ISENABLER, 1);
    redists.first = 2;
    redists.count = 1;
    assert_int_equal(redist_read_sized(0, GICR_TYPER, 8) >> 8 & 0xffff, 2);
    assert_int_equal(redist_read_sized(1, GICR_TYPER, 8), 0);
    redists.first = 0;
}

/* Which of a word's bits can be set, and then cleared, by a pair of registers. */
static void check_set_clear(uint32_t intid, uint64_t set, uint64_t clear)
{
    const uint32_t some = 0xa5c30f96;

    assert_int_equal(bits_read(1, set, intid), 0);
    bits_write(1, set, intid, some);
    assert_int_equal(bits_read(1, set, intid), some);
    assert_int_equal(bits_read(1, clear, intid), some);
    bits_write(1, set, intid, 0);
    assert_int_equal(bits_read(1, set, intid), some);
    bits_write(1, clear, intid, 0xff);
    assert_int_equal(bits_read(1, set, intid), some & ~UINT32_C(0xff));
    bits_write(1, set, intid, ~UINT32_C(0));
    assert_int_equal(bits_read(1, set, intid), ~UINT32_C(0));
    bits_write(1, clear, intid, ~UINT32_C(0));
    assert_int_equal(bits_read(1, set, intid), 0);
}

static void words_of_bits(void **state)
{
    (void)state;
    for (uint32_t intid = 0; intid < VGIC_NR_IRQS; intid += 32) {
        assert_int_equal(bits_read(1, GICD_IGROUPR, intid), UINT32_MAX);
        bits_write(1, GICD_IGROUPR, intid, 0x12345678);
        assert_int_equal(bits_read(1, GICD_IGROUPR, intid), 0x12345678);
        check_set_clear(intid, GICD_ISENABLER, GICD_ICENABLER);
        check_set_clear(intid, GICD_ISPENDR, GICD_ICPENDR);
        check_set_clear(intid, GICD_ISACTIVER, GICD_ICACTIVER);
    }
}

/* A redistributor's word is its own; those of the SPIs are one for all. */
static void private_and_shared(void **state)
{
    (void)state;
    bits_write(2, GICD_ISENABLER, 0, 0xf0);
    irq_set_priority(2, 20, 0x48);
    for (unsigned i = 0; i < CPUS; i++) {
        assert_int_equal(bits_read(i, GICD_ISENABLER, 0), i == 2 ? 0xf0 : 0);
        assert_int_equal(redist_read_sized(i, GICR_SGI_BASE + GICD_IPRIORITYR + 20, 1),
                         i == 2 ? 0x48 : 0);
    }
    fake_cpu_index = 3;
    dist_write(GICD_ISENABLER + 4, 0x101);
    fake_cpu_index = 1;
    assert_int_equal(dist_read(GICD_ISENABLER + 4), 0x101);
}

/* With affinity routing, INTIDs below 32 are in the redistributors alone, the others not there. */
static void each_bank_in_its_place(void **state)
{
    (void)state;
    static const uint32_t reg[] = {GICD_IGROUPR,   GICD_ISENABLER,  GICD_ISPENDR,
                                   GICD_ISACTIVER, GICD_IPRIORITYR, GICD_ICFGR + 4};

    redist_write(0, GICR_SGI_BASE + GICD_IGROUPR, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(reg); i++) {
        uint32_t next = reg[i] == GICD_IPRIORITYR ? 32 : reg[i] == GICD_ICFGR + 4 ? 4 : 4;

        dist_write(reg[i], ~UINT32_C(0));
        assert_int_equal(dist_read(reg[i]), 0);
        redist_write(0, GICR_SGI_BASE + reg[i] + next, ~UINT32_C(0));
        assert_int_equal(redist_read(0, GICR_SGI_BASE + reg[i] + next), 0);
        if (reg[i] != GICD_ICFGR + 4)
            assert_int_equal(redist_read(0, GICR_SGI_BASE + reg[i]), 0);
    }
    for (unsigned i = 0; i < VGIC_SPI_BANKS; i++)
        assert_int_equal(dist_read(GICD_ISENABLER + 4 + 4 * i), 0);
}

/* A byte for each interrupt, of which the hardware's five upper bits are kept. */
static void priorities(void **state)
{
    (void)state;
    static const uint32_t intids[] = {0, 31, 32, 101, LAST_SPI};

    for (unsigned i = 0; i < ARRAY_SIZE(intids); i++) {
        bool private = intids[i] < 32;
        uint64_t reg = (private ? GICR_SGI_BASE : 0) + GICD_IPRIORITYR + intids[i];
        uint64_t word = reg & ~UINT64_C(3);
        unsigned shift = intids[i] % 4 * 8;

        irq_set_priority(3, intids[i], 0xff);
        if (private) {
            assert_int_equal(redist_read_sized(3, reg, 1), 0xf8);
            assert_int_equal(redist_read(3, word), UINT32_C(0xf8) << shift);
            redist_write(3, word, 0x19a23b47);
            assert_int_equal(redist_read(3, word), 0x18a03840);
        } else {
            assert_int_equal(dist_read_sized(reg, 1), 0xf8);
            assert_int_equal(dist_read(word), UINT32_C(0xf8) << shift);
            dist_write(word, 0x19a23b47);
            assert_int_equal(dist_read(word), 0x18a03840);
        }
    }
    dist_write(GICD_IPRIORITYR + VGIC_NR_IRQS, ~UINT32_C(0));
    assert_int_equal(dist_read(GICD_IPRIORITYR + VGIC_NR_IRQS), 0);
}

static void configuration(void **state)
{
    (void)state;
    uint64_t ppis = GICR_SGI_BASE + GICD_ICFGR + 4;

    assert_int_equal(redist_read(1, GICR_SGI_BASE + GICD_ICFGR), 0xaaaaaaaa);
    redist_write(1, GICR_SGI_BASE + GICD_ICFGR, 0); /* SGIs stay edges */
    assert_int_equal(redist_read(1, GICR_SGI_BASE + GICD_ICFGR), 0xaaaaaaaa);
    assert_int_equal(redist_read(1, ppis), 0);
    redist_write(1, ppis, ~UINT32_C(0)); /* the timers, PPIs 27 and 30, stay levels */
    assert_int_equal(redist_read(1, ppis), 0xaaaaaaaa & ~(3U << 22 | 3U << 28));
    for (uint32_t i = 32; i < VGIC_NR_IRQS; i += 16) {
        assert_int_equal(dist_read(GICD_ICFGR + i / 4), 0);
        dist_write(GICD_ICFGR + i / 4, 0xd46ff2b1); /* the lower bit of each pair is reserved */
        assert_int_equal(dist_read(GICD_ICFGR + i / 4), 0xd46ff2b1 & 0xaaaaaaaa);
    }
    dist_write(GICD_ICFGR + VGIC_NR_IRQS / 4, ~UINT32_C(0));
    assert_int_equal(dist_read(GICD_ICFGR + VGIC_NR_IRQS / 4), 0);
}

static void routers(void **state)
{
    (void)state;
    static const uint32_t intids[] = {32, 33, LAST_SPI};

    for (unsigned i = 0; i < ARRAY_SIZE(intids); i++) {
        uint64_t reg = GICD_IROUTER + 8 * (uint64_t)intids[i];

        dist_write_sized(reg, 8, ~UINT64_C(0));
        assert_int_equal(dist_read_sized(reg, 8), UINT64_C(0xff80ffffff));
        assert_int_equal(dist_read(reg), 0x80ffffff);
        assert_int_equal(dist_read(reg + 4), 0xff);
        dist_write(reg, 0x00030201);
        assert_int_equal(dist_read_sized(reg, 8), UINT64_C(0xff00030201));
        dist_write(reg + 4, 0xabcdef05);
        assert_int_equal(dist_read_sized(reg, 8), UINT64_C(0x0500030201));
        dist_write_sized(reg, 1, 0x77);
        dist_write_sized(reg, 2, 0x7777);
        assert_int_equal(dist_read_sized(reg, 8), UINT64_C(0x0500030201));
        assert_int_equal(dist_read_sized(reg, 2), 0);
    }
    /* SGIs and PPIs are not routed; what would follow the last SPI is not there. */
    dist_write_sized(GICD_IROUTER, 8, ~UINT64_C(0));
    dist_write_sized(GICD_IROUTER + 8 * 31, 8, ~UINT64_C(0));
    dist_write_sized(GICD_IROUTER + 8 * VGIC_NR_IRQS, 8, ~UINT64_C(0));
    dist_write_sized(GICD_IROUTER + 8 * 1023, 8, ~UINT64_C(0));
    assert_int_equal(dist_read_sized(GICD_IROUTER, 8), 0);
    assert_int_equal(dist_read_sized(GICD_IROUTER + 8 * 31, 8), 0);
    assert_int_equal(dist_read_sized(GICD_IROUTER + 8 * VGIC_NR_IRQS, 8), 0);
    assert_int_equal(dist_read_sized(GICD_IROUTER + 8 * 1023, 8), 0);
}

/* The timers' PPIs are the machine's own: what is done to one is done to the other. */
static void linked_ppis(void **state)
{
    (void)state;
    const uint32_t timers = UINT32_C(1) << 27 | UINT32_C(1) << 30;

    bits_write(2, GICD_ISENABLER, 0, ~UINT32_C(0));
    assert_int_equal(fake_ppi[2].enabled, timers);
    assert_int_equal(fake_ppi[1].enabled, 0);
    bits_write(2, GICD_ICENABLER, 0, UINT32_C(1) << 30);
    assert_int_equal(fake_ppi[2].enabled, UINT32_C(1) << 27);
    bits_write(2, GICD_ICENABLER, 0, ~UINT32_C(0));
    bits_write(2, GICD_ISPENDR, 0, ~UINT32_C(0));
    assert_int_equal(fake_ppi[2].latch, timers);
    bits_write(2, GICD_ICPENDR, 0, UINT32_C(1) << 27);
    assert_int_equal(fake_ppi[2].latch, UINT32_C(1) << 30);
    bits_write(2, GICD_ICPENDR, 0, ~UINT32_C(0));
    bits_write(2, GICD_ISACTIVER, 0, UINT32_C(1) << 30);
    assert_int_equal(fake_ppi[2].active, UINT32_C(1) << 30);
    bits_write(2, GICD_ICACTIVER, 0, ~UINT32_C(0));
    assert_int_equal(fake_ppi[2].active, 0);
    fake_ppi_line(2, 27, true); /* the line shows, though the interrupt is disabled */
    assert_int_equal(bits_read(2, GICD_ISPENDR, 0), UINT32_C(1) << 27);
    assert_int_equal(bits_read(1, GICD_ISPENDR, 0), 0);
    bits_write(2, GICD_ICPENDR, 0, ~UINT32_C(0)); /* which does not take the level away */
    assert_int_equal(bits_read(2, GICD_ISPENDR, 0), UINT32_C(1) << 27);
    fake_ppi_line(2, 27, false);
    assert_int_equal(bits_read(2, GICD_ISPENDR, 0), 0);
}

/* A level shows as pending and a write to ICPENDR does not end it, but it ends a latch. */
static void pending_by_line_and_by_latch(void **state)
{
    (void)state;
    set_line(40, true);
    assert_true(irq_is(0, GICD_ISPENDR, 40));
    irq_write(0, GICD_ICPENDR, 40);
    assert_true(irq_is(0, GICD_ISPENDR, 40));
    set_line(40, false);
    assert_false(irq_is(0, GICD_ISPENDR, 40));

    irq_write(0, GICD_ISPENDR, 40);
    set_line(40, true);
    set_line(40, false);
    assert_true(irq_is(0, GICD_ISPENDR, 40)); /* by the latch */
    irq_write(0, GICD_ICPENDR, 40);
    assert_false(irq_is(0, GICD_ISPENDR, 40));

    irq_set_edge(0, 41, true);
    set_line(41, true);
    assert_true(irq_is(0, GICD_ISPENDR, 41));
    set_line(41, false);
    assert_true(irq_is(0, GICD_ISPENDR, 41));
    set_line(41, true);
    irq_write(0, GICD_ICPENDR, 41);
    assert_false(irq_is(0, GICD_ISPENDR, 41)); /* a level that stays is no new edge */
    set_line(41, true);
    assert_false(irq_is(0, GICD_ISPENDR, 41));
}

#define fresh(f) cmocka_unit_test_setup(f, start)
#define ready(f) cmocka_unit_test_setup(f, start_ready)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(distributor_identifies_itself),
        fresh(distributor_control),
        fresh(redistributors_identify_themselves),
        fresh(waker),
        fresh(frames_that_do_not_exist),
        fresh(words_of_bits),
        fresh(private_and_shared),
        fresh(each_bank_in_its_place),
        fresh(priorities),
        fresh(configuration),
        fresh(routers),
        fresh(linked_ppis),
        ready(pending_by_line_and_by_latch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
