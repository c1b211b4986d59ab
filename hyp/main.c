/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boot, in order: what the machine has, our own memory map, the interrupt controller, the
 * guest's tree and the VM it asks for, the other CPUs, the guest. Each step below is a chapter.
 * Neighbours: arch/aarch64/boot.S calls main() and main_secondary().
 */
#include <stddef.h>

#include "boot.h"
#include "cache.h"
#include "check/invariants.h"
#include "check/sabotage.h"
#include "cpu.h"
#include "drv/alarm.h"
#include "drv/console.h"
#include "drv/host_psci.h"
#include "drv/pl031.h"
#include "el1_ctx.h"
#include "entropy.h"
#include "fdt/host_fdt.h"
#include "fdt/vm_fdt.h"
#include "gic/gic.h"
#include "image.h"
#include "lib/stack_protector.h"
#include "lib/string.h"
#include "mm/hyp_map.h"
#include "mm/page_pool.h"
#include "mm/phys.h"
#include "mm/phys_map.h"
#include "pauth.h"
#include "regs.h"
#include "sysreg.h"
#include "trap/exit.h"
#include "trap/id_regs.h"
#include "trap/irq.h"
#include "trap/panic.h"
#include "trap/pmu.h"
#include "trap/trace.h"
#include "version.h"
#include "vm/bundle.h"
#include "vm/monitor.h"
#include "vm/power.h"
#include "vm/report.h"
#include "vm/vm.h"
#include "vm/vm_device.h"
#include "vm/vm_virtio.h"
#include "vm/watch.h"

#define POOL_PAGES 128
#define REASON_MAX 128

static uint8_t pool_memory[POOL_PAGES * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static struct page_pool pool;
static struct phys_map phys;
static struct hyp_map hyp_map;
static struct host_info host;
static struct boot_cpu boot_cpu[MAX_CPUS] __attribute__((aligned(64)));
static struct bundle bundle;
static struct pa_range guest_tree; /* as it is read; in EL2's memory */
static struct vm vm;
static bool has_console;
static unsigned cpus_ready; /* those whose vCPU can be turned on */

static void start_console(void)
{
    if (!has_console)
        console_init(host.uart.base);
    has_console = true;
}

/* What the board has: RAM, CPUs, GIC, UART, firmware. What it lacks is said if there is a UART. */
static void read_host_tree(pa_t at)
{
    int err = host_fdt_parse(pa_to_ptr(at), &host);

    if (host.uart.size != 0 && boot_map_device(host.uart.base.v))
        start_console();
    if (err != 0)
        panic("the machine's device tree at 0x%lx is not usable", at.v);
    host_psci_init(host.psci_smc);
}

/* The CPU that boots is number 0, wherever the tree has it. */
static void number_cpus(void)
{
    for (unsigned i = 0; i < host.nr_cpus; i++) {
        if (host.mpidr[i] == cpu_mpidr()) {
            host.mpidr[i] = host.mpidr[0];
            host.mpidr[0] = cpu_mpidr();
            return;
        }
    }
    panic("the machine's device tree has no CPU with the affinity 0x%lx, which boots", cpu_mpidr());
}

static void claim(struct pa_range range, const char *name)
{
    if (phys_map_claim(&phys, range, name) != 0)
        panic("the machine's memory contradicts itself");
}

/*
 * The machine's tree has been read and lies where a guest may want its RAM: QEMU puts it at
 * 0x48000000. It gets free, without what our keys were made of.
 */
static void wipe_tree(struct pa_range tree)
{
    if (phys_map_check(&phys, tree, "the machine's device tree") != 0)
        panic("the machine's memory contradicts itself");
    memset(pa_to_ptr(tree.base), 0, tree.size);
}

/* Who has which part of the RAM before there is a guest. */
static void claim_memory(pa_t host_fdt)
{
    for (unsigned i = 0; i < host.nr_ram; i++) {
        if (phys_map_add_ram(&phys, host.ram[i]) != 0)
            panic("the machine's RAM is in too many pieces");
    }
    claim(image_all(), "the hypervisor");
    wipe_tree((struct pa_range){host_fdt, host.fdt_size});
    for (unsigned i = 0; i < host.nr_reserved; i++)
        claim(host.reserved[i], "memory the machine reserves");
}

static void map(struct pa_range range, enum hyp_map_attr attr)
{
    if (hyp_map_add(&hyp_map, range.base, range.size, attr) != 0)
        panic("can't map [0x%lx, 0x%lx] for the hypervisor", range.base.v, range_last(range));
}

static void leave_out(struct pa_range range)
{
    if (hyp_map_remove(&hyp_map, range.base, range.size) != 0)
        panic("can't leave [0x%lx, 0x%lx] out of the hypervisor's map", range.base.v,
              range_last(range));
}

/* Several slots share a page. */
static void map_virtio(struct pa_range slot)
{
    pa_t first = pa(align_down(slot.base.v, PAGE_SIZE));
    uint64_t size = align_up(slot.base.v + slot.size, PAGE_SIZE) - first.v;
    int err = hyp_map_add(&hyp_map, first, size, HYP_DEVICE);

    if (err != 0 && err != -ERR_EXIST)
        panic("can't map the virtio slot at 0x%lx for the hypervisor", slot.base.v);
}

static void map_devices(void)
{
    map((struct pa_range){host.uart.base, align_up(host.uart.size, PAGE_SIZE)}, HYP_DEVICE);
    map(host.gic.dist, HYP_DEVICE);
    if (host.has_clock)
        map((struct pa_range){host.clock, PAGE_SIZE}, HYP_DEVICE);
    for (unsigned i = 0; i < host.gic.nr_redist_regions; i++)
        map(host.gic.redist[i], HYP_DEVICE);
    for (unsigned i = 0; i < host.nr_virtio; i++)
        map_virtio(host.virtio[i].regs);
}

/* RAM is data, but for what the machine keeps, code, constants and the stacks' guards. */
static void map_ram(void)
{
    for (unsigned i = 0; i < host.nr_ram; i++)
        map(host.ram[i], HYP_DATA);
    for (unsigned i = 0; i < host.nr_no_map; i++)
        leave_out(host.no_map[i]);
    leave_out(image_text());
    map(image_text(), HYP_TEXT);
    leave_out(image_rodata());
    map(image_rodata(), HYP_RODATA);
    for (unsigned i = 0; i < MAX_CPUS; i++)
        leave_out((struct pa_range){image_stack_guard(i), STACK_GUARD});
}

/* The map that EL2 runs on from now on: each thing with no more rights than it needs. */
static void make_map(void)
{
    page_pool_init(&pool, pool_memory, POOL_PAGES);
    if (hyp_map_init(&hyp_map, &pool) != 0)
        panic("no page for the hypervisor's own map");
    hyp_map_guard_text(&hyp_map, read_sysreg(id_aa64pfr1_el1));
    map_ram();
    map_devices();
    for (unsigned i = 0; i < MAX_CPUS; i++) {
        boot_cpu[i] = (struct boot_cpu){
            .ttbr0 = hyp_map_ttbr0(&hyp_map),
            .tcr = hyp_map_tcr(&hyp_map, read_sysreg(id_aa64mmfr0_el1)),
            .mair = hyp_map_mair(),
            .sctlr = SCTLR_EL2_RES1 | SCTLR_EL2_M | SCTLR_EL2_C | SCTLR_EL2_I | SCTLR_EL2_SA |
                     SCTLR_EL2_WXN | SCTLR_EL2_BT | pauth_sctlr(),
            .stack = image_stack_top(i),
            .index = i,
        };
    }
    cache_clean_poc(boot_cpu, sizeof(boot_cpu));
    boot_switch_map(&boot_cpu[0]);
}

/* What no change to a map may break. */
static void watch_maps(void)
{
    static struct invariants rules;

    rules = (struct invariants){.phys = &phys,
                                .hyp = &hyp_map.table,
                                .text = image_text(),
                                .rodata = image_rodata(),
                                .guard = {image_stack_guard(0), STACK_GUARD},
                                .guard_stride = STACK_STRIDE,
                                .nr_guards = MAX_CPUS,
                                .breach_fn = panic};
    invariants_watch(&rules);
}

static void banner(void)
{
    uint64_t ram = 0;

    for (unsigned i = 0; i < host.nr_ram; i++)
        ram += host.ram[i].size;
    log_info("Traproom " TRAPROOM_VERSION " (" TRAPROOM_COMMIT ", " TRAPROOM_DATE
             ") on %s: %u CPU%s, %lu MiB of RAM",
             host.model, host.nr_cpus, host.nr_cpus == 1 ? "" : "s", ram / (1024 * 1024));
}

static void handle_console_irq(void *ctx, struct vcpu *vcpu)
{
    (void)ctx;
    (void)vcpu;
    console_input();
}

static void handle_alarm_irq(void *ctx, struct vcpu *vcpu)
{
    (void)ctx;
    (void)vcpu;
    alarm_fired();
}

static void start_gic(void)
{
    if (gic_init(&host.gic) != 0)
        panic("the machine has no GICv3");
    if (irq_init(host.gic.maintenance) != 0 ||
        irq_register(ALARM_INTID, IRQ_LEVEL, EXIT_IRQ_ALARM, handle_alarm_irq, NULL) != 0 ||
        irq_register(host.uart_intid, IRQ_LEVEL, EXIT_IRQ_UART, handle_console_irq, NULL) != 0 ||
        report_init() != 0)
        panic("the machine's device tree gives the GIC or the UART an interrupt that is taken");
}

/* The guest can't run as it is described; what is wrong has been logged. */
static void __attribute__((noreturn)) refuse(const char *reason)
{
    char text[REASON_MAX];

    fmt_snprintf(text, sizeof(text), "guest refused: %s", reason);
    console_exit_line(text);
    host_psci_system_off();
}

static unsigned ipa_bits(void)
{
    unsigned pa_bits = stage2_features(read_sysreg(id_aa64mmfr0_el1), 0).pa_bits;

    return pa_bits < STAGE2_IPA_BITS ? pa_bits : STAGE2_IPA_BITS;
}

/* What came in one file with us, or what the boot loader has put beside us. */
static void open_bundle(void)
{
    struct pa_range appended = image_appended();
    bool in_file = appended.size != 0;
    struct pa_range range = in_file ? appended : host.bundle;

    if (!in_file && !bundle_is_there(range)) {
        log_error("no bundle: this image was made without `tools/traproom pack`, and there is none "
                  "at 0x%lx",
                  range.base.v);
        refuse("it has no bundle");
    }
    if (bundle_open(&bundle, &phys, range, in_file, host.configuration) != 0 ||
        bundle_make_tree(&bundle, &phys, &guest_tree) != 0)
        refuse("its bundle is not usable");
}

/* The guest's tree, out of its bundle, and the VM that it asks for. */
static void make_vm(void)
{
    const void *fdt;

    open_bundle();
    fdt = pa_to_ptr(guest_tree.base);
    vm_virtio_offer(host.virtio, host.nr_virtio);
    if (vm_fdt_parse(fdt, guest_tree.size, ipa_bits(), &vm_devices, &vm.config) != 0)
        refuse("its device tree is not usable");
    log_set_quiet(vm.config.quiet);
    if (bundle.in_file)
        bundle_describe(&bundle);
    pmu_offer(&vm.config, host.pmu_intid);
    vm.config.epoch = host.has_clock ? pl031_epoch(host.clock) : 0;
    if (vm.config.nr_cpus > host.nr_cpus)
        refuse("its tree has more CPUs than the machine");
    if (vm_init(&vm, fdt, &phys, &pool) != 0)
        refuse("no VM can be made as its tree asks");
    if (trace_init(&vm) != 0)
        refuse("its exits can't be traced");
    monitor_show(vm.config.trace);
    if (watch_init(&vm) != 0)
        panic("the interrupt by which a guest is watched is taken");
    monitor_show((struct pa_range){ptr_to_pa(pool_memory), sizeof(pool_memory)});
    if (monitor_init(&vm, TRAPROOM_VERSION " " TRAPROOM_COMMIT) != 0)
        refuse("there is no way to its monitor");
}

/* What every CPU does once the VM is made, for the vCPU of its own index. */
static void prepare_vcpu(unsigned index)
{
    struct vcpu *vcpu = &vm.vcpu[index];

    if (gic_init_cpu(index, cpu_mpidr()) != 0)
        panic("CPU %u has no redistributor", index);
    gic_ppi_set_enabled(index, ALARM_INTID, true);
    watch_init_cpu(index);
    monitor_init_cpu(index);
    vcpu->stack = image_stack_top(index);
    pauth_read_key(vcpu->el2_key);
    el1_ctx_configure(vcpu->mpidr, vm.stage2.vtcr, stage2_vttbr(&vm.stage2),
                      pmu_mdcr(vm.config.pmu_intid != 0));
    cpu_set_current(vcpu);
    trace_init_cpu(vcpu);
    __atomic_fetch_add(&cpus_ready, 1, __ATOMIC_ACQ_REL);
}

void main_secondary(uint64_t index)
{
    pauth_start(host.seed);
    prepare_vcpu((unsigned)index);
    power_park(&vm.vcpu[index]);
    guest_enter();
}

static void start_cpus(void)
{
    prepare_vcpu(0);
    for (unsigned i = 1; i < vm.nr_vcpus; i++) {
        if (host_psci_cpu_on(host.mpidr[i], (uint64_t)(uintptr_t)boot_secondary,
                             (uint64_t)(uintptr_t)&boot_cpu[i]) != 0)
            panic("CPU %u, MPIDR 0x%lx, does not start", i, host.mpidr[i]);
    }
    while (__atomic_load_n(&cpus_ready, __ATOMIC_ACQUIRE) < vm.nr_vcpus)
        cpu_relax();
}

/* Who has sent it is the launcher: at the time limit, or when the guest may be dead. */
static void answer_break(void *ctx)
{
    (void)ctx;
    if (vm.config.stats) {
        vm_print_stats(&vm);
        log_info("break: the guest goes on");
    }
    if (!watch_inquest() && vm.config.report)
        report_ask(&vm, "asked for on the console");
}

void main(uint64_t host_fdt)
{
    read_host_tree(pa(host_fdt));
    stack_protector_seed(entropy(host.seed));
    pauth_start(host.seed);
    number_cpus();
    claim_memory(pa(host_fdt));
    make_map();
    watch_maps();
    start_console();
    banner();
    start_gic();
    id_regs_init();
    make_vm();
    start_cpus();
    vm_start(&vm);
    sabotage(pa_to_ptr(guest_tree.base), &vm, &hyp_map.table);
    if (vm.config.stats || vm.config.unattended || vm.config.report)
        console_set_break(answer_break, NULL);
    if (vm.config.stats)
        log_info("guest enters at CNTPCT %lu", cpu_counter());
    power_park(&vm.vcpu[0]);
    guest_enter();
}
