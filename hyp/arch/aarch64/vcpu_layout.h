/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets into struct vcpu that assembly and cpu.h use; vm/vm.c checks them. */
#ifndef ARCH_VCPU_LAYOUT_H
#define ARCH_VCPU_LAYOUT_H

#define VCPU_OFFSET_INDEX     264
#define VCPU_OFFSET_STACK     272
#define VCPU_OFFSET_GUEST_KEY 280
#define VCPU_OFFSET_EL2_KEY   296

#endif
