// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's device tree: whatever it is, it is refused with one error, or accepted, and then
 * the configuration keeps its promises and the guest's copy is sound.
 */
#include <stdbool.h>

#include "fdt/vm_fdt.h"
#include "fuzz_fdt.h"
#include "gic/gic_regs.h"
#include "gic/vgic_limits.h"
#include "vm/vm_device.h"

#define IPA_BITS 40

static struct vm_config config;

static bool is_spi(uint32_t intid)
{
    return intid >= VGIC_FIRST_SPI && intid < VGIC_NR_IRQS;
}

static void check_config(void)
{
    uint64_t frames = 0;

    fuzz_require(config.nr_cpus >= 1 && config.nr_cpus <= MAX_VCPUS);
    fuzz_require(config.nr_ram >= 1 && config.nr_ram <= DT_MAX_RAM);
    for (unsigned i = 0; i < config.nr_ram; i++) {
        uint64_t base = config.ram[i].base.v, size = config.ram[i].size;

        fuzz_require(size > 0 && is_aligned(base | size, PAGE_SIZE));
        fuzz_require(range_contains(0, UINT64_C(1) << IPA_BITS, base, size));
        fuzz_require(i == 0 || config.ram[i - 1].base.v + config.ram[i - 1].size < base);
    }
    fuzz_require(config.gic.nr_redist_regions <= VM_MAX_GICR);
    for (unsigned i = 0; i < config.gic.nr_redist_regions; i++)
        frames += config.gic.redist[i].size / GICR_SIZE;
    fuzz_require(frames >= config.nr_cpus);
    fuzz_require(config.nr_devices <= VM_MAX_DEVICES);
    for (unsigned i = 0; i < config.nr_devices; i++) {
        const struct vm_device_config *device = &config.device[i];

        fuzz_require(device->kind->access_fn != NULL &&
                     device->regs.size >= device->kind->min_size);
        fuzz_require(!device->kind->interrupt || is_spi(device->intid));
        fuzz_require(!device->shown || device->backing.size <= device->regs.size);
        fuzz_require(memchr(device->path, '\0', DT_PATH_SIZE) != NULL);
    }
    fuzz_require(config.kernel.size > 0 && config.initrd.size <= config.guest_initrd.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"guest", "buses", "virt", "flash"};
    static void *cache[4];
    static uint8_t copy[TREE_MAX];
    struct fuzz_input in = {data, size};
    size_t room;
    void *fdt = take_tree(names, cache, 4, &in, &room);

    logged_errors = 0;
    if (vm_fdt_parse(fdt, room, IPA_BITS, &vm_devices, &config) != 0) {
        fuzz_require(logged_errors == 1);
    } else {
        int used = vm_fdt_guest_copy(fdt, copy, sizeof(copy), &config);

        fuzz_require(logged_errors == 0 || used < 0);
        check_config();
        fuzz_require(used < 0 ||
                     ((size_t)used <= sizeof(copy) && fdt_check_full(copy, (size_t)used) == 0));
    }
    free(fdt);
    return 0;
}
