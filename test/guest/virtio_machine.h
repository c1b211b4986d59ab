/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the virtio_machine guest share. */
#ifndef TEST_GUEST_VIRTIO_MACHINE_H
#define TEST_GUEST_VIRTIO_MACHINE_H

#include "machine_driver.h"
#include "testcase.h"

/* Cases with the other devices: virtio_machine_more.c. */
extern const struct test_case virtio_machine_more_cases[];

#endif
