/* SPDX-License-Identifier: Apache-2.0 */
/* Registers that only remember. See vregs.h. */
#include "dev/vregs.h"

#include "lib/string.h"

void vregs_reset(void *dev)
{
    struct vregs *regs = dev;

    spin_lock(&regs->lock);
    memset(regs->byte, 0, regs->size);
    spin_unlock(&regs->lock);
}

enum mmio_result vregs_access(void *dev, struct mmio_access *access)
{
    struct vregs *regs = dev;

    spin_lock(&regs->lock);
    if (access->write) {
        memcpy(&regs->byte[access->offset], &access->value, access->size);
    } else {
        access->value = 0;
        memcpy(&access->value, &regs->byte[access->offset], access->size);
    }
    spin_unlock(&regs->lock);
    return MMIO_OK;
}
