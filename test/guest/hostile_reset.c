/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A storm of resets, in the midst of whatever CPUs and devices can do: each time, the guest
 * finds the machine as it was at its first start. What must outlive a reset is kept in the disk's
 * first sector. At the end, SYSTEM_OFF races SYSTEM_RESET until it wins. hostile_reset_kinds.c
 * has the ways to reset.
 */
#include "hostile_reset.h"

#include "console.h"
#include "gic.h"
#include "guest.h"
#include "platform.h"
#include "psci.h"
#include "string.h"
#include "sysreg.h"
#include "testcase.h"
#include "timer.h"

#define MAGIC      UINT64_C(0x7472617072736574)
#define ROUNDS     (4 * RESET_NR_KINDS)
#define RACES      8 /* then the guest turns itself off, with no race */
#define STRAY_US   3000
#define NR_BANKS   8
#define MARK       0x600d
#define WHY_LENGTH 64

/* What is wrong first; an empty `why`: nothing. */
struct finding {
    uint64_t value;
    uint32_t round;
    char why[WHY_LENGTH];
};

struct record {
    uint64_t magic;
    uint32_t round; /* of the boot that runs now */
    struct finding first;
};

struct virtio_blk reset_disk;
static uint32_t image_mark = MARK; /* in .data, which comes anew with the image */
static union {
    struct record record;
    uint8_t bytes[VIRTIO_SECTOR];
} sector __attribute__((aligned(VIRTIO_SECTOR)));
static struct record *const record = &sector.record;

static struct finding here; /* in this boot */

static void note(bool good, const char *why, uint64_t value)
{
    if (good || here.why[0])
        return;
    here.value = value;
    memcpy(here.why, why, strlen(why) + 1);
}

/* All as at the first start: no CPU but this, no interrupt, no timer, a device out of reset. */
static void look_around(void)
{
    timer_delay_us(STRAY_US);
    note(image_mark == MARK, "the image is not loaded anew", image_mark);
    image_mark = 0;
    for (unsigned cpu = 1; cpu < platform.nr_cpus; cpu++)
        note(psci_call(PSCI_AFFINITY_INFO64, platform.mpidr[cpu], 0, 0) == AFFINITY_OFF,
             "a CPU is on", cpu);
    note(!(read_sysreg(cntv_ctl_el0) & TIMER_CTL_ENABLE), "the virtual timer is on",
         read_sysreg(cntv_ctl_el0));
    for (uint32_t bank = 0; bank < NR_BANKS; bank++) {
        uint32_t private = bank ? 0 : GICR_SGI_BASE;
        uint32_t pending =
            private ? gicr_read(0, private + GICD_ISPENDR) : gicd_read(GICD_ISPENDR + 4 * bank);
        uint32_t active =
            private ? gicr_read(0, private + GICD_ISACTIVER) : gicd_read(GICD_ISACTIVER + 4 * bank);

        note(!pending, "an interrupt is pending", (uint64_t)bank << 32 | pending);
        note(!active, "an interrupt is active", (uint64_t)bank << 32 | active);
    }
}

/* The record, of an all-zero disk at first; the guest's own interrupts are still off. */
static bool read_record(void)
{
    uint32_t status;

    if (!virtio_blk_find(&reset_disk))
        return false;
    status = virtio_status(&reset_disk);
    if (!virtio_blk_start(&reset_disk, 0) ||
        virtio_blk_request(&reset_disk, VIRTIO_BLK_T_IN, 0, &sector, sizeof(sector)) !=
            VIRTIO_BLK_S_OK)
        return false;
    if (record->magic != MAGIC) {
        memset(&sector, 0, sizeof(sector));
        record->magic = MAGIC;
    } else {
        record->round++;
    }
    note(!status, "the disk's status is not 0", status);
    if (!record->first.why[0]) {
        here.round = record->round;
        record->first = here;
    }
    return true;
}

static bool write_record(void)
{
    return virtio_blk_request(&reset_disk, VIRTIO_BLK_T_OUT, 0, &sector, sizeof(sector)) ==
           VIRTIO_BLK_S_OK;
}

static void storm(void)
{
    const struct finding *first = &record->first;

    CHECK(!first->why[0], "after reset %u of kind %u: %s (%lx)", first->round,
          (first->round - 1) % RESET_NR_KINDS, first->why, first->value);
}

static const struct test_case cases[] = {{"reset-storm", storm}, {NULL, NULL}};

void guest_main(void)
{
    look_around();
    if (!read_record()) {
        printf("the record can't be read\n");
        return;
    }
    if (!write_record()) {
        printf("the record can't be written\n");
        return;
    }
    if (record->round < ROUNDS)
        reset_by(record->round % RESET_NR_KINDS);
    if (record->round == ROUNDS)
        TEST_RUN(cases);
    if (record->round < ROUNDS + RACES)
        reset_against_off(record->round);
}
