/* SPDX-License-Identifier: Apache-2.0 */
/* What is behind the guest's virtio slots: reading the nodes, making the devices. See vm_virtio.h.
 */
#include "vm/vm_virtio.h"

#include <stddef.h>

#include "dev/virtio_blk.h"
#include "dev/virtio_machine.h"
#include "dev/virtio_mmio.h"
#include "fdt/dt_prop.h"
#include "gic/gic.h"
#include "gic/vgic.h"
#include "lib/log.h"
#include "lib/string.h"
#include "trap/irq.h"
#include "vm/vm.h"

#define DEVICE_MIN_SIZE UINT64_C(0x200) /* the transport's registers and a configuration */
#define SECTOR_SIZE     512

/* A slot with a device of the machine's; its queues come behind it. */
struct machine_slot {
    struct virtio_mmio slot;
    const struct host_virtio *host;
    struct virtio_machine machine;
};

static const struct host_virtio *slots;
static unsigned nr_slots;
static bool taken[HOST_MAX_VIRTIO];

void vm_virtio_offer(const struct host_virtio *offered, unsigned count)
{
    slots = offered;
    nr_slots = count;
}

/* The machine's slot at `base`; nr_slots: it has none there. */
static unsigned find_slot(pa_t base)
{
    unsigned i = 0;

    while (i < nr_slots && slots[i].regs.base.v != base.v)
        i++;
    return i;
}

const struct host_virtio *vm_virtio_take(pa_t base)
{
    unsigned index = find_slot(base);

    if (index == nr_slots || taken[index])
        return NULL;
    taken[index] = true;
    return &slots[index];
}

static int read_disk(const struct dt_walk *at, struct vm_device_config *config)
{
    if (config->backing.size < SECTOR_SIZE)
        return dt_walk_error(at, -ERR_INVAL, "the disk must have at least one sector of 512 bytes");
    config->read_only = dt_prop_present(at->fdt, dt_walk_node(at), "traproom,read-only");
    config->more_state = sizeof(struct virtio_blk);
    return 0;
}

static int open_failed(const struct vm_device_config *config, int err)
{
    const char *what = err == -ERR_NOENT         ? "is empty: start QEMU with a device in it"
                       : err == -ERR_UNSUPPORTED ? "has no virtio 1 device: QEMU wants -global "
                                                   "virtio-mmio.force-legacy=false"
                                                 : "has a device that does not reset";

    log_error("%s: the machine's virtio slot at 0x%lx %s", config->path, config->slot.v, what);
    return err;
}

static int read_machine(struct vm_device_config *config)
{
    struct virtio_driver driver;
    unsigned index = find_slot(config->slot);
    int err;

    if (index == nr_slots) {
        log_error("%s: the machine has no virtio slot at 0x%lx", config->path, config->slot.v);
        return -ERR_NOENT;
    }
    err = virtio_driver_open(&driver, slots[index].regs);
    if (err != 0)
        return open_failed(config, err);
    if (virtio_type_find(driver.id) == NULL) {
        log_error(
            "%s: the virtio device at 0x%lx is of type %u, which can't be kept to the guest's "
            "memory",
            config->path, config->slot.v, driver.id);
        return -ERR_UNSUPPORTED;
    }
    config->more_state = offsetof(struct machine_slot, machine) - sizeof(struct virtio_mmio) +
                         virtio_machine_size(&driver);
    return 0;
}

int vm_virtio_read(const struct dt_walk *at, int gic, struct vm_device_config *config)
{
    int node = dt_walk_node(at);
    int disk = dt_prop_pa_range(at->fdt, node, "traproom,disk", &config->backing);
    int err = dt_prop_address(at->fdt, node, "traproom,slot", &config->slot.v);

    (void)gic;
    if (err != 0 || (disk != 0 && disk != -ERR_NOENT))
        return err != 0 ? err : disk;
    if (disk == 0 && config->slot.v != 0)
        return dt_walk_error(at, -ERR_INVAL,
                             "it has \"traproom,disk\" and \"traproom,slot\": leave one out");
    if (disk != 0 && config->slot.v == 0)
        return 0; /* an empty slot */
    if (config->regs.size < DEVICE_MIN_SIZE)
        return dt_walk_error(at, -ERR_INVAL,
                             "with a device, its \"reg\" must have at least 0x200 bytes");
    return disk == 0 ? read_disk(at, config) : read_machine(config);
}

static int make_disk(struct vm *vm, struct virtio_mmio *slot, const struct vm_device_config *config,
                     const struct irq_line *line)
{
    struct virtio_blk *disk = (struct virtio_blk *)(slot + 1);
    char id[VIRTIO_BLK_ID_BYTES];
    struct virtio_blk_setup setup = {
        .disk = config->backing,
        .read_only = config->read_only,
        .nr_queues = vm->nr_vcpus < VIRTIO_BLK_MAX_QUEUES ? vm->nr_vcpus : VIRTIO_BLK_MAX_QUEUES,
        .id = id,
    };

    fmt_snprintf(id, sizeof(id), "traproom-%lx", config->regs.base.v);
    return virtio_blk_init(disk, &setup, slot, &vm->mem, line);
}

/* What is left over comes by an interrupt of its own, so that others come in between. */
static void handle_irq(void *ctx, struct vcpu *vcpu)
{
    struct machine_slot *at = ctx;

    (void)vcpu;
    if (virtio_machine_interrupt(&at->machine))
        gic_set_pending(at->host->intid);
}

static int make_machine(struct vm *vm, struct machine_slot *at,
                        const struct vm_device_config *config, const struct irq_line *line)
{
    struct virtio_driver driver;
    int err;

    at->host = vm_virtio_take(config->slot);
    if (at->host == NULL) {
        log_error("%s: another node has the machine's virtio slot at 0x%lx already", config->path,
                  config->slot.v);
        return -ERR_EXIST;
    }
    err = virtio_driver_open(&driver, at->host->regs);
    if (err != 0)
        return open_failed(config, err);
    virtio_machine_init(&at->machine, &driver, &at->slot, &vm->mem, line);
    return irq_register(at->host->intid, at->host->edge ? IRQ_EDGE : IRQ_LEVEL, EXIT_IRQ_VIRTIO,
                        handle_irq, at);
}

int vm_virtio_make(struct vm *vm, void *state, const struct vm_device_config *config)
{
    struct irq_line line = {vgic_set_line, &vm->vgic, config->intid};

    if (config->backing.size != 0)
        return make_disk(vm, state, config, &line);
    return config->slot.v != 0 ? make_machine(vm, state, config, &line) : 0;
}
