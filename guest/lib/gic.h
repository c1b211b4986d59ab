/* SPDX-License-Identifier: Apache-2.0 */
/* A GICv3's registers and the little that guests do with them (Arm IHI 0069, "Programmers' model").
 */
#ifndef GUEST_GIC_H
#define GUEST_GIC_H

#include <stdbool.h>
#include <stdint.h>

#define GICD_CTLR       0x0000
#define GICD_TYPER      0x0004
#define GICD_IIDR       0x0008
#define GICD_IGROUPR    0x0080
#define GICD_ISENABLER  0x0100
#define GICD_ICENABLER  0x0180
#define GICD_ISPENDR    0x0200
#define GICD_ICPENDR    0x0280
#define GICD_ISACTIVER  0x0300
#define GICD_ICACTIVER  0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ITARGETSR  0x0800
#define GICD_ICFGR      0x0c00
#define GICD_IROUTER    0x6000
#define GIC_PIDR2       0xffe8 /* of the distributor and of each redistributor */

#define GICR_CTLR     0x0000
#define GICR_IIDR     0x0004
#define GICR_TYPER    0x0008
#define GICR_WAKER    0x0014
#define GICR_SGI_BASE 0x10000

#define GICD_CTLR_ENABLE_G1A (1U << 1)
#define GICD_CTLR_ARE        (1U << 4)
#define GICD_CTLR_DS         (1U << 6)
#define GICD_CTLR_RWP        (1U << 31)
#define GICR_WAKER_SLEEP     (1U << 1)
#define GICR_WAKER_ASLEEP    (1U << 2)
#define GICR_TYPER_LAST      (1U << 4)
#define GIC_PIDR2_ARCH(v)    (((v) >> 4) & 0xf)
#define IROUTER_IRM          (UINT64_C(1) << 31)
#define SGI1R_IRM            (UINT64_C(1) << 40)

#define GIC_SPURIOUS         1023
#define GIC_SPI_BASE         32
#define GIC_PRIORITY_DEFAULT 0xa0

#define ICC_CTLR_EOIMODE (1U << 1)

/* Called with interrupts masked on the CPU that took `intid`, between acknowledge and end. */
typedef void (*gic_handler_fn)(uint32_t intid);

/* The distributor, once, by the boot CPU. */
void gic_init(void);

/* The calling CPU's redistributor, which firmware has woken, and its CPU interface. */
void gic_init_cpu(void);

/* What firmware did for it before, once more: for who has meddled with that. */
void gic_wake_cpu(void);

/* Who is told of interrupts, on every CPU. NULL: nobody. */
void gic_set_handler(gic_handler_fn fn);

/* In place of acknowledge, handler and end: all is left to `fn`. NULL: back to the usual. */
void gic_set_raw_handler(void (*fn)(void));

/* Whether this is QEMU's own GIC, which deviates from the specification in places. */
bool gic_is_qemus(void);

/* Called by exception.c. */
void gic_handle_irq(void);

uint32_t gicd_read(uint32_t offset);
void gicd_write(uint32_t offset, uint32_t value);
/* Registers of CPU `cpu`'s redistributor; SGIs' and PPIs' start at GICR_SGI_BASE. */
uint32_t gicr_read(unsigned cpu, uint32_t offset);
void gicr_write(unsigned cpu, uint32_t offset, uint32_t value);

/*
 * One bit a register of an interrupt, by the register's GICD name: the calling CPU's
 * redistributor has it for INTIDs below 32.
 */
bool gic_get_bit(uint32_t reg, uint32_t intid);
void gic_set_bit(uint32_t reg, uint32_t intid);

void gic_set_priority(uint32_t intid, uint8_t priority);
uint8_t gic_get_priority(uint32_t intid);
void gic_set_edge(uint32_t intid, bool edge);
/* Route an SPI to CPU `cpu`. */
void gic_route(uint32_t intid, unsigned cpu);
/* Enable in group 1 at the default priority, routed to the calling CPU if it is an SPI. */
void gic_enable(uint32_t intid);
void gic_disable(uint32_t intid);

/* Send SGI `intid` to CPU `cpu`. */
void gic_send_sgi(uint32_t intid, unsigned cpu);

static inline void irq_enable(void)
{
    __asm__ volatile("msr daifclr, #2" : : : "memory");
}

static inline void irq_disable(void)
{
    __asm__ volatile("msr daifset, #2" : : : "memory");
}

#endif
