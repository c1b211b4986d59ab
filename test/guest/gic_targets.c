/* SPDX-License-Identifier: Apache-2.0 */
/* Who takes an interrupt: SGIs to any set of CPUs, SPIs by their routes (Arm IHI 0069, "Affinity
 * routing"). */
#include "gic_common.h"
#include "smp.h"
#include "sysreg.h"
#include "timer.h"

#define SGI   3
#define PPI   20 /* no device has it */
#define STORM 100

static void sgi_self(void)
{
    gic_log_start();
    for (uint32_t intid = 0; intid < 16; intid++) {
        gic_enable(intid);
        gic_send_sgi(intid, smp_this_cpu()->index);
        gic_take_pending();
        CHECK(gic_taken[smp_this_cpu()->index][intid] == 1, "SGI %u was taken %u times", intid,
              gic_taken[smp_this_cpu()->index][intid]);
    }
}

static void sgi_each_cpu(void)
{
    gic_log_start();
    gic_enable_everywhere(SGI);
    for (unsigned i = 1; i < platform.nr_cpus; i++) {
        gic_send_sgi(SGI, i);
        CHECK(gic_wait_taken(i, SGI, 1), "CPU %u takes no SGI", i);
    }
    CHECK(gic_taken_anywhere(SGI) == platform.nr_cpus - 1, "%u SGIs taken",
          gic_taken_anywhere(SGI));
}

/* One write reaches every CPU of a list, the sender's among them. */
static void sgi_list(void)
{
    unsigned self = smp_this_cpu()->index;
    uint64_t list = 0;

    gic_log_start();
    gic_enable_everywhere(SGI);
    for (unsigned i = 0; i < platform.nr_cpus; i++)
        list |= UINT64_C(1) << (platform.mpidr[i] & 0xf);
    write_sysreg(list | (uint64_t)SGI << 24, icc_sgi1r_el1);
    gic_take_pending();
    for (unsigned i = 0; i < platform.nr_cpus; i++)
        CHECK(gic_wait_taken(i, SGI, 1), "CPU %u takes no SGI", i);
    CHECK(gic_taken[self][SGI] == 1, "taken %u times here", gic_taken[self][SGI]);
}

static void sgi_all_but_self(void)
{
    unsigned self = smp_this_cpu()->index;

    gic_log_start();
    gic_enable_everywhere(SGI);
    write_sysreg(SGI1R_IRM | (uint64_t)SGI << 24, icc_sgi1r_el1);
    gic_take_pending();
    for (unsigned i = 0; i < platform.nr_cpus; i++)
        if (i != self)
            CHECK(gic_wait_taken(i, SGI, 1), "CPU %u takes no SGI", i);
    CHECK(gic_taken[self][SGI] == 0, "the sender took it");
}

/* Affinities that no CPU has: nothing happens. */
static void sgi_nobody(void)
{
    static const uint64_t targets[] = {
        UINT64_C(0x8000),                     /* Aff0 15 */
        UINT64_C(0x000f) | UINT64_C(5) << 16, /* Aff1 5 */
        UINT64_C(0x000f) | UINT64_C(7) << 32, /* Aff2 7 */
        UINT64_C(0x000f) | UINT64_C(9) << 48, /* Aff3 9 */
        UINT64_C(0),                          /* an empty list */
        UINT64_C(0xffff) | UINT64_C(0xff) << 16 | UINT64_C(0xff) << 48,
    };

    gic_log_start();
    gic_enable_everywhere(SGI);
    for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        write_sysreg(targets[i] | (uint64_t)SGI << 24, icc_sgi1r_el1);
        gic_take_pending();
        CHECK(gic_taken_anywhere(SGI) == 0, "%lx reached somebody", targets[i]);
    }
}

/* The register write of any CPU makes an SGI or PPI pending on another. */
static void pend_remote_private(void)
{
    unsigned last = platform.nr_cpus - 1;

    gic_log_start();
    gic_enable_everywhere(SGI);
    gic_enable_everywhere(PPI);
    gicr_write(last, GICR_SGI_BASE + GICD_ISPENDR, 1U << SGI);
    CHECK(gic_wait_taken(last, SGI, 1), "SGI by GICR_ISPENDR0 is not taken");
    gicr_write(last, GICR_SGI_BASE + GICD_ISPENDR, 1U << PPI);
    CHECK(gic_wait_taken(last, PPI, 1), "PPI by GICR_ISPENDR0 is not taken");
    CHECK(gic_taken_anywhere(PPI) == 1 && gic_taken_anywhere(SGI) == 1, "taken elsewhere too");
}

static void spi_routing(void)
{
    gic_log_start();
    for (unsigned i = 1; i < platform.nr_cpus; i++) {
        gic_prepare(SPI, PRIORITY_LOW, i);
        gic_pend(SPI);
        CHECK(gic_wait_taken(i, SPI, 1), "CPU %u takes no SPI", i);
    }
    gic_prepare(SPI, PRIORITY_LOW, smp_this_cpu()->index);
    gic_pend(SPI);
    gic_take_pending();
    CHECK(gic_taken[smp_this_cpu()->index][SPI] == 1, "not taken here");
    CHECK(gic_taken_anywhere(SPI) == platform.nr_cpus, "%u taken in all", gic_taken_anywhere(SPI));
    CHECK(!gic_get_bit(GICD_ISPENDR, SPI) && !gic_get_bit(GICD_ISACTIVER, SPI),
          "state is left over");
}

static void one_of_n(void)
{
    volatile uint64_t *router =
        (volatile uint64_t *)(platform.gicd.address + GICD_IROUTER + UINT64_C(8) * SPI);

    gic_prepare(SPI, PRIORITY_LOW, 0);
    *router = IROUTER_IRM;
    for (uint32_t round = 1; round <= 8; round++) {
        gic_log_start();
        gic_pend(SPI);
        irq_enable();
        CHECK(timer_wait_until(gic_taken_anywhere(SPI) == 1, WAIT_US), "round %u: nobody took it",
              round);
        timer_delay_us(SETTLE_US);
        irq_disable();
        CHECK(gic_taken_anywhere(SPI) == 1, "taken %u times", gic_taken_anywhere(SPI));
    }
}

/* Retargeted while pending and disabled: the new CPU takes it. */
static void reroute_pending(void)
{
    unsigned last = platform.nr_cpus - 1;

    gic_log_start();
    gic_prepare(SPI, PRIORITY_LOW, smp_this_cpu()->index);
    gic_pend(SPI);
    gic_route(SPI, last);
    CHECK(gic_wait_taken(last, SPI, 1), "the new target does not take it");
    gic_take_pending();
    CHECK(gic_taken_anywhere(SPI) == 1, "taken %u times", gic_taken_anywhere(SPI));
}

/* Each SGI waits for the one before it: none is lost, none comes twice. */
static void storm(void)
{
    gic_log_start();
    gic_enable_everywhere(SGI);
    for (uint32_t round = 1; round <= STORM; round++)
        for (unsigned i = 1; i < platform.nr_cpus; i++) {
            gic_send_sgi(SGI, i);
            CHECK(gic_wait_taken(i, SGI, round), "round %u: CPU %u took %u", round, i,
                  gic_taken[i][SGI]);
        }
    CHECK(gic_taken_anywhere(SGI) == STORM * (platform.nr_cpus - 1), "%u taken in all",
          gic_taken_anywhere(SGI));
}

const struct test_case gic_target_cases[] = {
    {"sgi-self", sgi_self},
    {"sgi-each-cpu", sgi_each_cpu},
    {"sgi-list", sgi_list},
    {"sgi-all-but-self", sgi_all_but_self},
    {"sgi-nobody", sgi_nobody},
    {"pend-remote-private", pend_remote_private},
    {"spi-routing", spi_routing},
    {"one-of-n", one_of_n},
    {"reroute-pending", reroute_pending},
    {"storm", storm},
    {NULL, NULL},
};
