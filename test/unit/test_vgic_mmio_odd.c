/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of gic/vgic_mmio.c with accesses that a sane guest does not make. */
#include "vgic_fixture.h"

#define CPUS     4
#define LAST_SPI (VGIC_NR_IRQS - 1)

static int start(void **state)
{
    (void)state;
    vgic_start(CPUS, flat_mpidr, 4);
    return 0;
}

/* Sizes that a register does not have: zero, no effect. */
static void sizes_that_are_not_there(void **state)
{
    (void)state;
    static const uint8_t size[] = {1, 2, 8};

    dist_write(GICD_ISENABLER + 4, 0x0f0f0f0f);
    dist_write(GICD_IPRIORITYR + 40, 0x40404040);
    for (unsigned i = 0; i < ARRAY_SIZE(size); i++) {
        assert_int_equal(dist_read_sized(GICD_CTLR, size[i]), 0);
        assert_int_equal(dist_read_sized(GICD_TYPER, size[i]), 0);
        assert_int_equal(dist_read_sized(GICD_ISENABLER + 4, size[i]), 0);
        assert_int_equal(dist_read_sized(GICD_ICFGR + 8, size[i]), 0);
        assert_int_equal(redist_read_sized(0, GICR_WAKER, size[i]), 0);
        dist_write_sized(GICD_CTLR, size[i], 3);
        dist_write_sized(GICD_ISENABLER + 4, size[i], 0xff);
        dist_write_sized(GICD_ICFGR + 8, size[i], 0xff);
        redist_write_sized(0, GICR_WAKER, size[i], 2);
        if (size[i] != 1) {
            dist_write_sized(GICD_IPRIORITYR + 40, size[i], 0);
            assert_int_equal(dist_read_sized(GICD_IPRIORITYR + 40, size[i]), 0);
        }
    }
    assert_int_equal(dist_read(GICD_CTLR), 0x50);
    assert_int_equal(dist_read(GICD_ISENABLER + 4), 0x0f0f0f0f);
    assert_int_equal(dist_read(GICD_IPRIORITYR + 40), 0x40404040);
    assert_int_equal(dist_read(GICD_ICFGR + 8), 0);
    assert_int_equal(redist_read(0, GICR_WAKER), 0);
}

/* A guest can place an access anywhere: an odd one must touch nothing beyond its register. */
static void misaligned_accesses(void **state)
{
    (void)state;
    uint64_t frame = GICR_SGI_BASE;

    for (uint64_t at = 1; at < 4; at++) {
        dist_write(GICD_IPRIORITYR + 60 + at, ~UINT32_C(0));
        redist_write(3, frame + GICD_IPRIORITYR + 28 + at, ~UINT32_C(0));
        assert_int_equal(dist_read(GICD_IPRIORITYR + 60 + at), 0);
        assert_int_equal(redist_read(3, frame + GICD_IPRIORITYR + 28 + at), 0);
        dist_write(GICD_IPRIORITYR + VGIC_NR_IRQS - 4 + at, ~UINT32_C(0));
        dist_write(GICD_ICFGR + 8 + at, ~UINT32_C(0));
        dist_write(GICD_ICFGR + 12 + at, ~UINT32_C(0));
        assert_int_equal(dist_read(GICD_ICFGR + 12 + at), 0);
        dist_write(GICD_ISENABLER + 4 + at, ~UINT32_C(0));
        dist_write(GICD_ISENABLER + VGIC_NR_IRQS / 8 - 4 + at, ~UINT32_C(0));
        dist_write_sized(GICD_IROUTER + 8 * 32 + at, 8, ~UINT64_C(0));
        dist_write(GICD_IROUTER + 8 * LAST_SPI + 4 + at, ~UINT32_C(0));
    }
    dist_write_sized(GICD_IROUTER + 8 * LAST_SPI + 4, 8, ~UINT64_C(0));
    for (uint32_t i = 0; i < VGIC_SPI_BANKS; i++) {
        assert_int_equal(dist_read(GICD_ISENABLER + 4 + 4 * i), 0);
        for (unsigned n = 0; n < 32; n++)
            assert_int_equal(vgic.spi[i].target[n], 0);
    }
    assert_int_equal(dist_read_sized(GICD_IROUTER + 8 * 32, 8), 0);
    assert_int_equal(dist_read_sized(GICD_IROUTER + 8 * LAST_SPI, 8), 0);
    for (unsigned n = 0; n < 32; n++)
        assert_int_equal(vgic.vcpu[3].bank.target[n], 3);
}

/* Every offset, read and written with every size, keeps to what it may touch. */
static void sweep(void **state)
{
    (void)state;
    static const uint8_t size[] = {1, 2, 4, 8};
    struct mmio_access access;

    redists.count = 1; /* one CPU's frames are as good as another's */
    for (uint64_t at = 0; at < GICR_SIZE; at++) {
        for (unsigned i = 0; i < 8; i++) {
            access = (struct mmio_access){
                .offset = at, .size = size[i % 4], .write = i >= 4, .value = 0xff};
            if (at >= GICD_CTLR + 4 || i < 4)
                assert_int_equal(vgic_dist_access(&vgic, &access), MMIO_OK);
            access.offset = at;
            assert_int_equal(vgic_redist_access(&redists, &access), MMIO_OK);
        }
    }
    for (uint32_t i = 0; i < VGIC_SPI_BANKS; i++) {
        for (unsigned n = 0; n < 32; n++)
            assert_true(vgic.spi[i].target[n] < CPUS || vgic.spi[i].target[n] >= VGIC_NO_TARGET);
    }
}

/* What the specification reserves, and what Traproom has not: LPIs, messages, banked SGIs. */
static void reserved_registers(void **state)
{
    (void)state;
    static const uint32_t dist[] = {0x000c, 0x0010, 0x0040, 0x0048, 0x0050, 0x0058, 0x00fc,
                                    0x0800, 0x0840, 0x0d00, 0x0d04, 0x0e00, 0x0f00, 0x0f10,
                                    0x0f20, 0x3000, 0x5ffc, 0x6000, 0x8000, 0xc000, 0xffcc};
    static const uint32_t redist[] = {0x0000, 0x0010, 0x0040,  0x0048,  0x0070,  0x0078,  0x00a0,
                                      0x00c0, 0x0100, 0x10000, 0x10014, 0x10d00, 0x10e00, 0x1ffe8};

    for (unsigned i = 0; i < ARRAY_SIZE(dist); i++) {
        dist_write(dist[i], ~UINT32_C(0));
        assert_int_equal(dist_read(dist[i]), 0);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(redist); i++) {
        redist_write(1, redist[i], ~UINT32_C(0));
        assert_int_equal(redist_read(1, redist[i]), 0);
    }
}

#define test(f) cmocka_unit_test_setup(f, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(sizes_that_are_not_there),
        test(misaligned_accesses),
        test(sweep),
        test(reserved_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
