/* SPDX-License-Identifier: Apache-2.0 */
/* An image's bytes against its hashes. See fit_hash.h. */
#include "fdt/fit_hash.h"

#include <bearssl_hash.h>
#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "fdt/fit_crc32.h"
#include "fdt/fit_internal.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"
#include "sha256.h"

#define HASH      "hash" /* how the names of such nodes begin */
#define CRC32_LEN 4
#define MAX_LEN   br_sha256_SIZE
#define BYTE_TEXT 3 /* two digits and a NUL */

#define SHA256_BLOCK UINT64_C(64)

/* Write the hash of the bytes to `value`, the first byte first. */
typedef void (*hash_fn)(const uint8_t *data, uint64_t size, uint8_t value[MAX_LEN]);

struct algorithm {
    const char *name; /* "algo" */
    unsigned len;
    hash_fn fn;
};

static void hash_crc32(const uint8_t *data, uint64_t size, uint8_t value[MAX_LEN])
{
    uint32_t crc = cpu_to_fdt32(fit_crc32(data, size));

    memcpy(value, &crc, sizeof(crc));
}

/* Whole blocks by the CPU, if it can; BearSSL does the others, and what comes at the end. */
static void hash_sha256(const uint8_t *data, uint64_t size, uint8_t value[MAX_LEN])
{
    uint64_t blocks = sha256_is_instruction() ? size / SHA256_BLOCK : 0;
    br_sha256_context context;

    br_sha256_init(&context);
    sha256_blocks(context.val, data, blocks);
    context.count = blocks * SHA256_BLOCK;
    br_sha256_update(&context, data + blocks * SHA256_BLOCK, size - blocks * SHA256_BLOCK);
    br_sha256_out(&context, value);
}

static const struct algorithm algorithms[] = {
    {"crc32", CRC32_LEN, hash_crc32},
    {"sha256", br_sha256_SIZE, hash_sha256},
};

static const struct algorithm *find_algorithm(const struct fit *fit, const struct fit_image *image,
                                              int node)
{
    const char *name = dt_prop_string(fit->fdt, node, "algo");

    for (unsigned i = 0; name != NULL && i < ARRAY_SIZE(algorithms); i++) {
        if (strcmp(name, algorithms[i].name) == 0)
            return &algorithms[i];
    }
    log_error("the bundle's image \"%s\" has a hash by \"%s\": \"crc32\" and \"sha256\" can be "
              "checked",
              image->name, name != NULL ? name : "");
    return NULL;
}

static const char *hex(const uint8_t *value, unsigned len, char text[2 * MAX_LEN + 1])
{
    for (unsigned i = 0; i < len; i++)
        fmt_snprintf(text + 2 * (size_t)i, BYTE_TEXT, "%02x", value[i]);
    return text;
}

static int check_hash(const struct fit *fit, const struct fit_image *image, int node)
{
    const struct algorithm *algorithm = find_algorithm(fit, image, node);
    char expected[2 * MAX_LEN + 1], has[2 * MAX_LEN + 1];
    const uint8_t *value;
    uint8_t found[MAX_LEN];
    int len = 0;

    if (algorithm == NULL)
        return -ERR_UNSUPPORTED;
    value = fdt_getprop(fit->fdt, node, "value", &len);
    if (value == NULL || (unsigned)len != algorithm->len) {
        log_error("the bundle's image \"%s\": the \"value\" of its %s must have %u bytes",
                  image->name, algorithm->name, algorithm->len);
        return -ERR_INVAL;
    }
    algorithm->fn(image->data, image->size, found);
    if (memcmp(value, found, algorithm->len) == 0)
        return 0;
    log_error(
        "the bundle's image \"%s\" is damaged: its %s should be %s, but is %s: make or copy the "
        "bundle anew",
        image->name, algorithm->name, hex(value, algorithm->len, expected),
        hex(found, algorithm->len, has));
    return -ERR_INVAL;
}

int fit_check_hashes(const struct fit *fit, const struct fit_image *image, bool must_have)
{
    unsigned count = 0;
    int node;
    int err;

    fdt_for_each_subnode(node, fit->fdt, image->node)
    {
        if (strncmp(fit_name(fit, node), HASH, strlen(HASH)) != 0)
            continue;
        count++;
        err = check_hash(fit, image, node);
        if (err != 0)
            return err;
    }
    if (count > 0 || !must_have)
        return 0;
    log_error("the bundle's image \"%s\" has no hash: give it a node hash-1 { algo = \"crc32\"; }",
              image->name);
    return -ERR_NOENT;
}
