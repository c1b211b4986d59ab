/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PSCI and SMCCC as the specifications say (Arm DEN 0022, DEN 0028): functions, error
 * codes, CPUs turned off and on, races, and a reset, over which a sector of the disk
 * remembers that it happened. psci_entry.S is where started CPUs begin.
 */
#include "psci.h"

#include "barrier.h"
#include "console.h"
#include "exception.h"
#include "gic.h"
#include "guest.h"
#include "smp.h"
#include "string.h"
#include "testcase.h"
#include "timer.h"
#include "virtio_blk.h"
#include "worker.h"

#define BAD_MPIDR     UINT64_C(0x7f00ff)
#define ROUNDS        100
#define WAIT_US       1000000
#define UNKNOWN       0x8400ffffU
#define RESET_MARK    "traproom: the guest has asked for a reset"
#define STANDBY       0
#define PSR_DAIF_BITS 0x3c0

/* What a CPU found when it was started; psci_entry.S writes it. */
struct entry_state {
    uint64_t context;
    uint64_t level;
    uint64_t daif;
    uint64_t sctlr;
    uint64_t spsel;
    uint64_t mpidr;
    volatile uint64_t done;
};

extern char psci_entry[];
static struct entry_state entry __attribute__((aligned(64)));
static char initialised[] = "as linked";
static bool was_reset;

static bool on_qemu(void)
{
    return gic_is_qemus();
}

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
    CHECK(on_qemu() || psci_call(PSCI_FEATURES, SMCCC_VERSION, 0, 0) == PSCI_SUCCESS,
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
    if (on_qemu()) {
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
    if (on_qemu())
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
    if (on_qemu()) {
        test_skip("this machine's firmware has no SMCCC functions");
        return;
    }
    CHECK(psci_call(SMCCC_VERSION, 0, 0, 0) >= 0x10001, "version %x",
          psci_call(SMCCC_VERSION, 0, 0, 0));
    CHECK(psci_call(SMCCC_ARCH_FEATURES, SMCCC_VERSION, 0, 0) == PSCI_SUCCESS, "SMCCC_VERSION");
    CHECK(psci_call(SMCCC_ARCH_FEATURES, SMCCC_ARCH_FEATURES, 0, 0) == PSCI_SUCCESS,
          "SMCCC_ARCH_FEATURES");
    CHECK(psci_call(SMCCC_ARCH_FEATURES, 0x80007fff, 0, 0) == PSCI_NOT_SUPPORTED, "an unknown one");
}

static void trng(void)
{
    bool has_rndr = read_sysreg(id_aa64isar0_el1) >> 60;
    struct smccc_result first, second;

    if (!has_rndr || on_qemu()) {
        CHECK(psci_call(TRNG_VERSION, 0, 0, 0) == PSCI_NOT_SUPPORTED, "TRNG without RNDR");
        return;
    }
    CHECK(psci_call(TRNG_VERSION, 0, 0, 0) >= 0x10000, "version %x",
          psci_call(TRNG_VERSION, 0, 0, 0));
    CHECK(psci_call(TRNG_FEATURES, TRNG_RND64, 0, 0) == PSCI_SUCCESS, "TRNG_RND64 is missing");
    first = smccc_hvc(TRNG_RND64, 192, 0, 0);
    second = smccc_hvc(TRNG_RND64, 192, 0, 0);
    CHECK(first.x[0] == 0 && second.x[0] == 0, "TRNG_RND64 gives %lx", first.x[0]);
    CHECK(memcmp(&first.x[1], &second.x[1], 24) != 0, "the same bits twice");
    first = smccc_hvc(TRNG_RND64, 8, 0, 0);
    CHECK(first.x[3] < 256 && first.x[2] == 0 && first.x[1] == 0, "more bits than asked for");
    CHECK((int32_t)smccc_hvc(TRNG_RND64, 193, 0, 0).x[0] == -2, "193 bits");
    CHECK((int32_t)smccc_hvc(TRNG_RND64, 0, 0, 0).x[0] == -2, "no bits");
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
    if (on_qemu())
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

/* Start CPU `cpu` in psci_entry.S and wait for what it writes. */
static bool start_raw(uint32_t function, unsigned cpu, int32_t *answer)
{
    memset(&entry, 0, sizeof(entry));
    /* The new CPU writes with its caches off: no stale line may hide that. */
    __asm__ volatile("dc civac, %0" : : "r"(&entry) : "memory");
    dsb(sy);
    *answer = psci_call(function, platform.mpidr[cpu], (uintptr_t)psci_entry, (uintptr_t)&entry);
    return timer_wait_until(({
                                __asm__ volatile("dc ivac, %0" : : "r"(&entry) : "memory");
                                entry.done;
                            }),
                            WAIT_US);
}

static void entry_of(uint32_t function)
{
    int32_t answer;

    CHECK(start_raw(function, 1, &answer), "CPU 1 does not come: %d", answer);
    CHECK(answer == PSCI_SUCCESS, "answer %d", answer);
    CHECK(entry.context == (uintptr_t)&entry, "x0 is %lx", entry.context);
    CHECK(entry.level >> 2 == 1 && entry.spsel == 1, "CurrentEL %lx, SPSel %lx", entry.level,
          entry.spsel);
    CHECK((entry.daif & PSR_DAIF_BITS) == PSR_DAIF_BITS, "DAIF is %lx", entry.daif);
    CHECK(!(entry.sctlr & 0x1005), "MMU or caches are on: SCTLR_EL1 %lx", entry.sctlr);
    CHECK((entry.mpidr & UINT64_C(0xff00ffffff)) == platform.mpidr[1], "MPIDR %lx", entry.mpidr);
    CHECK(smp_wait_off(1), "CPU 1 does not go off");
}

static void entry_state(void)
{
    entry_of(PSCI_CPU_ON64);
    if ((uintptr_t)psci_entry >> 32 == 0 && (uintptr_t)&entry >> 32 == 0)
        entry_of(PSCI_CPU_ON32);
}

static volatile uint32_t visits[PLATFORM_MAX_CPUS];

static void visit(void *arg)
{
    (void)arg;
    visits[smp_this_cpu()->index]++;
}

static void off_and_on(void)
{
    for (uint32_t round = 1; round <= ROUNDS; round++)
        for (unsigned cpu = 1; cpu < platform.nr_cpus; cpu++) {
            CHECK(smp_start_and_wait(cpu, visit, NULL), "round %u: CPU %u does not start", round,
                  cpu);
            CHECK(smp_wait_off(cpu), "round %u: CPU %u does not go off", round, cpu);
            CHECK(visits[cpu] == round, "round %u: CPU %u came %u times", round, cpu, visits[cpu]);
        }
}

static volatile bool release;

static void stay(void *arg)
{
    (void)arg;
    while (!release)
        timer_relax();
}

static void already_on(void)
{
    release = false;
    CHECK(smp_start_and_wait(1, stay, NULL), "CPU 1 does not start");
    int32_t answer =
        psci_call(PSCI_CPU_ON64, platform.mpidr[1], (uintptr_t)psci_entry, (uintptr_t)&entry);
    int32_t info = psci_call(PSCI_AFFINITY_INFO64, platform.mpidr[1], 0, 0);

    release = true;
    CHECK(smp_wait_off(1), "CPU 1 does not go off");
    CHECK(answer == PSCI_ALREADY_ON, "answer %d", answer);
    CHECK(info == AFFINITY_ON, "AFFINITY_INFO %d", info);
}

static uint32_t go_round;
static int32_t answers[PLATFORM_MAX_CPUS];
static struct cpu *victim;

/* All wait for one moment, then each tries to start the victim. */
static void race_once(void *arg)
{
    uint32_t round = (uint32_t)(uintptr_t)arg;

    while (__atomic_load_n(&go_round, __ATOMIC_ACQUIRE) != round)
        ;
    answers[smp_this_cpu()->index] = smp_start(victim->index, visit, NULL);
}

static bool is_loser(int32_t answer)
{
    return answer == PSCI_ALREADY_ON || answer == PSCI_ON_PENDING;
}

static void judge_race(uint32_t round, unsigned racers)
{
    unsigned winners = 0;

    for (unsigned i = 0; i < racers; i++) {
        winners += answers[i] == PSCI_SUCCESS;
        CHECK(answers[i] == PSCI_SUCCESS || is_loser(answers[i]), "round %u: CPU %u got %d", round,
              i, answers[i]);
    }
    /* A CPU that is quick to go off again may be started by a second racer. */
    CHECK(winners >= 1, "round %u: nobody wins", round);
    CHECK(timer_wait_until(visits[victim->index] == winners, WAIT_US),
          "round %u: %u won, the CPU came %u times", round, winners, visits[victim->index]);
    CHECK(smp_wait_off(victim->index), "round %u: the CPU does not go off", round);
}

static void turn_off(void *arg)
{
    (void)arg;
    psci_call(PSCI_CPU_OFF, 0, 0, 0);
}

static void race(void)
{
    unsigned racers = platform.nr_cpus - 1;

    if (platform.nr_cpus < 3 || on_qemu()) {
        test_skip("needs three CPUs and a PSCI that knows races");
        return;
    }
    victim = &smp_cpus[racers];
    CHECK(worker_start_all(), "a CPU does not start");
    worker_begin(victim->index, turn_off, NULL);
    CHECK(smp_wait_off(victim->index), "the CPU does not go off");
    go_round = 0;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        visits[victim->index] = 0;
        for (unsigned i = 1; i < racers; i++)
            worker_begin(i, race_once, (void *)(uintptr_t)round);
        timer_delay_us(round * 7 % 100);
        __atomic_store_n(&go_round, round, __ATOMIC_RELEASE);
        race_once((void *)(uintptr_t)round);
        for (unsigned i = 1; i < racers; i++)
            CHECK(worker_wait(i), "round %u: CPU %u hangs", round, i);
        judge_race(round, racers);
    }
    for (unsigned i = 1; i < racers; i++) {
        worker_begin(i, turn_off, NULL);
        CHECK(smp_wait_off(i), "CPU %u does not go off", i);
    }
}

static volatile uint32_t woken;

static void wake(uint32_t intid)
{
    (void)intid;
    write_sysreg(0, cntv_ctl_el0);
    woken++;
}

static void suspend_with(uint32_t function)
{
    uint64_t deadline = timer_deadline_us(2000);
    int32_t answer;

    woken = 0;
    write_sysreg(deadline, cntv_cval_el0);
    write_sysreg(TIMER_CTL_ENABLE, cntv_ctl_el0);
    isb();
    answer = psci_call(function, STANDBY, 0, 0);
    CHECK(answer == PSCI_SUCCESS, "%x: %d", function, answer);
    CHECK(timer_passed(deadline), "%x: woke too early", function);
    irq_enable();
    CHECK(timer_wait_until(woken, WAIT_US), "%x: the interrupt is lost", function);
    irq_disable();
}

static void suspend(void)
{
    gic_set_handler(wake);
    gic_enable(TIMER_PPI_VIRTUAL);
    suspend_with(PSCI_CPU_SUSPEND32);
    suspend_with(PSCI_CPU_SUSPEND64);
    gic_disable(TIMER_PPI_VIRTUAL);
    gic_set_handler(NULL);
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
    {"trng", trng},
    {"migrate-type", migrate_type},
    {"bad-arguments", bad_arguments},
    {"affinity-info", affinity_info},
    {"entry-state", entry_state},
    {"off-and-on", off_and_on},
    {"already-on", already_on},
    {"race", race},
    {"suspend", suspend},
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
    test_run(cases, sizeof(cases) / sizeof(cases[0]));
}
