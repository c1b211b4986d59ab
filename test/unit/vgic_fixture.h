/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual GIC with some CPUs, for its tests. The test's own thread plays whichever CPU it acts
 * for; while it accesses registers, other threads play the other CPUs, which come to EL2 when
 * kicked.
 */
#ifndef VGIC_FIXTURE_H
#define VGIC_FIXTURE_H

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fake_gich.h"
#include "gic/gic.h"
#include "gic/vgic.h"

#define SETTLE_MAX 100 /* exits in a row with no progress of the guest: it would never run */

static struct vgic vgic;
static struct vgic_redist_region redists = {.vgic = &vgic};

struct player {
    pthread_t thread;
    unsigned cpu;
};

static bool players_stop;

static const uint64_t flat_mpidr[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Take the exits that wait for the CPU that this thread plays. */
static inline void settle(void)
{
    unsigned cpu = fake_cpu_index;
    uint32_t ppi;

    for (unsigned i = 0;; i++) {
        fake_require(i < SETTLE_MAX);
        if (fake_take_kick(cpu) || fake_maintenance())
            vgic_sync(&vgic, cpu);
        else if ((ppi = fake_ppi_ack(cpu)) != 0)
            vgic_hw_ppi_fired(&vgic, cpu, ppi);
        else
            return;
    }
}

/* Each CPU in turn, until none has anything to do. */
static inline void settle_all(void)
{
    unsigned me = fake_cpu_index;

    for (unsigned round = 0; round < 2; round++) {
        for (fake_cpu_index = 0; fake_cpu_index < vgic.nr_vcpus; fake_cpu_index++)
            settle();
    }
    fake_cpu_index = me;
}

static inline void *play(void *arg)
{
    fake_cpu_index = ((struct player *)arg)->cpu;
    while (!__atomic_load_n(&players_stop, __ATOMIC_ACQUIRE)) {
        if (fake_take_kick(fake_cpu_index))
            vgic_sync(&vgic, fake_cpu_index);
        else
            sched_yield();
    }
    return NULL;
}

/* From here to players_end() this thread plays `me`, others the other CPUs. */
static inline void players_begin(struct player player[MAX_VCPUS], unsigned me)
{
    players_stop = false;
    fake_cpu_index = me;
    for (unsigned i = 0; i < vgic.nr_vcpus; i++) {
        player[i].cpu = i;
        if (i != me)
            fake_require(pthread_create(&player[i].thread, NULL, play, &player[i]) == 0);
    }
}

static inline void players_end(struct player player[MAX_VCPUS], unsigned me)
{
    __atomic_store_n(&players_stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < vgic.nr_vcpus; i++) {
        if (i != me)
            pthread_join(player[i].thread, NULL);
    }
    settle_all();
}

/* Do an access as `access->vcpu`, with the other CPUs running. */
static inline uint64_t do_access(mmio_access_fn fn, void *dev, struct mmio_access access)
{
    struct player player[MAX_VCPUS];
    unsigned me = fake_cpu_index;

    players_begin(player, access.vcpu);
    fake_require(fn(dev, &access) == MMIO_OK);
    players_end(player, access.vcpu);
    fake_cpu_index = me;
    return access.value;
}

/* A write of `intid` to ICC_DIR_EL1 by `cpu`, which must trap, with the other CPUs running. */
static inline void dir(unsigned cpu, uint64_t intid)
{
    struct player player[MAX_VCPUS];
    unsigned me = fake_cpu_index;

    fake_require((fake_gich[cpu].hcr & ICH_HCR_TDIR) != 0);
    players_begin(player, cpu);
    vgic_deactivate(&vgic, cpu, intid);
    players_end(player, cpu);
    fake_cpu_index = me;
}

static inline uint64_t dist_read_sized(uint64_t offset, uint8_t size)
{
    struct mmio_access access = {
        .offset = offset, .size = size, .value = 0x5a, .vcpu = (uint8_t)fake_cpu_index};

    return do_access(vgic_dist_access, &vgic, access);
}

static inline void dist_write_sized(uint64_t offset, uint8_t size, uint64_t value)
{
    struct mmio_access access = {.offset = offset,
                                 .size = size,
                                 .value = value,
                                 .write = true,
                                 .vcpu = (uint8_t)fake_cpu_index};

    do_access(vgic_dist_access, &vgic, access);
}

static inline uint32_t dist_read(uint64_t offset)
{
    return (uint32_t)dist_read_sized(offset, 4);
}

static inline void dist_write(uint64_t offset, uint32_t value)
{
    dist_write_sized(offset, 4, value);
}

static inline uint64_t redist_read_sized(unsigned cpu, uint64_t offset, uint8_t size)
{
    struct mmio_access access = {.offset = cpu * GICR_SIZE + offset,
                                 .size = size,
                                 .value = 0x5a,
                                 .vcpu = (uint8_t)fake_cpu_index};

    return do_access(vgic_redist_access, &redists, access);
}

static inline void redist_write_sized(unsigned cpu, uint64_t offset, uint8_t size, uint64_t value)
{
    struct mmio_access access = {.offset = cpu * GICR_SIZE + offset,
                                 .size = size,
                                 .value = value,
                                 .write = true,
                                 .vcpu = (uint8_t)fake_cpu_index};

    do_access(vgic_redist_access, &redists, access);
}

static inline uint32_t redist_read(unsigned cpu, uint64_t offset)
{
    return (uint32_t)redist_read_sized(cpu, offset, 4);
}

static inline void redist_write(unsigned cpu, uint64_t offset, uint32_t value)
{
    redist_write_sized(cpu, offset, 4, value);
}

/* The register `reg` of GICD_IGROUPR's kind that holds `intid`, of `cpu` if that is private. */
static inline uint32_t bits_read(unsigned cpu, uint64_t reg, uint32_t intid)
{
    return intid < 32 ? redist_read(cpu, GICR_SGI_BASE + reg) : dist_read(reg + intid / 32 * 4);
}

static inline void bits_write(unsigned cpu, uint64_t reg, uint32_t intid, uint32_t value)
{
    if (intid < 32)
        redist_write(cpu, GICR_SGI_BASE + reg, value);
    else
        dist_write(reg + intid / 32 * 4, value);
}

static inline bool irq_is(unsigned cpu, uint64_t reg, uint32_t intid)
{
    return (bits_read(cpu, reg, intid) >> intid % 32 & 1) != 0;
}

static inline void irq_write(unsigned cpu, uint64_t reg, uint32_t intid)
{
    bits_write(cpu, reg, intid, UINT32_C(1) << intid % 32);
}

static inline void irq_set_priority(unsigned cpu, uint32_t intid, uint8_t priority)
{
    if (intid < 32)
        redist_write_sized(cpu, GICR_SGI_BASE + GICD_IPRIORITYR + intid, 1, priority);
    else
        dist_write_sized(GICD_IPRIORITYR + intid, 1, priority);
}

static inline void irq_set_edge(unsigned cpu, uint32_t intid, bool edge)
{
    uint64_t reg = GICD_ICFGR + intid / 16 * 4;
    unsigned shift = intid % 16 * 2;
    uint32_t old = intid < 32 ? redist_read(cpu, GICR_SGI_BASE + reg) : dist_read(reg);
    uint32_t value = (old & ~(UINT32_C(3) << shift)) | (edge ? UINT32_C(2) << shift : 0);

    if (intid < 32)
        redist_write(cpu, GICR_SGI_BASE + reg, value);
    else
        dist_write(reg, value);
}

static inline void irq_route(uint32_t intid, uint64_t irouter)
{
    dist_write_sized(GICD_IROUTER + 8 * (uint64_t)intid, 8, irouter);
}

static inline void set_line(uint32_t intid, bool level)
{
    vgic_set_line(&vgic, intid, level);
    settle_all();
}

/* An SGI to the CPUs of `list`, from the CPU that this thread plays. */
static inline void send_sgi(uint32_t intid, uint16_t list)
{
    vgic_send_sgi(&vgic, fake_cpu_index, FIELD_PREP(ICC_SGIR_INTID, intid) | list, true);
    settle_all();
}

static inline uint32_t ack(unsigned cpu)
{
    uint32_t intid;

    fake_cpu_index = cpu;
    intid = fake_guest_ack();
    settle_all();
    return intid;
}

static inline void eoi(unsigned cpu, uint32_t intid)
{
    fake_cpu_index = cpu;
    fake_guest_eoi(intid);
    settle_all();
}

/* `cpu` has exactly `intid` to take: it takes and ends it. */
static inline void expect_one(unsigned cpu, uint32_t intid)
{
    assert_int_equal(ack(cpu), intid);
    eoi(cpu, intid);
}

static inline void expect_none(unsigned cpu)
{
    assert_int_equal(ack(cpu), FAKE_SPURIOUS);
}

static inline void cpu_on(unsigned cpu)
{
    unsigned me = fake_cpu_index;

    fake_cpu_index = cpu;
    vgic_cpu_on(&vgic, cpu);
    settle_all();
    fake_cpu_index = me;
}

static inline void cpu_off(unsigned cpu)
{
    unsigned me = fake_cpu_index;

    fake_cpu_index = cpu;
    vgic_cpu_off(&vgic, cpu);
    settle_all();
    fake_cpu_index = me;
}

/* As it comes out of reset, CPU 0 on. */
static inline void vgic_start(unsigned nr_cpus, const uint64_t *mpidr, unsigned nr_lrs)
{
    fake_gich_init(nr_lrs);
    fake_cpu_index = 0;
    memset(&vgic, 0, sizeof(vgic));
    vgic_init(&vgic, nr_cpus, mpidr, nr_lrs, 5);
    vgic.vcpu[nr_cpus - 1].last = true;
    redists.count = nr_cpus;
    cpu_on(0);
}

/* As a guest makes it: all CPUs on and awake, every interrupt in group 1, both groups enabled. */
static inline void vgic_start_ready(unsigned nr_cpus, unsigned nr_lrs)
{
    vgic_start(nr_cpus, flat_mpidr, nr_lrs);
    for (unsigned i = 1; i < nr_cpus; i++)
        cpu_on(i);
    for (unsigned i = 0; i < nr_cpus; i++) {
        fake_cpu_index = i;
        redist_write(i, GICR_WAKER, 0);
        bits_write(i, GICD_IGROUPR, 0, ~UINT32_C(0));
    }
    fake_cpu_index = 0;
    for (uint32_t i = 32; i < VGIC_NR_IRQS; i += 32)
        bits_write(0, GICD_IGROUPR, i, ~UINT32_C(0));
    dist_write(GICD_CTLR, (uint32_t)(GICD_CTLR_EnableGrp0 | GICD_CTLR_EnableGrp1));
}

#endif
