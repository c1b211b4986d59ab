/* SPDX-License-Identifier: Apache-2.0 */
/* From the device tree to struct platform, before the MMU is on: see platform.h. */
#include "platform.h"

#include "string.h"

#define PAGE_SIZE      4096
#define INTERRUPT_SPI  0
#define SPI_BASE       32
#define PPI_BASE       16
#define INTERRUPT_EDGE 0x3 /* rising or falling edge, of the flags cell */
#define IMAGE_ALIGN    0x200000

struct platform platform;

extern char image_head[], bss_end[];
static uint64_t next_free;

static void read_device(const struct fdt_node *node, struct platform_device *device)
{
    uint32_t number = fdt_cell(node, "interrupts", 1, 0);

    fdt_reg(node, 0, &device->regs);
    device->intid =
        number + (fdt_cell(node, "interrupts", 0, 0) == INTERRUPT_SPI ? SPI_BASE : PPI_BASE);
    device->edge = fdt_cell(node, "interrupts", 2, 0) & INTERRUPT_EDGE;
}

static void read_memory(const struct fdt_node *node)
{
    struct fdt_reg reg;

    for (unsigned i = 0; platform.nr_ram < PLATFORM_MAX_RAM && fdt_reg(node, i, &reg); i++)
        platform.ram[platform.nr_ram++] = reg;
}

static void read_gic(const struct fdt_node *node)
{
    uint32_t regions = fdt_cell(node, "#redistributor-regions", 0, 1);

    fdt_reg(node, 0, &platform.gicd);
    for (unsigned i = 0; i < regions && i < PLATFORM_MAX_GICR; i++)
        if (fdt_reg(node, 1 + i, &platform.gicr[i]))
            platform.nr_gicr = i + 1;
}

static void read_node(const struct fdt_node *node, void *arg)
{
    struct fdt_reg reg;

    (void)arg;
    if (fdt_property_has(node, "status", "disabled"))
        return;
    if (fdt_property_has(node, "device_type", "memory")) {
        read_memory(node);
    } else if (fdt_property_has(node, "device_type", "cpu")) {
        if (platform.nr_cpus < PLATFORM_MAX_CPUS && fdt_reg(node, 0, &reg))
            platform.mpidr[platform.nr_cpus++] = reg.address;
    } else if (fdt_property_has(node, "compatible", "arm,gic-v3")) {
        read_gic(node);
    } else if (fdt_property_has(node, "compatible", "arm,pl011")) {
        if (!platform.uart.regs.size)
            read_device(node, &platform.uart);
    } else if (fdt_property_has(node, "compatible", "arm,pl031")) {
        read_device(node, &platform.rtc);
    } else if (fdt_property_has(node, "compatible", "cfi-flash")) {
        for (unsigned i = 0; i < PLATFORM_MAX_FLASH && fdt_reg(node, i, &reg); i++)
            platform.flash[i] = reg;
    } else if (fdt_property_has(node, "compatible", "virtio,mmio")) {
        if (platform.nr_virtio < PLATFORM_MAX_VIRTIO)
            read_device(node, &platform.virtio[platform.nr_virtio++]);
    } else if (strcmp(node->name, "chosen") == 0) {
        platform.test_rounds = fdt_cell(node, "test,rounds", 0, 0);
    } else if (strcmp(node->name, "psci") == 0) {
        platform.psci_smc = fdt_property_has(node, "method", "smc");
    }
}

static bool ranges_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

void platform_init(const void *fdt)
{
    platform.dtb = (struct fdt_reg){(uintptr_t)fdt, fdt_size(fdt)};
    fdt_for_each_node(fdt, read_node, NULL);
    next_free = ((uintptr_t)bss_end + IMAGE_ALIGN - 1) & ~(uint64_t)(IMAGE_ALIGN - 1);
}

void *platform_alloc(uint64_t size)
{
    uint64_t start = next_free;

    size = (size + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
    if (ranges_overlap(start, size, platform.dtb.address, platform.dtb.size))
        start =
            (platform.dtb.address + platform.dtb.size + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
    next_free = start + size;
    return (void *)start;
}

uint64_t platform_ram_end(void)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < platform.nr_ram; i++)
        if (platform.ram[i].address + platform.ram[i].size > end)
            end = platform.ram[i].address + platform.ram[i].size;
    return end;
}
