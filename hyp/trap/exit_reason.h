/* SPDX-License-Identifier: Apache-2.0 */
/* Why a guest's CPU came to EL2. Each exit is counted under exactly one of these. */
#ifndef TRAP_EXIT_REASON_H
#define TRAP_EXIT_REASON_H

/* X(identifier, text in the statistics) */
#define EXIT_REASONS(X)                                                                            \
    X(EXIT_HVC, "hvc")                                                                             \
    X(EXIT_SMC, "smc")                                                                             \
    X(EXIT_SYSREG_ID, "sysreg: ID register")                                                       \
    X(EXIT_SYSREG_SGI, "sysreg: send SGI")                                                         \
    X(EXIT_SYSREG_OTHER, "sysreg: other")                                                          \
    X(EXIT_MMIO_GICD, "mmio: GICD")                                                                \
    X(EXIT_MMIO_GICR, "mmio: GICR")                                                                \
    X(EXIT_ABORT, "abort: to the guest")                                                           \
    X(EXIT_ABORT_CACHE, "abort: cache maintenance of no memory")                                   \
    X(EXIT_ABORT_RETRY, "abort: allowed by now")                                                   \
    X(EXIT_WATCHED, "abort or step: watched by a monitor")                                         \
    X(EXIT_IRQ_TIMER, "irq: guest timer")                                                          \
    X(EXIT_IRQ_PMU, "irq: guest PMU")                                                              \
    X(EXIT_IRQ_KICK, "irq: kick from another CPU")                                                 \
    X(EXIT_IRQ_REPORT, "irq: report asked for")                                                    \
    X(EXIT_IRQ_MAINTENANCE, "irq: GIC maintenance")                                                \
    X(EXIT_IRQ_UART, "irq: console input")                                                         \
    X(EXIT_IRQ_ALARM, "irq: alarm")                                                                \
    X(EXIT_IRQ_WATCH, "irq: watch over a guest")                                                   \
    X(EXIT_IRQ_MONITOR, "irq: monitor's question")                                                 \
    X(EXIT_IRQ_VIRTIO, "irq: virtio device of the machine")                                        \
    X(EXIT_IRQ_HOST, "irq: the host has something to say")                                         \
    X(EXIT_IRQ_OTHER, "irq: other")                                                                \
    X(EXIT_SERROR, "serror")                                                                       \
    X(EXIT_UNDEF, "undefined instruction")

#define EXIT_DEVICE_KINDS 24

enum exit_reason {
#define X(id, text) id,
    EXIT_REASONS(X)
#undef X
        EXIT_MMIO_DEVICE, /* and up: one for each kind of device, in the order of vm/vm_device.c */
    EXIT_REASON_COUNT = EXIT_MMIO_DEVICE + EXIT_DEVICE_KINDS
};

#endif
