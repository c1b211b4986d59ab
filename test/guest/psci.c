/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PSCI and SMCCC as the specifications say (Arm DEN 0022, DEN 0028): functions, error
 * codes, and a reset, over which a sector of the disk remembers that it happened.
 * psci_power.c turns CPUs off and on.
 */
#include "psci.h"

#include "console.h"
#include "exception.h"
#include "gic.h"
#include "guest.h"
#include "smp.h"
#include "string.h"
#include "testcase.h"
#include "virtio_blk.h"
#include "worker.h"

#define BAD_MPIDR  UINT64_C(0x7f00ff)
#define UNKNOWN    0x8400ffffU
#define RESET_MARK "traproom: the guest has asked for a reset"

/* Cases on CPUs going off and on: psci_power.c. */
extern const struct test_case psci_power_cases[];

extern char psci_entry[];
static char initialised[] = "as linked";
static bool was_reset;

static void version(void)
{
    int32_t version = psci_call(PSCI_VERSION, 0, 0, 0);

    CHECK(version >= 0x10001, "version %x", version);
}

static void features(void)
{
    static const uint32_t served[] = {
        PSCI_VERSION,    PSCI_CPU_SUSPEND32, PSCI_CPU_SUSPEND64,     PSCI_CPU_OFF,
        PSCI_CPU_ON32,   PSCI_CPU_ON64,      PSCI_AFFINITY_INFO32,   PSCI_AFFINITY_INFO64,
        PSCI_SYSTEM_OFF, PSCI_SYSTEM_RESET,  PSCI_MIGRATE_INFO_TYPE, PSCI_FEATURES,
    };

    for (unsigned i = 0; i < sizeof(served) / sizeof(served[0]); i++)
        CHECK(psci_call(PSCI_FEATURES, served[i], 0, 0) >= 0, "%x is not supported", served[i]);
    CHECK(psci_call(PSCI_FEATURES, UNKNOWN, 0, 0) == PSCI_NOT_SUPPORTED, "an unknown one is");
    CHECK(psci_call(PSCI_FEATURES, 0, 0, 0) == PSCI_NOT_SUPPORTED, "function 0 is");
    CHECK(gic_is_qemus() || psci_call(PSCI_FEATURES, SMCCC_VERSION, 0, 0) == PSCI_SUCCESS,
          "SMCCC_VERSION can't be found");
}

static void unknown_functions(void)
{
    static const uint32_t functions[] = {UNKNOWN,    0xc400ffff, 0x84000013, 0xc4000000,
                                         0x86000000, 0x8000ffff, 0xc6000042};

    for (unsigned i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        CHECK(psci_call(functions[i], 1, 2, 3) == PSCI_NOT_SUPPORTED, "%x gives %d", functions[i],
              psci_call(functions[i], 1, 2, 3));
}

static void conduits(void)
{
    if (gic_is_qemus()) {
        test_skip("this machine has no EL3");
        return;
    }
    CHECK(smccc_hvc(PSCI_VERSION, 0, 0, 0).x[0] == smccc_smc(PSCI_VERSION, 0, 0, 0).x[0],
          "hvc and smc answer differently");
    CHECK((int32_t)smccc_smc(UNKNOWN, 0, 0, 0).x[0] == PSCI_NOT_SUPPORTED, "smc of unknown");
    CHECK((int32_t)smccc_smc(PSCI_AFFINITY_INFO64, platform.mpidr[0], 0, 0).x[0] == AFFINITY_ON,
          "AFFINITY_INFO by smc");
}

/* Other immediates are not SMCCC: whatever happens, the guest goes on. */
static void immediates(void)
{
    register uint64_t x0 __asm__("x0") = PSCI_VERSION;

    fault_arm();
    __asm__ volatile("hvc #1\n hvc #0xffff" : "+r"(x0) : : "x1", "x2", "x3", "memory");
    fault_disarm();
    if (gic_is_qemus())
        return;
    fault_arm();
    __asm__ volatile("smc #1" : "+r"(x0) : : "x1", "x2", "x3", "memory");
    fault_disarm();
    fault_arm();
    __asm__ volatile("smc #0xffff" : "+r"(x0) : : "x1", "x2", "x3", "memory");
    fault_disarm();
}

static void smccc(void)
{
    if (gic_is_qemus()) {
        test_skip("this machine's firmware has no SMCCC functions");
        return;
    }
    CHECK(psci_call(SMCCC_VERSION, 0, 0, 0) >= 0x10001, "version %x",
          psci_call(SMCCC_VERSION, 0, 0, 0));
    CHECK(psci_call(SMCCC_ARCH_FEATURES, SMCCC_VERSION, 0, 0) == PSCI_SUCCESS, "SMCCC_VERSION");
    CHECK(psci_call(SMCCC_ARCH_FEATURES, SMCCC_ARCH_FEATURES, 0, 0) == PSCI_SUCCESS,
          "SMCCC_ARCH_FEATURES");
    CHECK(psci_call(SMCCC_ARCH_FEATURES, 0x80007fff, 0, 0) == PSCI_NOT_SUPPORTED, "an unknown one");
    CHECK(psci_call(TRNG_VERSION, 0, 0, 0) == PSCI_NOT_SUPPORTED, "a TRNG, which is not offered");
}

static void migrate_type(void)
{
    int32_t type = psci_call(PSCI_MIGRATE_INFO_TYPE, 0, 0, 0);

    CHECK(type == 2, "%d, not 2: no trusted OS that needs it", type);
}

static void bad_arguments(void)
{
    uint64_t here = (uintptr_t)psci_entry;

    CHECK(psci_call(PSCI_CPU_ON64, BAD_MPIDR, here, 0) == PSCI_INVALID_PARAMETERS, "bad MPIDR");
    CHECK(psci_call(PSCI_CPU_ON32, BAD_MPIDR, here, 0) == PSCI_INVALID_PARAMETERS, "bad MPIDR, 32");
    CHECK(psci_call(PSCI_AFFINITY_INFO64, BAD_MPIDR, 0, 0) == PSCI_INVALID_PARAMETERS,
          "AFFINITY_INFO of a bad MPIDR");
    CHECK(psci_call(PSCI_CPU_ON64, platform.mpidr[smp_this_cpu()->index], here, 0) ==
              PSCI_ALREADY_ON,
          "CPU_ON of the caller");
    if (gic_is_qemus())
        return;
    CHECK(psci_call(PSCI_AFFINITY_INFO64, platform.mpidr[0], 9, 0) == PSCI_INVALID_PARAMETERS,
          "AFFINITY_INFO of level 9");
    CHECK(psci_call(PSCI_CPU_ON64, platform.mpidr[1], platform_ram_end(), 0) ==
              PSCI_INVALID_ADDRESS,
          "CPU_ON at an address beyond RAM");
    CHECK(psci_call(PSCI_CPU_ON64, platform.mpidr[1], platform.uart.regs.address, 0) ==
              PSCI_INVALID_ADDRESS,
          "CPU_ON at the UART");
    CHECK(psci_call(PSCI_AFFINITY_INFO64, platform.mpidr[1], 0, 0) == AFFINITY_OFF,
          "the CPU is no longer off");
}

static void affinity_info(void)
{
    for (unsigned i = 0; i < platform.nr_cpus; i++) {
        int32_t wanted = i == smp_this_cpu()->index ? AFFINITY_ON : AFFINITY_OFF;

        CHECK(psci_call(PSCI_AFFINITY_INFO64, platform.mpidr[i], 0, 0) == wanted, "CPU %u, 64", i);
        CHECK(psci_call(PSCI_AFFINITY_INFO32, platform.mpidr[i], 0, 0) == wanted, "CPU %u, 32", i);
    }
}

/* Runs after the reset that guest_main asked for. */
static void system_reset(void)
{
    CHECK(was_reset, "there is no disk to remember it by");
    CHECK(strcmp(initialised, "as linked") == 0, "the image is not pristine: %s", initialised);
    for (unsigned i = 1; i < platform.nr_cpus; i++)
        CHECK(psci_call(PSCI_AFFINITY_INFO64, platform.mpidr[i], 0, 0) == AFFINITY_OFF,
              "CPU %u is on", i);
}

static const struct test_case cases[] = {
    {"system-reset", system_reset},
    {"version", version},
    {"features", features},
    {"unknown-functions", unknown_functions},
    {"conduits", conduits},
    {"immediates", immediates},
    {"smccc", smccc},
    {"migrate-type", migrate_type},
    {"bad-arguments", bad_arguments},
    {"affinity-info", affinity_info},
    {NULL, NULL},
};

/* The first time round: leave a mark on the disk, other CPUs busy, and reset. */
static void reset_once(void)
{
    static char sector[VIRTIO_SECTOR] __attribute__((aligned(VIRTIO_SECTOR)));
    struct virtio_blk disk;

    if (!virtio_blk_find(&disk) || !virtio_blk_start(&disk, 0))
        return;
    virtio_blk_request(&disk, VIRTIO_BLK_T_IN, 0, sector, sizeof(sector));
    was_reset = memcmp(sector, RESET_MARK, sizeof(RESET_MARK)) == 0;
    if (was_reset)
        return;
    memcpy(sector, RESET_MARK, sizeof(RESET_MARK));
    virtio_blk_request(&disk, VIRTIO_BLK_T_OUT, 0, sector, sizeof(sector));
    initialised[0] = 'X';
    worker_start_all();
    psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
}

void guest_main(void)
{
    reset_once();
    TEST_RUN(cases, psci_power_cases);
}
