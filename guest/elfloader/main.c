/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loader for a kernel and its root task, both ELF files that tools/elfpack/ has put behind it: it
 * does for them what Linux does for itself. This is its order of things. docs/elf-guests.md says
 * what it hands over.
 */
#include "chosen.h"
#include "console.h"
#include "cpus.h"
#include "fail.h"
#include "handover.h"
#include "lib/addr.h"
#include "mmu.h"
#include "payload.h"
#include "platform.h"
#include "program.h"
#include "regions.h"
#include "tables.h"

#define IMAGE_SIZE_AT 16 /* in the header of an Image, which elfpack sets to the size of all */

extern char image_head[], bss_end[];
void boot_main(const void *fdt);

uint64_t handover_entered_at
    __attribute__((section(".data"))); /* start.S sets it before .bss is cleared */
static struct regions regions;
static struct program kernel, app;
static struct handover handover;

static void tell_machine(void)
{
    printf("elfloader: at [0x%lx, 0x%lx], entered at EL%lu; %u CPUs; the tree has 0x%lx bytes at "
           "0x%lx\n",
           (uintptr_t)image_head, (uintptr_t)bss_end - 1, handover_entered_at >> 2,
           platform.nr_cpus, platform.dtb.size, platform.dtb.address);
    for (unsigned i = 0; i < platform.nr_ram; i++)
        printf("elfloader: RAM [0x%lx, 0x%lx]\n", platform.ram[i].address,
               platform.ram[i].address + (platform.ram[i].size - 1));
}

static const struct payload *find_payload(void)
{
    const struct payload *payload = (const struct payload *)bss_end;
    uint64_t whole = *(const uint64_t *)(image_head + IMAGE_SIZE_AT);
    const char *wrong = payload_check(payload, whole - (uint64_t)(bss_end - image_head));

    if (wrong != NULL)
        fail_with("%s", wrong);
    return payload;
}

static const struct payload_config *choose(const struct payload *payload, const char *name)
{
    const struct payload_config *config = payload_find(payload, name[0] != '\0' ? name : NULL);

    if (config == NULL)
        fail_with("there is no configuration \"%s\": the first of %u is \"%s\"", name,
                  payload->nr_configs, payload->config[0].name);
    printf("elfloader: configuration \"%s\": kernel %s, app %s\n", config->name,
           payload->file[config->kernel].name,
           config->app != PAYLOAD_NO_FILE ? payload->file[config->app].name : "none");
    return config;
}

static void place_kernel(const struct payload *payload, const struct payload_config *config)
{
    program_read(&kernel, payload, config->kernel, "kernel", ELF64_PHYSICAL);
    if (config->kernel_paddr != PAYLOAD_NO_ADDRESS)
        kernel.moved = config->kernel_paddr - elf64_span(&kernel.elf, ELF64_PHYSICAL).first;
    program_take(&kernel, &regions);
}

/* As pages, behind the kernel or where the configuration has it. x0 to x3 tell the kernel. */
static void place_app(const struct payload *payload, const struct payload_config *config)
{
    struct elf64_span at = elf64_span(&kernel.elf, ELF64_PHYSICAL), own;
    uint64_t first, size, start;

    if (config->app == PAYLOAD_NO_FILE)
        return;
    program_read(&app, payload, config->app, "app", ELF64_VIRTUAL);
    own = elf64_span(&app.elf, ELF64_VIRTUAL);
    first = align_down(own.first, PAGE_SIZE);
    size = align_up(own.last + 1, PAGE_SIZE) - first;
    start = regions_find(&regions, at.last + kernel.moved, size);
    if (config->app_offset != PAYLOAD_NO_ADDRESS)
        start = at.first + kernel.moved + config->app_offset;
    else if (start == 0)
        fail_with("the app, 0x%lx bytes, has no room behind the kernel", size);
    regions_take(&regions, "app", start, size);
    app.moved = start - first;
    handover.x[0] = start;
    handover.x[1] = start + size;
    handover.x[2] = app.moved;
    handover.x[3] = app.elf.entry;
}

static void map(const char *name, uint64_t va, uint64_t pa, uint64_t size, uint32_t flags)
{
    if (!tables_can_map(va, size))
        fail_with("%s at virtual [0x%lx, 0x%lx] does not fit into 48 bits of address", name, va,
                  va + (size - 1));
    if (!tables_map(va, pa, size, flags))
        fail_with(
            "%s at virtual [0x%lx, 0x%lx] can't be mapped to 0x%lx: another page is there, they "
            "differ below "
            "a page, or it takes too many tables",
            name, va, va + (size - 1), pa);
}

/* The loader and the tree where they are, and the kernel in its window. */
static void build_tables(void)
{
    bool entered = false;
    unsigned count;

    map("the loader", (uintptr_t)image_head, (uintptr_t)image_head,
        (uint64_t)(bss_end - image_head), ELF64_READ | ELF64_EXECUTE);
    map("the tree", platform.dtb.address, platform.dtb.address, platform.dtb.size, ELF64_READ);
    for (unsigned i = 0; i < kernel.elf.nr_loads; i++) {
        const struct elf64_segment *s = &kernel.elf.load[i];

        map("the kernel", s->vaddr, program_address(&kernel, s), s->memsz, s->flags);
        entered = entered || ((s->flags & ELF64_EXECUTE) != 0 &&
                              range_contains(s->vaddr, s->memsz, kernel.elf.entry, 1));
    }
    if (!entered)
        fail_with("the kernel's entry 0x%lx is no virtual address of its", kernel.elf.entry);
    count = tables_finish(&handover);
    printf("elfloader: %u tables: the kernel's window [0x%lx, 0x%lx], loader and tree where they "
           "are\n",
           count, elf64_span(&kernel.elf, ELF64_VIRTUAL).first,
           elf64_span(&kernel.elf, ELF64_VIRTUAL).last);
}

void boot_main(const void *fdt)
{
    struct chosen chosen = {.config = ""};
    const struct payload_config *config;
    const struct payload *payload;
    unsigned count;

    fail_on_exceptions();
    platform_init(fdt);
    mmu_build();
    mmu_enable();
    console_init();
    tell_machine();
    payload = find_payload();
    chosen_read(fdt, &chosen, &regions);
    regions_note(&regions, "the loader", (uintptr_t)image_head, (uint64_t)(bss_end - image_head));
    regions_note(&regions, "the payload", (uintptr_t)payload, payload->size);
    regions_note(&regions, "the tree", platform.dtb.address, platform.dtb.size);
    config = choose(payload, chosen.config);
    place_kernel(payload, config);
    place_app(payload, config);
    program_load(&kernel);
    program_load(&app);
    handover.x[4] = platform.dtb.address;
    handover.x[5] = platform.dtb.size;
    handover.entry = kernel.elf.entry;
    build_tables();
    count = cpus_start(config->cpus);
    printf("elfloader: %u CPUs to the kernel at 0x%lx: x0 0x%lx, x1 0x%lx, x2 0x%lx, x3 0x%lx, x4 "
           "0x%lx, x5 0x%lx\n",
           count, handover.entry, handover.x[0], handover.x[1], handover.x[2], handover.x[3],
           handover.x[4], handover.x[5]);
    cpus_release(&handover);
    handover_enter(&handover, 0);
}
