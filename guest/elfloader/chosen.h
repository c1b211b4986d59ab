/* SPDX-License-Identifier: Apache-2.0 */
/* What the tree says to the loader, beyond platform.c of guest/lib: which configuration, and what
 * is reserved. */
#ifndef ELFLOADER_CHOSEN_H
#define ELFLOADER_CHOSEN_H

#include "payload.h"
#include "regions.h"

struct chosen {
    char config[PAYLOAD_NAME]; /* of elfloader.config=NAME in the bootargs; empty: none is named */
};

/* Read /chosen, and note what the tree keeps free: reservations and the initramfs. */
void chosen_read(const void *fdt, struct chosen *chosen, struct regions *regions);

#endif
