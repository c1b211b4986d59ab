/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few places that are fixed and not read from the machine's device tree. What a board
 * has is in host_fdt.h; docs/adding-a-board.md says what a board needs.
 */
#ifndef BOARD_BOARD_H
#define BOARD_BOARD_H

#include <stdint.h>

/* Where the boot loader leaves the guest's tree, unless /chosen traproom,guest-dtb says so. */
#define BOARD_GUEST_DTB UINT64_C(0x47000000)

/* No tree is larger: 2 MiB (Linux, "Booting AArch64 Linux", on the device tree). */
#define BOARD_GUEST_DTB_ROOM UINT64_C(0x200000)

#endif
