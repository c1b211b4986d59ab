/* SPDX-License-Identifier: Apache-2.0 */
/* ELF files into the list of what loader.c loads. See elf_guest.h. */
#include "vm/elf_guest.h"

#include "fdt/vm_config.h"
#include "lib/log.h"
#include "mm/phys.h"

#define FAULT_MAX 160 /* characters of a fault's words */

/* A file, and where it goes: the lowest segment to `base`, the others as far from it as in `space`.
 */
struct file {
    const char *name, *segment_name;
    struct pa_range from;
    ipa_t base; /* VM_KERNEL_ANYWHERE: as the file says */
    enum elf64_space space;
};

static struct file kernel_file(const struct vm_config *config)
{
    return (struct file){"the kernel", "a segment of the kernel", config->kernel,
                         config->guest_kernel, ELF64_PHYSICAL};
}

static struct file app_file(const struct vm_config *config)
{
    return (struct file){"the app", "a segment of the app", config->app, config->guest_app,
                         ELF64_VIRTUAL};
}

bool elf_guest_is_kernel(const struct vm_config *config)
{
    return elf64_is_elf(pa_to_ptr(config->kernel.base), config->kernel.size);
}

static bool read_file(const struct file *file, struct elf64 *elf, struct elf64_fault *fault)
{
    return elf64_read(elf, pa_to_ptr(file->from.base), file->from.size, fault) &&
           (file->space == ELF64_VIRTUAL || elf64_check_physical(elf, fault));
}

static int check_file(const struct file *file)
{
    struct elf64 elf;
    struct elf64_fault fault;
    char words[FAULT_MAX];

    if (read_file(file, &elf, &fault))
        return 0;
    fmt_snprintf(words, sizeof(words), ELF64_FAULT(fault));
    log_error("%s can't be loaded: %s", file->name, words);
    return -ERR_INVAL;
}

int elf_guest_check(const struct vm_config *config)
{
    struct file kernel = kernel_file(config), app = app_file(config);
    int err = elf_guest_is_kernel(config) ? check_file(&kernel) : 0;

    return err == 0 && app.from.size != 0 ? check_file(&app) : err;
}

/* How far each segment moves from where the file has it. */
static uint64_t distance(const struct file *file, const struct elf64 *elf)
{
    return file->base.v == VM_KERNEL_ANYWHERE ? 0
                                              : file->base.v - elf64_span(elf, file->space).first;
}

static unsigned list_file(const struct file *file, struct placed list[ELF64_MAX_LOADS])
{
    struct elf64_fault fault;
    struct elf64 elf;

    if (!read_file(file, &elf, &fault))
        return 0;
    for (unsigned i = 0; i < elf.nr_loads; i++) {
        const struct elf64_segment *s = &elf.load[i];
        uint64_t at = file->space == ELF64_VIRTUAL ? s->vaddr : s->paddr;

        list[i] = (struct placed){
            .name = file->segment_name,
            .from = {pa(file->from.base.v + s->offset), s->filesz},
            .to = {ipa(at + distance(file, &elf)), s->memsz},
            .zeroed = true,
        };
    }
    return elf.nr_loads;
}

unsigned elf_guest_list(const struct vm_config *config, struct placed list[ELF_GUEST_MAX_PLACED])
{
    struct file kernel = kernel_file(config), app = app_file(config);
    unsigned count = elf_guest_is_kernel(config) ? list_file(&kernel, list) : 0;

    return app.from.size != 0 ? count + list_file(&app, list + count) : count;
}

ipa_t elf_guest_entry(const struct vm_config *config)
{
    struct file kernel = kernel_file(config);
    struct elf64_fault fault;
    struct elf64 elf;

    if (!read_file(&kernel, &elf, &fault))
        return kernel.base;
    return ipa(elf64_physical_entry(&elf) + distance(&kernel, &elf));
}
