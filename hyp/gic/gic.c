/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's GICv3. See gic.h; registers in gic_regs.h. */
#include "gic/gic.h"

#include "gic/gic_regs.h"
#include "gicc.h"
#include "mm/io.h"

#define PRIORITY_DEFAULT 0x80
#define BITS_32          (~UINT32_C(0))

static struct gic_config config;
static struct {
    pa_t redist;
    uint64_t kick; /* the write to ICC_SGI1R_EL1 that reaches it */
} cpus[MAX_CPUS];

static pa_t dist(uint64_t offset)
{
    return io_reg(config.dist.base, offset);
}

static pa_t ppi_reg(unsigned cpu, uint64_t offset)
{
    return io_reg(cpus[cpu].redist, GICR_SGI_BASE + offset);
}

static void wait_dist(void)
{
    while ((io_read32(dist(GICD_CTLR)) & GICD_CTLR_RWP) != 0)
        ;
}

static void wait_redist(unsigned cpu)
{
    while ((io_read32(io_reg(cpus[cpu].redist, GICR_CTLR)) & GICR_CTLR_RWP) != 0)
        ;
}

int gic_init(const struct gic_config *wanted)
{
    uint32_t lines;

    config = *wanted;
    if ((io_read32(dist(GICD_PIDR2)) & 0xf0) < PIDR2_ArchRev_GICv3)
        return -ERR_UNSUPPORTED;
    lines = (uint32_t)FIELD_GET(GICD_TYPER_ITLinesNumber, io_read32(dist(GICD_TYPER)));
    io_write32(dist(GICD_CTLR), 0);
    wait_dist();
    for (uint64_t i = 1; i <= lines; i++) {
        io_write32(dist(GICD_IGROUPR + 4 * i), BITS_32);
        io_write32(dist(GICD_ICENABLER + 4 * i), BITS_32);
        io_write32(dist(GICD_ICPENDR + 4 * i), BITS_32);
        io_write32(dist(GICD_ICACTIVER + 4 * i), BITS_32);
    }
    wait_dist();
    io_write32(dist(GICD_CTLR), (uint32_t)(GICD_CTLR_ARE | GICD_CTLR_EnableGrp1));
    wait_dist();
    return 0;
}

static int find_redist(unsigned cpu, uint64_t mpidr)
{
    uint64_t affinity = (mpidr & GENMASK(23, 0)) | FIELD_GET(MPIDR_Aff3, mpidr) << 24;

    for (unsigned i = 0; i < config.nr_redist_regions; i++) {
        for (uint64_t at = 0; at + GICR_SIZE <= config.redist[i].size; at += GICR_SIZE) {
            pa_t redist = io_reg(config.redist[i].base, at);
            uint64_t typer = io_read64(io_reg(redist, GICR_TYPER));

            if (FIELD_GET(GICR_TYPER_Affinity_Value, typer) == affinity) {
                cpus[cpu].redist = redist;
                return 0;
            }
            if ((typer & GICR_TYPER_Last) != 0)
                break;
        }
    }
    return -ERR_NOENT;
}

static void wake_redist(unsigned cpu)
{
    pa_t waker = io_reg(cpus[cpu].redist, GICR_WAKER);

    io_write32(waker, io_read32(waker) & ~(uint32_t)GICR_WAKER_ProcessorSleep);
    while ((io_read32(waker) & GICR_WAKER_ChildrenAsleep) != 0)
        ;
}

int gic_init_cpu(unsigned cpu, uint64_t mpidr)
{
    int err = find_redist(cpu, mpidr);

    if (err != 0)
        return err;
    cpus[cpu].kick = gic_sgir_target(mpidr) | FIELD_PREP(ICC_SGIR_INTID, GIC_SGI_KICK);
    wake_redist(cpu);
    io_write32(ppi_reg(cpu, GICD_ICENABLER), BITS_32);
    io_write32(ppi_reg(cpu, GICD_ICPENDR), BITS_32);
    io_write32(ppi_reg(cpu, GICD_ICACTIVER), BITS_32);
    io_write32(ppi_reg(cpu, GICD_IGROUPR), BITS_32);
    for (uint64_t i = 0; i < 32; i += 4)
        io_write32(ppi_reg(cpu, GICD_IPRIORITYR + i), PRIORITY_DEFAULT * UINT32_C(0x01010101));
    wait_redist(cpu);
    gicc_init();
    gic_ppi_set_enabled(cpu, GIC_SGI_KICK, true);
    gic_ppi_set_enabled(cpu, GIC_SGI_REPORT, true);
    gic_ppi_set_enabled(cpu, config.maintenance, true);
    return 0;
}

/* Write `value` to the field of `bits` bits, 8 at most, that `intid` has among those at `reg`. */
static void write_field(uint64_t reg, uint32_t intid, unsigned bits, uint32_t value)
{
    pa_t word = dist(reg + 4 * (intid * bits / 32));
    unsigned shift = intid * bits % 32;
    uint32_t mask = ((UINT32_C(1) << bits) - 1) << shift;

    io_write32(word, (io_read32(word) & ~mask) | value << shift);
}

void gic_enable_spi(uint32_t intid, bool edge, uint64_t mpidr)
{
    write_field(GICD_IPRIORITYR, intid, 8, PRIORITY_DEFAULT);
    write_field(GICD_ICFGR, intid, 2, edge ? GICD_ICFGR_EDGE : 0);
    io_write64(dist(GICD_IROUTER + 8 * (uint64_t)intid), mpidr & GICD_IROUTER_AFF);
    io_write32(dist(GICD_ISENABLER + 4 * (intid / 32)), UINT32_C(1) << intid % 32);
}

void gic_set_pending(uint32_t intid)
{
    io_write32(dist(GICD_ISPENDR + 4 * (intid / 32)), UINT32_C(1) << intid % 32);
}

void gic_kick(unsigned cpu)
{
    gicc_send_sgi(cpus[cpu].kick);
}

void gic_send_sgi(unsigned cpu, uint32_t intid)
{
    gicc_send_sgi((cpus[cpu].kick & ~ICC_SGIR_INTID) | FIELD_PREP(ICC_SGIR_INTID, intid));
}

void gic_ppi_set_enabled(unsigned cpu, uint32_t intid, bool enabled)
{
    io_write32(ppi_reg(cpu, enabled ? GICD_ISENABLER : GICD_ICENABLER), UINT32_C(1) << intid);
    wait_redist(cpu);
}

void gic_ppi_set_pending(unsigned cpu, uint32_t intid, bool pending)
{
    io_write32(ppi_reg(cpu, pending ? GICD_ISPENDR : GICD_ICPENDR), UINT32_C(1) << intid);
}

void gic_ppi_set_active(unsigned cpu, uint32_t intid, bool active)
{
    io_write32(ppi_reg(cpu, active ? GICD_ISACTIVER : GICD_ICACTIVER), UINT32_C(1) << intid);
}

uint32_t gic_ppi_pending(unsigned cpu)
{
    return io_read32(ppi_reg(cpu, GICD_ISPENDR));
}
