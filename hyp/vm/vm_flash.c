/* SPDX-License-Identifier: Apache-2.0 */
/* Flash: reading its node, and its content in the guest's map. See vm_flash.h. */
#include "vm/vm_flash.h"

#include "cache.h"
#include "fdt/dt_prop.h"
#include "fdt/dt_reg.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/phys.h"
#include "mm/phys_map.h"
#include "vm/vm.h"

#define BANK_WIDTH  4
#define PLACE_CELLS 4

static bool is_size(uint64_t size)
{
    return size >= VPFLASH_MIN_SIZE && size <= VPFLASH_MAX_SIZE && (size & (size - 1)) == 0;
}

/* For each entry of "reg", an address of the machine's and a size: those of the bank in `config`.
 */
static int read_content(const struct dt_walk *at, struct vm_device_config *config)
{
    struct dt_cells cells;
    struct dt_range reg;
    int err = dt_prop_cells(at->fdt, dt_walk_node(at), "traproom,flash", &cells);

    for (unsigned i = 0; err == 0 && cells.count >= PLACE_CELLS; i++) {
        config->backing.base = pa(dt_prop_take(&cells, 2));
        config->backing.size = dt_prop_take(&cells, 2);
        err = dt_reg_read(at, i, &reg);
        if (err == 0 && reg.base == config->regs.base.v)
            return 0;
    }
    return dt_walk_error(
        at, -ERR_INVAL,
        "its \"traproom,flash\" must have an address and a size, 64 bits each, or its "
        "\"traproom,image\" a name, for each entry of \"reg\"");
}

/* It is the bank itself, or what the bank begins with. */
static int check_content(const struct dt_walk *at, const struct vm_device_config *config)
{
    uint64_t room = config->regs.size, size = config->backing.size;

    if (size == room && !is_aligned(config->backing.base.v, PAGE_SIZE))
        return dt_walk_error(at, -ERR_RANGE, "the content of a whole bank must begin with a page");
    if (size <= room)
        return 0;
    log_error("%s: the content of its bank at 0x%lx has 0x%lx bytes, but the bank 0x%lx",
              config->path, config->regs.base.v, size, room);
    return -ERR_RANGE;
}

int vm_flash_read(const struct dt_walk *at, int gic, struct vm_device_config *config)
{
    uint64_t width = 0;
    int err = read_content(at, config);

    (void)gic;
    if (err != 0)
        return err;
    if (dt_prop_number(at->fdt, dt_walk_node(at), "bank-width", &width) != 0 || width != BANK_WIDTH)
        return dt_walk_error(at, -ERR_UNSUPPORTED, "its \"bank-width\" must be 4");
    if (!is_size(config->regs.size) || !is_aligned(config->regs.base.v, config->regs.size))
        return dt_walk_error(at, -ERR_RANGE,
                             "its \"reg\" must be a power of two from 0x40000 to 0x4000000 bytes, "
                             "at a multiple of its size");
    config->shown = true;
    return check_content(at, config);
}

/*
 * The content in the guest's map, or out of it. Other vCPUs may fault on it meanwhile: they come to
 * the chips, or try again (trap/abort.c). With no page for a table every access comes to the chips.
 */
static void show_content(void *ctx, bool content)
{
    struct vm_flash *flash = ctx;
    struct stage2 *stage2 = &flash->vm->stage2;
    int err;

    if (content)
        err = stage2_map(stage2, flash->rom.ipa, flash->rom.pa, flash->rom.size,
                         STAGE2_READ | STAGE2_EXEC);
    else
        err = stage2_unmap(stage2, flash->rom.ipa, flash->rom.size);
    if (err != 0)
        log_error("the flash at 0x%lx can't be %s: error %d", flash->rom.ipa.v,
                  content ? "mapped" : "unmapped", err);
}

/* Memory for a bank that is more than its content, which is copied; behind it all is erased. */
static int place_bank(struct vm *vm, struct ram_region *rom, const struct vm_device_config *config)
{
    uint64_t align = rom->size < SIZE_2M ? PAGE_SIZE : SIZE_2M;
    uint64_t filled = config->backing.size;
    uint8_t *to;

    if (phys_map_place(vm->phys, pa(rom->ipa.v), rom->size, align, config->path, &rom->pa) != 0) {
        log_error("%s: no room for a bank of flash, 0x%lx bytes: give QEMU more (-m)", config->path,
                  rom->size);
        return -ERR_NOMEM;
    }
    to = pa_to_ptr(rom->pa);
    if (filled > 0)
        memcpy(to, pa_to_ptr(config->backing.base), filled);
    memset(to + filled, VPFLASH_ERASED, rom->size - filled);
    cache_clean_inval_poc(to, rom->size);
    cache_inval_icache_all();
    return 0;
}

int vm_flash_make(struct vm *vm, void *state, const struct vm_device_config *config)
{
    struct vm_flash *flash = state;
    struct vpflash_ops ops = {show_content, flash};

    flash->vm = vm;
    flash->rom = (struct ram_region){config->regs.base, config->backing.base, config->regs.size};
    if (config->backing.size < config->regs.size && place_bank(vm, &flash->rom, config) != 0)
        return -ERR_NOMEM;
    phys_map_give(vm->phys, flash->rom.pa);
    if (guest_mem_add_rom(&vm->mem, &flash->rom) != 0) {
        log_error("%s: there may be %u banks of flash", config->path, GUEST_MEM_MAX_ROMS);
        return -ERR_NOMEM;
    }
    vpflash_init(&flash->chips, pa_to_ptr(flash->rom.pa), flash->rom.size, &ops);
    return 0;
}
