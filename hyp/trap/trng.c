/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's random numbers. See trng.h; rndr.h has the CPU's. */
#include "trap/trng.h"

#include "regs.h"
#include "rndr.h"
#include "trap/id_regs.h"

#define ID_AA64ISAR0_EL1 ID_REG(6, 0)

#define RND_WORDS  3  /* x1 to x3, or w1 to w3, carry the bits */
#define RNDR_TRIES 16 /* for each word */

/* Ours, drawn once at random; Traproom's functions behave as this says they do. */
static const uint32_t uuid[] = {0x5d0c7a3e, 0x4b19f286, 0x9fe1638a, 0x27c4d05b};

static bool has_rndr(void)
{
    return (id_regs_read(ID_AA64ISAR0_EL1 / 8, ID_AA64ISAR0_EL1 % 8) & ID_AA64ISAR0_EL1_RNDR) != 0;
}

static int64_t features(uint32_t function)
{
    switch (function) {
    case TRNG_VERSION:
    case TRNG_FEATURES:
    case TRNG_GET_UUID:
    case TRNG_RND_32:
    case TRNG_RND_64:
        return TRNG_SUCCESS;
    default:
        return TRNG_NOT_SUPPORTED;
    }
}

/* The UUID's words are the results, the first included. */
static void get_uuid(struct vcpu *vcpu)
{
    for (unsigned i = 0; i < ARRAY_SIZE(uuid); i++)
        vcpu->regs.x[i] = uuid[i];
}

static bool draw(uint64_t *v)
{
    for (unsigned i = 0; i < RNDR_TRIES; i++) {
        if (rndr_read(v))
            return true;
    }
    return false;
}

/* The lowest `bits` bits of x3, then x2, then x1, each of `width` bits, become random. */
static int64_t fill(uint64_t words[RND_WORDS], uint64_t bits, unsigned width)
{
    for (unsigned i = RND_WORDS; bits > 0; i--) {
        uint64_t use = bits < width ? bits : width;
        uint64_t v;

        if (!draw(&v))
            return TRNG_NO_ENTROPY;
        words[i - 1] = v & GENMASK(use - 1, 0);
        bits -= use;
    }
    return TRNG_SUCCESS;
}

/* TRNG_RND32 and TRNG_RND64: words that carry no bits, all of them after an error, are zero. */
static void rnd(struct vcpu *vcpu, unsigned width)
{
    uint64_t bits = smccc_arg(vcpu, 1);
    uint64_t words[RND_WORDS] = {0};
    int64_t result = TRNG_INVALID_PARAMETERS;

    if (bits > 0 && bits <= (uint64_t)width * RND_WORDS)
        result = fill(words, bits, width);
    for (unsigned i = 0; i < RND_WORDS; i++)
        vcpu->regs.x[i + 1] = result == TRNG_SUCCESS ? words[i] : 0;
    smccc_return(vcpu, result);
}

static void serve(struct vcpu *vcpu, uint32_t function)
{
    switch (function) {
    case TRNG_VERSION:
        smccc_return(vcpu, TRNG_VERSION_1_0);
        break;
    case TRNG_FEATURES:
        smccc_return(vcpu, features((uint32_t)smccc_arg(vcpu, 1)));
        break;
    case TRNG_GET_UUID:
        get_uuid(vcpu);
        break;
    case TRNG_RND_32:
        rnd(vcpu, 32);
        break;
    case TRNG_RND_64:
        rnd(vcpu, 64);
        break;
    default:
        smccc_return(vcpu, TRNG_NOT_SUPPORTED);
        break;
    }
}

void trng_call(struct vcpu *vcpu, uint32_t function)
{
    if (has_rndr())
        serve(vcpu, function);
    else
        smccc_return(vcpu, TRNG_NOT_SUPPORTED);
}
