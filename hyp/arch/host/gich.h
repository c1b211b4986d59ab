/* SPDX-License-Identifier: Apache-2.0 */
/* The GIC's virtual interface for tests on the host: registers that the test sets and looks at. */
#ifndef ARCH_GICH_H
#define ARCH_GICH_H

#include <stdint.h>

struct fake_gich {
    uint64_t lr[16];
    uint64_t hcr;
};

extern struct fake_gich fake_gich[16]; /* by cpu_current_vcpu() */

uint64_t gich_read_lr(unsigned n);
void gich_write_lr(unsigned n, uint64_t value);
uint32_t gich_read_free(void);
uint64_t gich_read_hcr(void);
void gich_write_hcr(uint64_t v);
uint64_t gich_read_vmcr(void);
void gich_write_vmcr(uint64_t v);
uint64_t gich_read_vtr(void);
uint32_t gich_read_active_priorities(unsigned n);
void gich_reset(void);

#endif
