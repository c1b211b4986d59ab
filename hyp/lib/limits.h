/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many CPUs there may be, and how large a device tree: for C, assembly, the linker script and,
 * by a test, the launcher.
 */
#ifndef LIB_LIMITS_H
#define LIB_LIMITS_H

#define MAX_CPUS  16       /* of the machine that are used; each has a stack: hyp.lds.S */
#define MAX_VCPUS MAX_CPUS /* of a VM, as each runs on a CPU of its own */

/* Bytes of a device tree at most (Linux, "Booting AArch64 Linux"). */
#define DT_MAX_SIZE 0x200000

#endif
