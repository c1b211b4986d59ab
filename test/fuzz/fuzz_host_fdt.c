// SPDX-License-Identifier: Apache-2.0
/*
 * The machine's device tree. The boot loader is trusted to give a blob as long as it says; that
 * what is in it may be anything, costs no more to show.
 */
#include "fdt/host_fdt.h"
#include "fuzz_fdt.h"

static void check(const struct host_info *info)
{
    fuzz_require(info->nr_ram >= 1 && info->nr_ram <= DT_MAX_RAM);
    for (unsigned i = 0; i < info->nr_ram; i++) {
        fuzz_require(info->ram[i].size > 0 &&
                     range_is_valid(info->ram[i].base.v, info->ram[i].size));
        fuzz_require(is_aligned(info->ram[i].base.v | info->ram[i].size, PAGE_SIZE));
        fuzz_require(i == 0 ||
                     info->ram[i - 1].base.v + info->ram[i - 1].size <= info->ram[i].base.v);
    }
    fuzz_require(info->nr_reserved <= HOST_MAX_RESERVED);
    for (unsigned i = 0; i < info->nr_reserved; i++)
        fuzz_require(info->reserved[i].size > 0);
    fuzz_require(info->nr_cpus >= 1 && info->nr_cpus <= MAX_CPUS);
    fuzz_require(info->gic.nr_redist_regions >= 1 &&
                 info->gic.nr_redist_regions <= GIC_MAX_REGIONS);
    fuzz_require(memchr(info->model, '\0', HOST_MODEL_SIZE) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"host", "qemu"};
    static void *cache[2];
    static struct host_info info;
    struct fuzz_input in = {data, size};
    size_t room;
    void *fdt = take_tree(names, cache, 2, &in, &room);

    logged_errors = 0;
    if (room >= sizeof(struct fdt_header) && fdt_totalsize(fdt) <= room) {
        if (host_fdt_parse(fdt, &info) != 0)
            fuzz_require(logged_errors == 1);
        else
            check(&info);
    }
    free(fdt);
    return 0;
}
