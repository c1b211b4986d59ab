/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LZ4 frames (LZ4 Frame Format Description 1.6), what `lz4 -BI --content-size` writes, FIT calls
 * "lz4" and U-Boot reads: without its blocks depending on each other. The blocks in them are for
 * liblz4, which is built in; checksums are passed over, since a FIT has hashes. Each function
 * returns NULL or, in words, what is wrong with the frame. Neighbours: vm/bundle_tree.c.
 */
#ifndef LIB_LZ4_FRAME_H
#define LIB_LZ4_FRAME_H

#include <stdint.h>

#include "lib/err.h"

/* How many bytes the frame unpacks to, as it says itself. */
const char *must_check lz4_frame_size(const uint8_t *frame, uint64_t size, uint64_t *unpacked);

/* Unpack all of it to `to`, of exactly as many bytes. On an error some of them have been written.
 */
const char *must_check lz4_frame_unpack(const uint8_t *frame, uint64_t size, uint8_t *to,
                                        uint64_t unpacked);

#endif
