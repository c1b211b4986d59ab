/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors for tests on the host: the test says what it means to change them. */
#ifndef ARCH_VECTORS_H
#define ARCH_VECTORS_H

#include <stdbool.h>

void vectors_use(bool traced);

#endif
