/* SPDX-License-Identifier: Apache-2.0 */
/* The GICv3 driver of the small guests: see gic.h. */
#include "gic.h"

#include "barrier.h"
#include "platform.h"
#include "smp.h"
#include "sysreg.h"
#include "timer.h"

#define GICR_FRAME_SIZE      0x20000
#define GICR_FRAME_SIZE_VLPI 0x40000
#define GICR_TYPER_VLPIS     (1U << 1)
#define QEMU_IIDR            0x43b
#define ICC_SRE_SRE          1
#define PMR_ALL              0xff
#define SPURIOUS_FIRST       1020

static gic_handler_fn handler;
static void (*raw_handler)(void);

static volatile uint32_t *reg32(uint64_t address)
{
    return (volatile uint32_t *)address;
}

uint32_t gicd_read(uint32_t offset)
{
    return *reg32(platform.gicd.address + offset);
}

void gicd_write(uint32_t offset, uint32_t value)
{
    *reg32(platform.gicd.address + offset) = value;
}

uint32_t gicr_read(unsigned cpu, uint32_t offset)
{
    return *reg32(smp_cpus[cpu].gicr + offset);
}

void gicr_write(unsigned cpu, uint32_t offset, uint32_t value)
{
    *reg32(smp_cpus[cpu].gicr + offset) = value;
}

/* GICR_TYPER's affinity, in MPIDR_EL1's layout. */
static uint64_t frame_affinity(uint64_t typer)
{
    return (typer >> 32 & 0xffffff) | (typer >> 56) << 32;
}

/* The frame for `mpidr`, 0 where there is none. */
static uint64_t find_redistributor(uint64_t mpidr)
{
    for (unsigned i = 0; i < platform.nr_gicr; i++) {
        uint64_t frame = platform.gicr[i].address;
        uint64_t end = frame + platform.gicr[i].size;

        while (frame < end) {
            uint64_t typer = *(volatile uint64_t *)(frame + GICR_TYPER);

            if (frame_affinity(typer) == mpidr)
                return frame;
            if (typer & GICR_TYPER_LAST)
                break;
            frame += typer & GICR_TYPER_VLPIS ? GICR_FRAME_SIZE_VLPI : GICR_FRAME_SIZE;
        }
    }
    return 0;
}

void gic_init(void)
{
    gicd_write(GICD_CTLR, GICD_CTLR_ARE);
    gicd_write(GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_G1A);
    timer_wait_until(!(gicd_read(GICD_CTLR) & GICD_CTLR_RWP), WAIT_US);
}

void gic_init_cpu(void)
{
    struct cpu *cpu = smp_this_cpu();
    unsigned self = cpu->index;

    write_sysreg(ICC_SRE_SRE, icc_sre_el1);
    /* The registers below exist once SRE is set. */
    isb();
    cpu->gicr = find_redistributor(platform.mpidr[self]);
    gicr_write(self, GICR_SGI_BASE + GICD_ICENABLER, ~0U);
    write_sysreg(PMR_ALL, icc_pmr_el1);
    write_sysreg(0, icc_bpr1_el1);
    write_sysreg(0, icc_ctlr_el1);
    write_sysreg(1, icc_igrpen1_el1);
    /* Interrupts may come from here on. */
    isb();
}

void gic_wake_cpu(void)
{
    unsigned self = smp_this_cpu()->index;

    gicr_write(self, GICR_WAKER, 0);
    timer_wait_until(!(gicr_read(self, GICR_WAKER) & GICR_WAKER_ASLEEP), WAIT_US);
    gicr_write(self, GICR_SGI_BASE + GICD_IGROUPR, ~0U);
}

void gic_set_handler(gic_handler_fn fn)
{
    handler = fn;
}

void gic_set_raw_handler(void (*fn)(void))
{
    raw_handler = fn;
}

bool gic_is_qemus(void)
{
    return gicd_read(GICD_IIDR) == QEMU_IIDR;
}

void gic_handle_irq(void)
{
    uint32_t intid;

    if (raw_handler) {
        raw_handler();
        return;
    }
    intid = (uint32_t)read_sysreg(icc_iar1_el1);
    if (intid >= SPURIOUS_FIRST)
        return;
    if (handler)
        handler(intid);
    write_sysreg(intid, icc_eoir1_el1);
}

static uint64_t reg_address(uint32_t reg, uint32_t intid)
{
    return intid < GIC_SPI_BASE ? smp_this_cpu()->gicr + GICR_SGI_BASE + reg
                                : platform.gicd.address + reg;
}

bool gic_get_bit(uint32_t reg, uint32_t intid)
{
    return *reg32(reg_address(reg, intid) + intid / 32 * 4) >> intid % 32 & 1;
}

/* The set and clear registers only: a write of one bit leaves the others alone. */
void gic_set_bit(uint32_t reg, uint32_t intid)
{
    *reg32(reg_address(reg, intid) + intid / 32 * 4) = 1U << intid % 32;
}

void gic_set_priority(uint32_t intid, uint8_t priority)
{
    *(volatile uint8_t *)(reg_address(GICD_IPRIORITYR, intid) + intid) = priority;
}

uint8_t gic_get_priority(uint32_t intid)
{
    return *(volatile uint8_t *)(reg_address(GICD_IPRIORITYR, intid) + intid);
}

void gic_set_edge(uint32_t intid, bool edge)
{
    volatile uint32_t *reg = reg32(reg_address(GICD_ICFGR, intid) + intid / 16 * 4);
    uint32_t bit = 2U << intid % 16 * 2;

    *reg = edge ? *reg | bit : *reg & ~bit;
}

void gic_route(uint32_t intid, unsigned cpu)
{
    *(volatile uint64_t *)(platform.gicd.address + GICD_IROUTER + UINT64_C(8) * intid) =
        platform.mpidr[cpu];
}

void gic_enable(uint32_t intid)
{
    volatile uint32_t *group = reg32(reg_address(GICD_IGROUPR, intid) + intid / 32 * 4);

    *group |= 1U << intid % 32;
    gic_set_priority(intid, GIC_PRIORITY_DEFAULT);
    if (intid >= GIC_SPI_BASE)
        gic_route(intid, smp_this_cpu()->index);
    gic_set_bit(GICD_ISENABLER, intid);
}

void gic_disable(uint32_t intid)
{
    gic_set_bit(GICD_ICENABLER, intid);
    if (intid >= GIC_SPI_BASE)
        timer_wait_until(!(gicd_read(GICD_CTLR) & GICD_CTLR_RWP), WAIT_US);
}

void gic_send_sgi(uint32_t intid, unsigned cpu)
{
    uint64_t mpidr = platform.mpidr[cpu];
    uint64_t aff0 = mpidr & 0xff;
    uint64_t value = (uint64_t)1 << aff0 % 16 | (mpidr >> 8 & 0xff) << 16 | (uint64_t)intid << 24 |
                     (mpidr >> 16 & 0xff) << 32 | (aff0 / 16) << 44 | (mpidr >> 32 & 0xff) << 48;

    /* What was written before is visible to the CPU that takes the SGI. */
    dsb(ishst);
    write_sysreg(value, icc_sgi1r_el1);
    isb();
}
