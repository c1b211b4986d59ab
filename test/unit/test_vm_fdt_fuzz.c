// SPDX-License-Identifier: Apache-2.0
/*
 * Trees broken at random, the same way on every run. Each is accepted or refused with an error; an
 * accepted one makes a sound copy and a configuration that keeps its promises. ASan sees the rest.
 */
#include <stdbool.h>
#include <string.h>

#include "fdt/host_fdt.h"
#include "fdt/vm_fdt.h"
#include "fdt_log.h"
#include "fdt_tree.h"
#include "gic/gic_regs.h"
#include "gic/vgic_limits.h"
#include "vm/vm_device.h"

#define MUTATIONS 8000 /* of each tree */
#define IPA_BITS  40

static uint64_t seed;

static uint32_t random_below(uint32_t limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % limit;
}

/* A byte, a cell, or a swap of two cells: cells are what the format is made of. */
static void mutate(uint8_t *fdt, uint32_t size)
{
    static const uint32_t odd[] = {0, 1, 2, 3, 4, 9, 0x7fffffff, 0x80000000, 0xffffffff, 0x1000};
    uint32_t cell = random_below(size / 4) * 4;
    uint32_t other = random_below(size / 4) * 4;
    fdt32_t value;

    switch (random_below(4)) {
    case 0:
        fdt[random_below(size)] ^= (uint8_t)(1U << random_below(8));
        break;
    case 1:
        fdt[random_below(size)] = (uint8_t)random_below(256);
        break;
    case 2:
        value = cpu_to_fdt32(odd[random_below(sizeof(odd) / sizeof(odd[0]))]);
        memcpy(fdt + cell, &value, 4);
        break;
    default:
        memcpy(fdt + cell, fdt + other, 4);
        break;
    }
}

static void check_config(const struct vm_config *config)
{
    uint64_t frames = 0;

    assert_in_range(config->nr_cpus, 1, MAX_VCPUS);
    assert_in_range(config->nr_ram, 1, DT_MAX_RAM);
    for (unsigned i = 0; i < config->nr_ram; i++) {
        assert_true(is_aligned(config->ram[i].base.v | config->ram[i].size, PAGE_SIZE));
        assert_in_range(config->ram[i].size, PAGE_SIZE, UINT64_C(1) << IPA_BITS);
        if (i > 0) /* sorted, with a gap between */
            assert_true(config->ram[i - 1].base.v + config->ram[i - 1].size <
                        config->ram[i].base.v);
    }
    for (unsigned i = 0; i < config->gic.nr_redist_regions; i++)
        frames += config->gic.redist[i].size / GICR_SIZE;
    assert_true(frames >= config->nr_cpus);
    for (unsigned i = 0; i < config->nr_devices; i++) {
        if (config->device[i].kind->interrupt)
            assert_in_range(config->device[i].intid, VGIC_FIRST_SPI, VGIC_NR_IRQS - 1);
    }
    assert_true(config->kernel.size > 0);
    assert_true(config->initrd.size <= config->guest_initrd.size);
}

/* True: the tree was accepted. */
static bool check_guest(const void *fdt, size_t size)
{
    static struct vm_config config;
    static uint8_t buf[65536];
    int used;

    log_clear();
    if (vm_fdt_parse(fdt, size, IPA_BITS, &vm_devices, &config) != 0) {
        assert_int_equal(logged.errors, 1);
        return false;
    }
    assert_int_equal(logged.errors, 0);
    check_config(&config);
    used = vm_fdt_guest_copy(fdt, buf, sizeof(buf), &config);
    if (used >= 0) {
        assert_true((size_t)used <= sizeof(buf));
        assert_int_equal(fdt_check_full(buf, (size_t)used), 0);
    }
    return used >= 0;
}

static bool check_host(const void *fdt, size_t size)
{
    static struct host_info info;

    if (fdt_totalsize(fdt) > size) /* the machine's boot loader is believed in this */
        return false;
    log_clear();
    if (host_fdt_parse(fdt, &info) != 0) {
        assert_int_equal(logged.errors, 1);
        return false;
    }
    assert_in_range(info.nr_ram, 1, DT_MAX_RAM);
    assert_in_range(info.nr_cpus, 1, MAX_CPUS);
    assert_in_range(info.gic.nr_redist_regions, 1, GIC_MAX_REGIONS);
    for (unsigned i = 0; i < info.nr_reserved; i++)
        assert_true(info.reserved[i].size > 0);
    return true;
}

static void fuzz(const char *name, bool (*check_fn)(const void *fdt, size_t size))
{
    uint8_t *good = tree_load(name);
    uint32_t size = fdt_totalsize(good);
    uint8_t *fdt = malloc(size);
    unsigned accepted = 0;

    seed = 1;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        memcpy(fdt, good, size);
        for (uint32_t n = random_below(3) + 1; n > 0; n--)
            mutate(fdt, size);
        accepted += check_fn(fdt, size) ? 1 : 0;
    }
    print_message("%s: %u of %u accepted\n", name, accepted, MUTATIONS);
    assert_in_range(accepted, MUTATIONS / 50, MUTATIONS - MUTATIONS / 50);
    free(fdt);
    free(good);
}

static void test_guest(void **state)
{
    (void)state;
    fuzz("guest", check_guest);
}

static void test_buses(void **state)
{
    (void)state;
    fuzz("buses", check_guest);
}

static void test_host(void **state)
{
    (void)state;
    fuzz("host", check_host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guest),
        cmocka_unit_test(test_buses),
        cmocka_unit_test(test_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
