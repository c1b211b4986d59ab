/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VM from its configuration: RAM placed and mapped, devices on the bus, vCPUs at rest.
 * Neighbours: fdt/vm_fdt.c made the configuration; loader.c puts the images in; power.c runs it.
 */
#include "vm/vm.h"

#include <stddef.h>

#include "check/invariants.h"
#include "drv/console.h"
#include "el1_ctx.h"
#include "fdt/vm_fdt.h"
#include "gic/gic_regs.h"
#include "gicc.h"
#include "gich.h"
#include "lib/log.h"
#include "lib/string.h"
#include "mm/page_pool.h"
#include "mm/phys.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/exit_reason.h"
#include "vcpu_layout.h"
#include "vm/loader.h"
#include "vm/vm_device.h"
#include "vm/vm_fault.h"
#include "vm/watch.h"

#define VMID            1
#define STATS_LINE_MAX  224
#define STATS_NAME_MAX  32
#define STATE_ALIGNMENT 64 /* of a device's state: a cache line */

_Static_assert(offsetof(struct vcpu, regs) == 0, "vectors.S");
_Static_assert(offsetof(struct vcpu, index) == VCPU_OFFSET_INDEX, "vcpu_layout.h");
_Static_assert(offsetof(struct vcpu, stack) == VCPU_OFFSET_STACK, "vcpu_layout.h");
_Static_assert(offsetof(struct vcpu, guest_key) == VCPU_OFFSET_GUEST_KEY, "vcpu_layout.h");
_Static_assert(offsetof(struct vcpu, el2_key) == VCPU_OFFSET_EL2_KEY, "vcpu_layout.h");
_Static_assert(DT_MAX_RAM <= GUEST_MEM_MAX_REGIONS, "guest_mem.h has less room");

/* Find physical memory for a piece of the guest's RAM and map it. */
static int place_ram(struct vm *vm, struct phys_map *phys, struct ipa_range ram, const char *name)
{
    struct ram_region *region = &vm->mem.region[vm->mem.count];
    uint64_t align = ram.size >= SIZE_1G ? SIZE_1G : SIZE_2M;
    pa_t found;
    int err;

    if (vm->mem.count == GUEST_MEM_MAX_REGIONS) {
        log_error("%s: the tree has more pieces of RAM than %u", name, GUEST_MEM_MAX_REGIONS);
        return -ERR_NOMEM;
    }
    err = phys_map_place(phys, pa(ram.base.v), ram.size, align, name, &found);
    if (err != 0 && align == SIZE_1G)
        err = phys_map_place(phys, pa(ram.base.v), ram.size, SIZE_2M, name, &found);
    if (err != 0) {
        log_error("%s at [0x%lx, 0x%lx]: the machine has no such piece of RAM free: give QEMU more "
                  "(-m)",
                  name, ram.base.v, range_last(ram));
        return err;
    }
    log_info("%s: [0x%lx, 0x%lx] is the machine's from 0x%lx on", name, ram.base.v, range_last(ram),
             found.v);
    *region = (struct ram_region){.ipa = ram.base, .pa = found, .size = ram.size};
    vm->mem.count++;
    phys_map_give(phys, found);
    return stage2_map(&vm->stage2, ram.base, found, ram.size,
                      STAGE2_READ | STAGE2_WRITE | STAGE2_EXEC);
}

/* The guest's tree, as it gets it at each start, kept where the guest can't reach it. */
static int make_fdt(struct vm *vm, const void *fdt, struct phys_map *phys)
{
    uint64_t room = vm_fdt_copy_room(fdt);
    int used;

    if (phys_map_place(phys, pa(0), room, PAGE_SIZE, "the guest's tree", &vm->fdt.base) != 0) {
        log_error("no room for a copy of the guest's tree, 0x%lx bytes", room);
        return -ERR_NOMEM;
    }
    used = vm_fdt_guest_copy(fdt, pa_to_ptr(vm->fdt.base), room, &vm->config);
    if (used < 0)
        return used;
    vm->fdt.size = (uint64_t)used;
    return 0;
}

static int claim_images(struct vm *vm, struct phys_map *phys)
{
    int err = phys_map_claim(phys, vm->config.kernel, "the kernel's image");

    if (err == 0)
        err = phys_map_claim(phys, vm->config.app, "the app's image");
    if (err == 0)
        err = phys_map_claim(phys, vm->config.initrd, "the initramfs's image");
    if (err == 0)
        err = phys_map_claim(phys, vm->config.trace, "the trace");
    for (unsigned i = 0; i < vm->config.nr_devices && err == 0; i++)
        err = phys_map_claim(phys, vm->config.device[i].backing, vm->config.device[i].path);
    return err;
}

/* RAM as the tree has it, and a piece for the tree itself where it lies outside. */
static int add_memory(struct vm *vm, struct phys_map *phys)
{
    struct ipa_range fdt = {vm->config.guest_dtb, align_up(vm->fdt.size, PAGE_SIZE)};
    int err = 0;

    for (unsigned i = 0; i < vm->config.nr_ram && err == 0; i++)
        err = place_ram(vm, phys, vm->config.ram[i], "the guest's RAM");
    if (err == 0 && guest_mem_ptr(&vm->mem, fdt.base, 1) == NULL)
        err = place_ram(vm, phys, fdt, "the place of the guest's tree");
    return err;
}

static int add_gic(struct vm *vm)
{
    const struct vm_gic_config *gic = &vm->config.gic;
    unsigned first = 0;
    int err;

    err = mmio_bus_add(&vm->bus, gic->dist, vgic_dist_access, &vm->vgic, EXIT_MMIO_GICD);
    for (unsigned i = 0; i < gic->nr_redist_regions && err == 0; i++) {
        unsigned frames = (unsigned)(gic->redist[i].size / GICR_SIZE);
        unsigned left = vm->nr_vcpus - first;
        unsigned count = frames < left ? frames : left;

        vm->redist[i] = (struct vgic_redist_region){&vm->vgic, first, count};
        first += count;
        if (count > 0)
            vm->vgic.vcpu[first - 1].last = true;
        err = mmio_bus_add(&vm->bus, gic->redist[i], vgic_redist_access, &vm->redist[i],
                           EXIT_MMIO_GICR);
    }
    return err;
}

static uint64_t state_room(const struct vm_device_config *config)
{
    return align_up(config->kind->state_size + config->more_state, STATE_ALIGNMENT);
}

/* Memory for what the devices are, all zeros, which no guest reaches. */
static int place_devices(struct vm *vm, struct phys_map *phys)
{
    uint64_t room = 0;
    uint8_t *at;
    pa_t found;

    for (unsigned i = 0; i < vm->config.nr_devices; i++)
        room += state_room(&vm->config.device[i]);
    room = align_up(room, PAGE_SIZE);
    if (room == 0)
        return 0;
    if (phys_map_place(phys, pa(0), room, PAGE_SIZE, "the guest's devices", &found) != 0) {
        log_error("no room for the guest's devices, 0x%lx bytes: give QEMU more (-m)", room);
        return -ERR_NOMEM;
    }
    at = pa_to_ptr(found);
    memset(at, 0, room);
    for (unsigned i = 0; i < vm->config.nr_devices; i++) {
        vm->device[i] = at;
        at += state_room(&vm->config.device[i]);
    }
    return 0;
}

/* A device is made as its row in vm_device.c says, then put on the bus where its node has it. */
static int add_device(struct vm *vm, const struct vm_device_config *config, void *state)
{
    const struct vm_device_kind *kind = config->kind;
    enum exit_reason reason = EXIT_MMIO_DEVICE + (unsigned)(kind - vm_devices.kind);
    int err = kind->make_fn(vm, state, config);

    if (err == 0)
        err = mmio_bus_add(&vm->bus, config->regs, kind->access_fn, state, reason);
    if (err != 0)
        log_error("%s can't be made", config->path);
    return err;
}

static int add_devices(struct vm *vm, struct phys_map *phys)
{
    int err = place_devices(vm, phys);

    for (unsigned i = 0; i < vm->config.nr_devices && err == 0; i++)
        err = add_device(vm, &vm->config.device[i], vm->device[i]);
    return err;
}

/* Does the machine's CPU interface say to a guest all that its SGIs can do? */
static bool can_say_all(const struct vm *vm)
{
    bool far = false;

    for (unsigned i = 0; i < vm->nr_vcpus; i++)
        far |= FIELD_GET(MPIDR_Aff0, vm->config.mpidr[i]) > ICC_SGIR_NEAR_AFF0;
    return !far || (gicc_read_ctlr() & ICC_CTLR_RSS) != 0;
}

static void add_vcpus(struct vm *vm)
{
    uint64_t vtr = gich_read_vtr();

    vm->nr_vcpus = vm->config.nr_cpus;
    for (unsigned i = 0; i < vm->nr_vcpus; i++) {
        vm->vcpu[i] = (struct vcpu){
            .vm = vm, .index = i, .mpidr = vm->config.mpidr[i] | MPIDR_RES1, .power = VCPU_OFF};
    }
    vgic_init(&vm->vgic, vm->nr_vcpus, vm->config.mpidr,
              (unsigned)FIELD_GET(ICH_VTR_ListRegs, vtr) + 1,
              (unsigned)FIELD_GET(ICH_VTR_PRIbits, vtr) + 1);
    if (vm->config.pmu_intid != 0)
        vgic_link_ppi(&vm->vgic, vm->config.pmu_intid);
    if ((vtr & ICH_VTR_TDS) == 0 || !can_say_all(vm))
        vgic_trap_common(&vm->vgic);
}

int vm_init(struct vm *vm, const void *fdt, struct phys_map *phys, struct page_pool *pool)
{
    int err;

    vm->phys = phys;
    mmio_bus_init(&vm->bus);
    err = stage2_init(&vm->stage2, pool, VMID, read_sysreg(id_aa64mmfr0_el1),
                      read_sysreg(id_aa64mmfr1_el1));
    if (err == 0)
        err = claim_images(vm, phys);
    if (err == 0)
        err = make_fdt(vm, fdt, phys);
    if (err == 0)
        err = add_memory(vm, phys);
    if (err == 0)
        err = loader_check(vm);
    if (err != 0)
        return err;
    add_vcpus(vm);
    err = add_gic(vm);
    if (err == 0)
        err = add_devices(vm, phys);
    return err == 0 ? vm_fault_init(vm, phys) : err;
}

static void reset_devices(struct vm *vm)
{
    vgic_reset(&vm->vgic);
    for (unsigned i = 0; i < vm->config.nr_devices; i++)
        vm->config.device[i].kind->reset_fn(vm->device[i]);
    console_input(); /* at the first start, or since a full UART had it stopped */
}

void vm_start(struct vm *vm)
{
    struct vcpu *first = &vm->vcpu[0];

    for (unsigned i = 0; i < vm->nr_vcpus; i++)
        vm->vcpu[i].abort = (struct vcpu_abort){0};
    reset_devices(vm);
    watch_start();
    if (vm->watcher != NULL)
        vm->watcher->start_fn(vm);
    loader_load(vm);
    invariants_expect(&vm->stage2.table);
    spin_lock(&vm->power_lock);
    vm->run_state = VM_RUNNING;
    vm->panicked = false;
    vm_fault_start(vm);
    first->power = VCPU_ON_PENDING;
    first->entry = loader_entry(vm).v;
    first->context = vm->config.guest_dtb.v;
    spin_unlock(&vm->power_lock);
}

/* One line: the total, then each vCPU's part. */
static void print_reason(const struct vm *vm, const char *text, enum exit_reason reason)
{
    char line[STATS_LINE_MAX];
    uint64_t total = 0;
    size_t at;

    for (unsigned i = 0; i < vm->nr_vcpus; i++)
        total += vm->vcpu[i].exits[reason];
    if (total == 0)
        return;
    at = (size_t)fmt_snprintf(line, sizeof(line), "%-24s %9lu ", text, total);
    for (unsigned i = 0; i < vm->nr_vcpus && vm->nr_vcpus > 1 && at < sizeof(line); i++)
        at +=
            (size_t)fmt_snprintf(line + at, sizeof(line) - at, " %9lu", vm->vcpu[i].exits[reason]);
    log_info("%s", line);
}

const char *vm_exit_name(enum exit_reason reason, char *buf, size_t size)
{
    static const char *const text[EXIT_MMIO_DEVICE] = {
#define X(id, name) [id] = name,
        EXIT_REASONS(X)
#undef X
    };

    const char *device;

    if (reason < EXIT_MMIO_DEVICE)
        return text[reason];
    device = vm_devices.kind[reason - EXIT_MMIO_DEVICE].name;
    fmt_snprintf(buf, size, "mmio: %s", device != NULL ? device : "none"); /* no registers */
    return buf;
}

void vm_print_stats(const struct vm *vm)
{
    char name[STATS_NAME_MAX];

    log_info("exits by reason: in all, then by vCPU");
    for (unsigned r = 0; r < EXIT_MMIO_DEVICE + vm_devices.count; r++)
        print_reason(vm, vm_exit_name((enum exit_reason)r, name, sizeof(name)),
                     (enum exit_reason)r);
}
