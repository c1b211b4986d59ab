/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's images into its RAM. See loader.h. */
#include "vm/loader.h"

#include "cache.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/phys.h"
#include "vm/elf_guest.h"
#include "vm/placed.h"
#include "vm/vm.h"

#define IMAGE_MAGIC           UINT32_C(0x644d5241) /* "ARM\x64" */
#define IMAGE_ALIGNMENT       (UINT64_C(2) << 20)
#define IMAGE_OLD_TEXT_OFFSET UINT64_C(0x80000) /* of kernels before Linux 3.17: image_size 0 */

/* The header of an arm64 Image, little endian. */
struct image_header {
    uint32_t code[2];
    uint64_t text_offset;
    uint64_t image_size;
    uint64_t flags;
    uint64_t reserved[3];
    uint32_t magic;
    uint32_t pe_offset;
};

#define MAX_PLACED (ELF_GUEST_MAX_PLACED + 3) /* kernel, initramfs and tree beside them */

/*
 * `offset` from a multiple of 2 MiB, in the first piece of RAM that has room there. If none has, in
 * the first piece, which check_place() then refuses.
 */
static ipa_t usual_kernel_base(const struct vm_config *config, uint64_t offset, uint64_t size)
{
    for (unsigned i = 0; i < config->nr_ram; i++) {
        struct ipa_range ram = config->ram[i];
        uint64_t skipped = align_up(ram.base.v, IMAGE_ALIGNMENT) - ram.base.v;

        if (skipped <= ram.size && offset <= ram.size - skipped &&
            size <= ram.size - skipped - offset)
            return ipa(ram.base.v + skipped + offset);
    }
    return ipa(align_up(config->ram[0].base.v, IMAGE_ALIGNMENT) + offset);
}

static struct ipa_range kernel_place(const struct vm *vm)
{
    const struct image_header *header = pa_to_ptr(vm->config.kernel.base);
    uint64_t size = vm->config.kernel.size;
    ipa_t base = vm->config.guest_kernel;
    uint64_t offset;

    if (size == 0)
        return (struct ipa_range){.base = base};
    offset = header->image_size == 0 ? IMAGE_OLD_TEXT_OFFSET : header->text_offset;
    if (header->image_size > size)
        size = header->image_size;
    if (base.v == VM_KERNEL_ANYWHERE)
        base = usual_kernel_base(&vm->config, offset, size);
    return (struct ipa_range){.base = base, .size = size};
}

static unsigned list_images(const struct vm *vm, struct placed list[MAX_PLACED])
{
    const struct vm_config *config = &vm->config;
    unsigned count = elf_guest_list(config, list);

    if (!elf_guest_is_kernel(config))
        list[count++] = (struct placed){"the kernel", config->kernel, kernel_place(vm), false};
    list[count++] = (struct placed){"the initramfs", config->initrd, config->guest_initrd, false};
    list[count++] =
        (struct placed){"the device tree", vm->fdt, {config->guest_dtb, vm->fdt.size}, false};
    return count;
}

/* Without a kernel, does a device show something where the guest begins? */
static int check_start(const struct vm_config *config)
{
    for (unsigned i = 0; i < config->nr_devices; i++) {
        const struct vm_device_config *device = &config->device[i];

        if (device->shown && range_contains(device->regs.base.v, device->regs.size,
                                            config->guest_kernel.v, sizeof(uint32_t)))
            return 0;
    }
    log_error("/chosen: there is no \"traproom,kernel\", and no flash at 0x%lx, where the guest "
              "shall begin",
              config->guest_kernel.v);
    return -ERR_NOENT;
}

static int check_kernel(const struct vm *vm)
{
    const struct image_header *header = pa_to_ptr(vm->config.kernel.base);

    if (vm->config.kernel.size == 0)
        return check_start(&vm->config);
    if (elf_guest_is_kernel(&vm->config))
        return 0;
    if (vm->config.kernel.size < sizeof(*header) || header->magic != IMAGE_MAGIC) {
        log_error(
            "the kernel at 0x%lx is neither an ELF file nor an arm64 Image: its header has no "
            "\"ARM\\x64\"",
            vm->config.kernel.base.v);
        return -ERR_INVAL;
    }
    return 0;
}

static int overlap_error(const char *a, struct ipa_range a_at, const char *b, struct ipa_range b_at)
{
    log_error("%s at [0x%lx, 0x%lx] overlaps %s at [0x%lx, 0x%lx] in the guest: move one of them",
              a, a_at.base.v, range_last(a_at), b, b_at.base.v, range_last(b_at));
    return -ERR_EXIST;
}

static bool overlap(struct ipa_range a, struct ipa_range b)
{
    return ranges_overlap(a.base.v, a.size, b.base.v, b.size);
}

/* Is it the entry by which a boot loader reserves the image that it has put there itself? */
static bool is_noted(const struct vm_reserved *reserved, struct ipa_range place)
{
    struct ipa_range r = reserved->range;

    return reserved->block && range_contains(r.base.v, r.size, place.base.v, place.size);
}

static int check_place(const struct vm *vm, const struct placed *image)
{
    if (image->to.size != 0 && guest_mem_ptr(&vm->mem, image->to.base, image->to.size) == NULL) {
        log_error("%s does not fit: it needs [0x%lx, 0x%lx], which is not all in the guest's RAM",
                  image->name, image->to.base.v, range_last(image->to));
        return -ERR_RANGE;
    }
    for (unsigned i = 0; i < vm->config.nr_reserved; i++) {
        const struct vm_reserved *other = &vm->config.reserved[i];

        if (overlap(image->to, other->range) && !is_noted(other, image->to))
            return overlap_error(image->name, image->to, other->path, other->range);
    }
    return 0;
}

int loader_check(const struct vm *vm)
{
    struct placed list[MAX_PLACED];
    int err = check_kernel(vm);
    unsigned count;

    if (err == 0)
        err = elf_guest_check(&vm->config);
    if (err != 0)
        return err;
    count = list_images(vm, list);
    for (unsigned i = 0; i < count && err == 0; i++) {
        err = check_place(vm, &list[i]);
        for (unsigned j = 0; j < i && err == 0; j++) {
            if (overlap(list[i].to, list[j].to))
                err = overlap_error(list[i].name, list[i].to, list[j].name, list[j].to);
        }
    }
    return err;
}

void loader_load(const struct vm *vm)
{
    struct placed list[MAX_PLACED];
    unsigned count = list_images(vm, list);

    for (unsigned i = 0; i < count; i++) {
        uint64_t filled = list[i].from.size, size = list[i].to.size;
        uint8_t *to = guest_mem_ptr(&vm->mem, list[i].to.base, size);

        if (to == NULL)
            continue; /* no kernel, no initramfs */
        memcpy(to, pa_to_ptr(list[i].from.base), filled);
        if (list[i].zeroed)
            memset(to + filled, 0, size - filled);
        cache_clean_inval_poc(to, size); /* what it uses beyond its file, too */
    }
    cache_inval_icache_all();
}

ipa_t loader_entry(const struct vm *vm)
{
    return elf_guest_is_kernel(&vm->config) ? elf_guest_entry(&vm->config) : kernel_place(vm).base;
}
