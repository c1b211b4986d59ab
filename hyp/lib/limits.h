/* SPDX-License-Identifier: Apache-2.0 */
/* How many CPUs there may be: for C, for the linker script and, by a test, for the launcher. */
#ifndef LIB_LIMITS_H
#define LIB_LIMITS_H

#define MAX_CPUS  16       /* of the machine that are used; each has a stack: hyp.lds.S */
#define MAX_VCPUS MAX_CPUS /* of a VM, as each runs on a CPU of its own */

#endif
