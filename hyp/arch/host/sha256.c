/* SPDX-License-Identifier: Apache-2.0 */
/* What arch/aarch64/sha256.S does, by BearSSL. */
#include "sha256.h"

#include <bearssl_hash.h>

#define SHA256_BLOCK 64

void sha256_blocks(uint32_t state[8], const uint8_t *data, uint64_t blocks)
{
    br_sha256_context context;

    br_sha256_init(&context);
    for (unsigned i = 0; i < 8; i++)
        context.val[i] = state[i];
    br_sha256_update(&context, data, blocks * SHA256_BLOCK);
    for (unsigned i = 0; i < 8; i++)
        state[i] = context.val[i];
}
