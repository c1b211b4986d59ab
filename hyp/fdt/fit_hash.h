/* SPDX-License-Identifier: Apache-2.0 */
/* The hashes by which a FIT's images are checked. Neighbours: fit.h reads the images. */
#ifndef FDT_FIT_HASH_H
#define FDT_FIT_HASH_H

#include "fdt/fit.h"

/*
 * Are the bytes of the image, as stored, those that each of its "hash" nodes was made of? What is
 * wrong is logged: -ERR_INVAL: they are not; -ERR_NOENT: it has no hash and `must_have` one;
 * -ERR_UNSUPPORTED: one that can't be computed here.
 */
int must_check fit_check_hashes(const struct fit *fit, const struct fit_image *image,
                                bool must_have);

#endif
