/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual GICv3 of one VM: a distributor and a redistributor for each vCPU.
 *
 * Interrupts come in banks of 32, as the registers show them: bank 0 (SGIs and PPIs) once
 * for each vCPU, the SPIs' banks once for all. A bank keeps one word for each property,
 * so that a register is a word and a step is a few bit operations.
 *
 * An interrupt's life:
 *
 *   a line rises, an SGI, a timer fires, a write to ISPENDR
 *        |
 *        v                     deliver: enabled, its group on,
 *   +-----------+              routed to a vCPU with a free LR     +----------------------------+
 *   | in memory | -----------------------------------------------> | in an LR of that vCPU      |
 *   | latch,    |   vgic_lr_insert(): this one, into a free LR     | pending -> active -> done: |
 *   | line,     |   vgic_lr_refill(): the most urgent of all       | the guest acknowledges and |
 *   | active    | <----------------------------------------------- | ends it without an exit    |
 *   +-----------+   vgic_lr_fold(): a kick, maintenance, a claim   +----------------------------+
 *
 * What the words mean:
 *   LR      list register of a CPU: what the guest that runs there sees as its interrupts
 *   in_lr   the interrupt's pending and active state are in an LR; otherwise memory has them
 *   owner   the vCPU whose LR it is, or was last: an active interrupt comes back there
 *   fold    to take everything out of a vCPU's LRs, back into memory; only its own CPU can
 *   folded  the vCPU has nothing in its LRs, and fills them before it enters the guest
 *   held    others need a vCPU folded, to look at or change what it had in its LRs (vgic_sync.c)
 *   claim   such a need, from the first look to the end of the change
 *   hot     said of a bank of SPIs in which something may wait to be delivered, or is active
 *   kick    a physical SGI to the CPU that runs a vCPU: it exits and looks (vgic_sync())
 *
 * Numbers: `vcpu`, `me`, `owner`, `target` are vCPUs' indices in the VM. A physical CPU is asked
 * for only where the machine's GIC is (struct vgic_vcpu, `cpu`).
 *
 * Who may touch what: a vCPU's own bank 0, its LRs and what is known of them belong to the CPU that
 * runs it, which needs no lock for them; to another CPU only while that vCPU is folded, under the
 * lock. What others send it meanwhile goes into `incoming`. So SGIs and timers, most of all
 * interrupts, take no lock. SPIs want the lock always.
 *
 * Neighbours: vgic.c (lines, SGIs, timers), vgic_lr.c (what goes into list registers),
 * vgic_mmio.c (GICD and GICR), vgic_sync.c (state held by another CPU), vgic_icc.c (the CPU
 * interface where it traps), gic.c (the machine's own GIC).
 */
#ifndef GIC_VGIC_H
#define GIC_VGIC_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/mmio.h"
#include "gic/gic.h"
#include "gic/vgic_limits.h"
#include "lib/limits.h"
#include "spinlock.h"

#define VGIC_MAX_LRS    16
#define VGIC_BANKS      (VGIC_NR_IRQS / 32)
#define VGIC_SPI_BANKS  (VGIC_BANKS - 1)
#define VGIC_TARGET_ANY 0xff /* IROUTER.Interrupt_Routing_Mode = 1: any one CPU */
#define VGIC_NO_TARGET  0xfe /* IROUTER names no CPU of this VM */

struct vgic_bank {
    uint32_t group1;
    uint32_t enabled;
    uint32_t latch; /* pending whatever the line says: an edge, an SGI, a write to ISPENDR */
    uint32_t line;  /* level of the input */
    uint32_t edge;  /* configured as edge-triggered */
    uint32_t active;
    uint32_t in_lr;  /* pending and active state are in an LR of owner[] */
    uint32_t linked; /* PPIs that are linked to the machine's own of the same number; constant */
    uint8_t priority[32];
    uint8_t target[32]; /* the vCPU to deliver to, VGIC_TARGET_ANY or VGIC_NO_TARGET */
    uint8_t owner[32];  /* the vCPU that has, or last had, it in an LR */
    uint8_t lr[32];     /* which LR, while in_lr */
    uint16_t base;      /* INTID of bit 0 */
};

struct vgic_vcpu {
    struct vgic_bank bank; /* INTIDs 0 to 31 */
    uint64_t mpidr;        /* affinity fields as in MPIDR_EL1 */
    uint64_t sgir_target;  /* and as gic_sgir_target() has them */
    uint32_t incoming;     /* atomic: of bank 0, made pending by other CPUs and not yet in latch */
    uint32_t lr_used;      /* LRs with an interrupt, for all we know without looking */
    uint32_t lr_spi;       /* those of them with an SPI */
    uint64_t lr_value[VGIC_MAX_LRS]; /* as last written, but of the state just: may it be pending */
    unsigned index;                  /* of this vCPU in the VM */
    unsigned cpu;                    /* the CPU that runs it, as gic.h counts them */
    bool asleep;                     /* GICR_WAKER.ProcessorSleep */
    bool last;                       /* GICR_TYPER.Last */
    bool off;                        /* stays folded */
    bool folded;
    unsigned holds; /* vCPUs that hold it; while > 0 it stays folded */
    uint64_t hcr;   /* ICH_HCR_EL2 as last written, but for traps */
};

struct vgic {
    spinlock_t lock; /* SPIs, the distributor's state, holds and folded; see above */
    unsigned nr_vcpus;
    uint64_t traps;        /* of ICH_HCR_EL2: what of the CPU interface a guest may not do alone */
    uint32_t all_lrs;      /* a bit for each that the hardware has */
    uint8_t priority_mask; /* the priority bits that the hardware implements */
    uint32_t group0_on;    /* all ones where GICD_CTLR.EnableGrp0 is set, else 0 */
    uint32_t group1_on;
    uint32_t spi_hot; /* a bit for each SPI bank that may hold something to deliver */
    uint64_t irouter[VGIC_NR_SPIS];
    struct vgic_bank spi[VGIC_SPI_BANKS];
    struct vgic_vcpu vcpu[MAX_VCPUS];
};

/* The EL1 timers, linked in every VM. */
#define VGIC_TIMER_PPIS (UINT32_C(1) << 27 | UINT32_C(1) << 30)

/* One region of redistributors, for vgic_redist_access(): `first` is the vCPU of its first frame.
 */
struct vgic_redist_region {
    struct vgic *vgic;
    unsigned first;
    unsigned count;
};

/*
 * Make the distributor and `nr_vcpus` redistributors, in the state in which firmware hands them to
 * an operating system: as out of reset, but with redistributors awake and all interrupts in group
 * 1. Some guests count on that: on a machine with two security states only firmware can do it.
 * `mpidr` gives each vCPU's affinity; `nr_lrs` and `priority_bits` what the hardware has.
 * No vCPU runs yet, and the machine's GIC is left alone.
 */
void vgic_init(struct vgic *vgic, unsigned nr_vcpus, const uint64_t *mpidr, unsigned nr_lrs,
               unsigned priority_bits);
/* Link the PPI `intid` as well. Before any vCPU runs. */
void vgic_link_ppi(struct vgic *vgic, uint32_t intid);
/*
 * From now on the guest's accesses to the registers that serve both groups trap, to vgic_icc_*()
 * and vgic_deactivate(). ICC_DIR_EL1 traps always: what it deactivates may be an SPI in an LR of
 * another vCPU. The others must trap as well if the machine can't trap that one alone, or if its
 * ICC_CTLR_EL1.RSS would tell the guest that SGIs don't reach one of its vCPUs.
 */
void vgic_trap_common(struct vgic *vgic);
/* Back to that state. Every vCPU is folded (in EL2). */
void vgic_reset(struct vgic *vgic);

/* Have vCPU `vcpu` exit and look at what has changed. What was written before is seen then. */
static inline void vgic_kick(const struct vgic *vgic, unsigned vcpu)
{
    gic_kick(vgic->vcpu[vcpu].cpu);
}

/* The end of a device's wire (dev/irq_line.h): `intid` is an SPI. */
void vgic_set_line(void *vgic, uint32_t intid, bool level);

/*
 * A write of `sgir` to ICC_SGI1R_EL1 (`group1`) or ICC_SGI0R_EL1 by vCPU `from`, on whose CPU
 * this runs (GICv3, "ICC_SGI1R_EL1"). With one security state the former makes an SGI of either
 * group, the latter none of group 1. Targets that do not exist are ignored.
 */
void vgic_send_sgi(struct vgic *vgic, unsigned from, uint64_t sgir, bool group1);

/*
 * A write to ICC_DIR_EL1 by vCPU `vcpu`, on whose CPU this runs: the interrupt, whoever
 * acknowledged it, is active no more. Ignored with EOImode 0 (GICv3, "ICC_DIR_EL1").
 */
void vgic_deactivate(struct vgic *vgic, unsigned vcpu, uint64_t dir_value);

/* ICC_CTLR_EL1, ICC_PMR_EL1 and ICC_RPR_EL1 of the vCPU that runs here. */
uint64_t vgic_icc_read_ctlr(void);
void vgic_icc_write_ctlr(uint64_t v);
uint64_t vgic_icc_read_pmr(void);
void vgic_icc_write_pmr(uint64_t v);
uint64_t vgic_icc_read_rpr(void);

/*
 * The machine's PPI `intid`, one that is linked, was acknowledged on the CPU of `vcpu` and is
 * active until the guest, or a write to the virtual GIC, ends it.
 */
void vgic_hw_ppi_fired(struct vgic *vgic, unsigned vcpu, uint32_t intid);

/* The maintenance interrupt or a kick: bring the LRs of `vcpu`, the caller's, up to date. */
void vgic_sync(struct vgic *vgic, unsigned vcpu);

/*
 * Take everything out of the LRs of `vcpu`, the caller's, and leave it folded: it is off, or
 * about to be reset. vgic_cpu_on() undoes it, and wakes its redistributor as firmware does; called
 * on that CPU before it enters the guest.
 */
void vgic_cpu_off(struct vgic *vgic, unsigned vcpu);
void vgic_cpu_on(struct vgic *vgic, unsigned vcpu);

/*
 * Is an interrupt waiting for vCPU `vcpu`, the caller's? If its redistributor is awake, one that it
 * could take once it unmasks; if that is asleep, one for which it asks to be woken (GICv3,
 * "GICR_WAKER"). No lock may be held.
 */
bool vgic_has_pending(struct vgic *vgic, unsigned vcpu);

/* mmio_access_fn for the distributor (`dev` a struct vgic) and a region of redistributors. */
enum mmio_result vgic_dist_access(void *dev, struct mmio_access *access);
enum mmio_result vgic_redist_access(void *dev, struct mmio_access *access);

#endif
