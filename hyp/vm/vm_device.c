/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Traproom offers: the table is at the end, before it what its rows name. A node is read by
 * fdt/vm_fdt_device.c, made a device by add_device() in vm.c. docs/adding-a-device.md tells how to
 * add a row.
 */
#include "vm/vm_device.h"

#include "dev/virtio_mmio.h"
#include "dev/vpl011.h"
#include "dev/vpl031.h"
#include "dev/vpvpanic.h"
#include "dev/vregs.h"
#include "drv/alarm.h"
#include "fdt/dt_irq.h"
#include "fdt/dt_pmu.h"
#include "fdt/dt_prop.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "vm/vm.h"
#include "vm/vm_console.h"
#include "vm/vm_flash.h"
#include "vm/vm_model.h"
#include "vm/vm_virtio.h"
#include "vm/watch.h"

static struct irq_line line_of(struct vm *vm, const struct vm_device_config *config)
{
    return (struct irq_line){vgic_set_line, &vm->vgic, config->intid};
}

static int make_pl011(struct vm *vm, void *state, const struct vm_device_config *config)
{
    struct irq_line line = line_of(vm, config);

    vm_console_attach(state, &line, config->console);
    return 0;
}

/* A clock, and what wakes it. The clock is first: it takes the accesses. */
struct clock {
    struct vpl031 rtc;
    struct alarm alarm;
};

static void ring(void *clock)
{
    vpl031_alarm(clock);
}

static void set_alarm(void *alarm, uint64_t due)
{
    alarm_set(alarm, due);
}

static int make_pl031(struct vm *vm, void *state, const struct vm_device_config *config)
{
    struct clock *clock = state;
    struct irq_line line = line_of(vm, config);
    struct vpl031_ops ops = {alarm_now, set_alarm, &clock->alarm};

    if (alarm_frequency() == 0) {
        log_error("the machine's firmware has left CNTFRQ_EL0 at 0: no clock can be made of it");
        return -ERR_UNSUPPORTED;
    }
    alarm_add(&clock->alarm, ring, clock);
    vpl031_init(&clock->rtc, &line, &ops, alarm_frequency(), vm->config.epoch);
    return 0;
}

static void hear_panic(void *vm, uint8_t events)
{
    if ((events & PVPANIC_CRASH_LOADED) != 0)
        log_info("the guest's kernel has panicked, and another takes over");
    if ((events & PVPANIC_PANICKED) == 0)
        return;
    log_info("the guest's kernel has panicked");
    __atomic_store_n(&((struct vm *)vm)->panicked, true, __ATOMIC_RELAXED);
    watch_panicked();
}

static int make_pvpanic(struct vm *vm, void *state, const struct vm_device_config *config)
{
    (void)config;
    *(struct vpvpanic *)state = (struct vpvpanic){hear_panic, vm};
    return 0;
}

/* The timers' interrupts are wired to the CPU: a tree can only say what they are. */
static int read_timer(const struct dt_walk *at, int gic, struct vm_device_config *config)
{
    static const uint32_t wired[] = {29, 30, 27, 26};
    uint32_t intid;

    (void)config;
    for (unsigned i = 0; i < ARRAY_SIZE(wired); i++) {
        int err = dt_irq_intid(at, gic, i, &intid);

        if (err == -ERR_NOENT && i > 0)
            return 0;
        if (err != 0 && err != -ERR_NOENT)
            return err;
        if (err != 0 || intid != wired[i])
            return dt_walk_error(at, -ERR_UNSUPPORTED,
                                 "its interrupts must be the PPIs 13, 14, 11 and 10, in that "
                                 "order");
    }
    return 0;
}

static int read_registers(const struct dt_walk *at, int gic, struct vm_device_config *config)
{
    (void)gic;
    if (config->regs.size > VREGS_MAX_SIZE)
        return dt_walk_error(at, -ERR_RANGE,
                             "with \"traproom,registers\", its \"reg\" may have 0x10000 bytes");
    config->more_state = config->regs.size;
    return 0;
}

static int make_registers(struct vm *vm, void *state, const struct vm_device_config *config)
{
    struct vregs *regs = state;

    (void)vm;
    regs->size = config->regs.size;
    return 0;
}

static const struct vm_device_kind kinds[] = {
    {
        .property = "traproom,model",
        .name = "model",
        .min_size = 1,
        .interrupt = true,
        .may_lack_it = true,
        .read_fn = vm_model_read,
        .state_size = VM_MODEL_STATE_SIZE,
        .make_fn = vm_model_make,
        .reset_fn = vmodel_reset,
        .access_fn = vmodel_access,
    },
    {
        .property = "traproom,flash",
        .name = "flash",
        .min_size = VPFLASH_MIN_SIZE,
        .all_regs = true,
        .read_fn = vm_flash_read,
        .state_size = VM_FLASH_STATE_SIZE,
        .make_fn = vm_flash_make,
        .reset_fn = vpflash_reset,
        .access_fn = vpflash_access,
    },
    {
        .property = "traproom,registers",
        .name = "registers",
        .min_size = 1,
        .all_regs = true,
        .read_fn = read_registers,
        .state_size = sizeof(struct vregs),
        .make_fn = make_registers,
        .reset_fn = vregs_reset,
        .access_fn = vregs_access,
    },
    {
        .compatible = "arm,pl011",
        .name = "pl011",
        .min_size = 0x1000, /* its identification registers are the last */
        .interrupt = true,
        .console = true,
        .state_size = sizeof(struct vpl011),
        .make_fn = make_pl011,
        .reset_fn = vpl011_reset,
        .access_fn = vpl011_access,
    },
    {
        .compatible = "virtio,mmio",
        .name = "virtio",
        .min_size = 0x100, /* the transport's registers */
        .interrupt = true,
        .read_fn = vm_virtio_read,
        .state_size = sizeof(struct virtio_mmio),
        .make_fn = vm_virtio_make,
        .reset_fn = virtio_mmio_reset,
        .access_fn = virtio_mmio_access,
    },
    {
        .compatible = "arm,pl031",
        .name = "pl031",
        .min_size = 0x1000, /* its identification registers are the last */
        .interrupt = true,
        .state_size = sizeof(struct clock),
        .make_fn = make_pl031,
        .reset_fn = vpl031_reset,
        .access_fn = vpl031_access,
    },
    {
        .compatible = "qemu,pvpanic-mmio",
        .name = "pvpanic",
        .min_size = 2,
        .state_size = sizeof(struct vpvpanic),
        .make_fn = make_pvpanic,
        .reset_fn = vpvpanic_reset,
        .access_fn = vpvpanic_access,
    },
    /* Served elsewhere: by gic/, by the CPUs themselves, by trap/psci.c. */
    {.compatible = "arm,gic-v3"},
    {.compatible = "arm,armv8-timer", .read_fn = read_timer},
    {.compatible = "arm,armv7-timer", .read_fn = read_timer},
    {.compatible = DT_PMU_COMPATIBLE}, /* see trap/pmu.h */
    {.compatible = "arm,psci-1.0"},
    {.compatible = "arm,psci-0.2"},
};

_Static_assert(ARRAY_SIZE(kinds) <= EXIT_DEVICE_KINDS, "exit_reason.h has less room");

const struct vm_device_table vm_devices = {kinds, ARRAY_SIZE(kinds)};
