/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual machine: all that is known of one guest. fdt/vm_fdt.c says what it shall
 * be, vm/vm.c builds it, trap/ and dev/ work on it.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include "dev/vpl011.h"
#include "fdt/vm_config.h"
#include "gic/vgic.h"
#include "mm/guest_mem.h"
#include "mm/phys_map.h"
#include "mm/stage2.h"
#include "spinlock.h"
#include "trap/mmio_bus.h"
#include "vm/vcpu.h"

enum vm_run_state {
    VM_RUNNING,
    VM_RESETTING, /* every vCPU is on its way to its parking place, then the guest starts again */
    VM_STOPPING,  /* the same, then the machine goes off */
};

/* How it ended, where that was not its own doing: the exit line's words. */
enum vm_ending {
    VM_STOPPED,  /* Traproom stopped it: it did what can't be gone on with */
    VM_HUNG,     /* a vCPU gets nowhere */
    VM_DEAD,     /* asked for, there is no sign of life */
    VM_PANICKED, /* its kernel says so, by pvpanic */
};

/*
 * Who has changed what the guest runs on, and so has to do with what follows from it. Each is
 * called on the CPU of `vcpu` with no lock held.
 */
struct vm_watcher {
    /* Stage 2 forbids this access (STAGE2_*). True: the guest is to try again. */
    bool (*touched_fn)(struct vcpu *vcpu, ipa_t where, uint64_t va, unsigned access);
    /* A trap that is no guest's. True: it was the watcher's doing, and the guest goes on. */
    bool (*trapped_fn)(struct vcpu *vcpu, uint64_t esr);
    /* The vCPU is about to lose its registers. */
    void (*off_fn)(struct vcpu *vcpu);
    /* The guest starts, again or for the first time: no vCPU runs. */
    void (*start_fn)(struct vm *vm);
};

struct vm {
    struct vm_config config;
    struct guest_mem mem;
    struct stage2 stage2;
    struct mmio_bus bus;
    struct vgic vgic;
    struct phys_map *phys;            /* where its devices find memory as they are made */
    const struct vm_watcher *watcher; /* NULL: nobody */
    bool held;                        /* atomic: its vCPUs wait in EL2 (monitor_run.c) */
    struct vm_fault *fault;           /* what the user wants to go wrong; NULL: nothing */
    void *device[VM_MAX_DEVICES]; /* the state of each of config.device, out of the guest's reach */
    struct vgic_redist_region redist[VM_MAX_GICR];
    spinlock_t power_lock; /* protects run_state, stop_reason and each vCPU's power */
    enum vm_run_state run_state;
    enum vm_ending ending;   /* with stop_reason */
    const char *stop_reason; /* why Traproom stopped the guest; NULL: it powered itself off */
    bool panicked;           /* atomic: the guest has said so */
    unsigned report_turn;    /* whose it is in a report: report.c */
    bool reported;           /* atomic: how it has ended */
    struct pa_range fdt;     /* the guest's tree as it gets it at each start */
    unsigned nr_vcpus;
    struct vcpu vcpu[MAX_VCPUS];
};

/*
 * Build the VM that vm->config asks for, all else in *vm being 0: place its RAM, map it, attach its
 * devices. `fdt` is the tree it was read from. Its vCPUs are off. Errors are logged, naming what
 * does not fit.
 */
int must_check vm_init(struct vm *vm, const void *fdt, struct phys_map *phys,
                       struct page_pool *pool);

/*
 * Each start of the guest, the first and those after a SYSTEM_RESET: its devices reset, the
 * images in place, vCPU 0 about to enter the kernel. Every vCPU is off and this is the CPU of
 * vCPU 0.
 */
void vm_start(struct vm *vm);

/* The exits of each vCPU by reason, as --stats shows them. */
void vm_print_stats(const struct vm *vm);

/* Was the trap, which is no guest's, a watcher's doing? Then the guest goes on. */
static inline bool vm_watcher_takes(struct vcpu *vcpu, uint64_t esr)
{
    const struct vm_watcher *watcher = vcpu->vm->watcher;

    return watcher != NULL && watcher->trapped_fn(vcpu, esr);
}

/* What the exits of a reason are called; a device's name is put together in buf. */
const char *vm_exit_name(enum exit_reason reason, char *buf, size_t size);

#endif
