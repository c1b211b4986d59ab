/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 as FIT, zlib and Ethernet have it. */
#ifndef FDT_FIT_CRC32_H
#define FDT_FIT_CRC32_H

#include <stdint.h>

uint32_t fit_crc32(const uint8_t *data, uint64_t size);

#endif
