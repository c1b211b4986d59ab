// SPDX-License-Identifier: Apache-2.0
/*
 * Any rules of "traproom,inject", and a disk that misbehaves by them, under a driver that has gone
 * bad itself: requests wait, are lost and end oddly while rings, memory and set-up change.
 */
#include "dev/virtio_blk.h"
#include "dev/virtio_fault.h"
#include "fdt/vm_fdt_internal.h"
#include "fuzz_disk.h"
#include "fuzz_fdt.h"
#include "fuzz_poke.h"
#include "lib/bits.h"
#include "mm/phys.h"

#define WHERE      UINT64_C(0xa000000)
#define HZ         UINT64_C(1000000000)
#define RULE_CELLS 29
#define MOST_RULES 4
#define MAX_STEPS  300

static struct {
    uint8_t *ram1, *disk;
    struct guest_mem mem;
    struct virtio_blk blk;
    struct virtio_fault fault;
    struct fault_rules rules;
    struct vm_config config;
    uint64_t now;
    bool line;
} scene;

static void set_line(void *ctx, uint32_t intid, bool level)
{
    (void)ctx;
    fuzz_require(intid == 48);
    scene.line = level;
}

static uint64_t get_now(void)
{
    return scene.now;
}

static void hear(void *ctx)
{
    fuzz_require(ctx == &scene && scene.fault.lock.locked == 0);
}

static void put_cells(uint32_t **cell, unsigned count, uint64_t value)
{
    if (count == 2)
        *(*cell)++ = cpu_to_fdt32((uint32_t)(value >> 32));
    *(*cell)++ = cpu_to_fdt32((uint32_t)value);
}

/* 0, or anything: conditions that say nothing let a rule act. */
static uint64_t some_condition(struct fuzz_input *in)
{
    return fuzz_below(in, 4) == 0 ? fuzz_value(in) : 0;
}

/* A rule about the disk, as the launcher would write it, but for some of its numbers. */
static void put_rule(struct fuzz_input *in, uint32_t *cell)
{
    put_cells(&cell, 1, 1);
    put_cells(&cell, 1, fuzz_below(in, 8) == 0 ? fuzz_take(in, 1) : FAULT_REQUEST);
    put_cells(&cell, 1, fuzz_below(in, FAULT_ACTIONS + 1));
    put_cells(&cell, 2, WHERE - some_condition(in) % 2);
    put_cells(&cell, 2, WHERE + some_condition(in));
    put_cells(&cell, 1, ~some_condition(in)); /* queues, types */
    put_cells(&cell, 1, ~some_condition(in));
    put_cells(&cell, 2, some_condition(in)); /* sectors */
    put_cells(&cell, 2, ~some_condition(in));
    for (unsigned i = 0; i < 4; i++) /* nth, every, count, chance */
        put_cells(&cell, 1, some_condition(in));
    put_cells(&cell, 2, fuzz_take(in, 1)); /* seed */
    put_cells(&cell, 2, some_condition(in));
    put_cells(&cell, 2, ~some_condition(in));
    put_cells(&cell, 2, some_condition(in)); /* period */
    put_cells(&cell, 2, fuzz_value(in));
    put_cells(&cell, 2, fuzz_value(in));
}

/* Does Traproom take a tree with so many rules? It must say why not. */
static bool read_rules(struct fuzz_input *in)
{
    static uint8_t tree[4096];
    uint32_t cells[MOST_RULES * RULE_CELLS] = {0};
    unsigned count = fuzz_below(in, MOST_RULES + 1);
    struct vm_fdt_parser parser = {.fdt = tree, .config = &scene.config};
    int chosen;
    int err;

    for (unsigned i = 0; i < count; i++)
        put_rule(in, &cells[i * RULE_CELLS]);
    fuzz_require(fdt_create_empty_tree(tree, sizeof(tree)) == 0);
    chosen = fdt_add_subnode(tree, 0, "chosen");
    fuzz_require(fdt_setprop(tree, chosen, "traproom,inject", cells,
                             (int)(count * RULE_CELLS * sizeof(cells[0]))) == 0);
    memset(&scene.config, 0, sizeof(scene.config));
    logged_errors = 0;
    err = vm_fdt_fault_read(&parser);
    fuzz_require(logged_errors == (err != 0));
    fuzz_require(err != 0 || scene.config.nr_faults == count);
    return err == 0;
}

static void set_up_memory(void)
{
    if (driver.ram0 == NULL) {
        driver.ram0 = pages(RAM0_SIZE);
        scene.ram1 = pages(RAM1_SIZE);
        scene.disk = pages(DISK_SIZE);
        scene.mem.count = 2;
        scene.mem.region[0] = (struct ram_region){ipa(RAM0_IPA), ptr_to_pa(driver.ram0), RAM0_SIZE};
        scene.mem.region[1] = (struct ram_region){ipa(RAM1_IPA), ptr_to_pa(scene.ram1), RAM1_SIZE};
    }
    memset(driver.ram0, 0, RAM0_SIZE);
    poke_init(driver.ram0, RAM0_SIZE);
}

static void set_up(void)
{
    static const struct irq_line line = {set_line, NULL, 48};
    const struct virtio_fault_ops ops = {get_now, hear, hear, &scene};
    const struct virtio_blk_setup setup = {
        .disk = {ptr_to_pa(scene.disk), DISK_SIZE}, .nr_queues = 2, .id = "disk"};

    scene.line = false;
    scene.now = HZ;
    memset(&scene.fault, 0, sizeof(scene.fault));
    fuzz_require(virtio_blk_init(&scene.blk, &setup, &driver.slot, &scene.mem, &line) == 0);
    fault_rules_init(&scene.rules, scene.config.fault, scene.config.nr_faults, HZ);
    fault_rules_start(&scene.rules, scene.now);
    virtio_fault_init(&scene.fault, &driver.slot, WHERE, &scene.rules, &ops);
}

/* Later: rules whose time has come act, and requests that have waited go on. */
static void pass_time(uint64_t ns)
{
    const struct fault_rule *rule;

    scene.now += ns;
    for (unsigned i = 0; i < 8; i++) {
        rule = fault_take_due(&scene.rules, scene.now);
        if (rule != NULL)
            virtio_fault_now(&scene.fault, rule);
    }
    virtio_fault_ring(&scene.fault);
}

static void step(struct fuzz_input *in)
{
    unsigned queue;

    switch (fuzz_below(in, 12)) {
    case 0:
        bring_up(in);
        break;
    case 1:
        put_desc(in);
        break;
    case 2:
    case 3:
        put_request(in);
        break;
    case 4:
    case 5:
        queue = fuzz_below(in, 2);
        add_available(queue, (uint16_t)fuzz_below(in, 34), 0x7f);
        wr(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
        break;
    case 6:
        access_any(in);
        break;
    case 7:
        poke_at_once(in);
        break;
    case 8:
        poke_later(in);
        break;
    case 9:
        set_up_queue(in, fuzz_below(in, 3), QUEUE_SIZES);
        break;
    case 10:
        wr(VIRTIO_MMIO_INTERRUPT_ACK, fuzz_take(in, 1));
        break;
    default:
        pass_time(UINT64_C(1) << fuzz_below(in, 34));
        break;
    }
}

/* What is in flight waits here, or is lost. */
static void check(void)
{
    unsigned ours = 0, in_flight = 0;

    for (unsigned i = 0; i < VIRTIO_FAULT_HELD; i++)
        ours += scene.fault.held[i].wait != FAULT_FREE;
    for (unsigned i = 0; i < VIRTIO_FAULT_MARKS; i++) {
        const struct fault_rule *rule = scene.fault.mark[i].rule;

        fuzz_require(rule == NULL || rule->action == FAULT_LOSE);
        ours += rule != NULL;
    }
    for (unsigned i = 0; i < scene.blk.backend.nr_queues; i++)
        in_flight += driver.slot.queue[i].in_flight;
    fuzz_require(in_flight == ours);
    fuzz_require(scene.fault.lock.locked == 0 && scene.fault.serve_lock.locked == 0);
    fuzz_require(virtio_fault_is_gone(&scene.fault) ||
                 scene.line == (access_at(VIRTIO_MMIO_INTERRUPT_STATUS, 4, false, 0) != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};

    if (!read_rules(&in))
        return 0;
    set_up_memory();
    set_up();
    for (unsigned i = 0; i < MAX_STEPS && in.left > 0; i++) {
        step(&in);
        check();
    }
    virtio_mmio_reset(&driver.slot);
    check();
    for (unsigned i = 0; i < scene.blk.backend.nr_queues; i++)
        fuzz_require(driver.slot.queue[i].in_flight == 0);
    return 0;
}
