/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of fdt/fit_hash.c and fit_crc32.c: known values, and what is said of bytes that differ. */
#include "crc32.h"
#include "fdt/fit_crc32.h"
#include "fdt/fit_hash.h"
#include "fit_fixture.h"
#include "sha256.h"

static struct fit fit;
static struct fit_image kernel;

static void read_kernel(void)
{
    int configuration, vm;

    assert_int_equal(fit_open(&fit, blob, FIT_ROOM + STORE_SIZE), 0);
    assert_int_equal(fit_configuration(&fit, NULL, &configuration), 0);
    assert_int_equal(fit_vm(&fit, configuration, &vm), 0);
    assert_int_equal(fit_image(&fit, vm, &fit_kernel, 0, &kernel), 0);
}

static void add_hash(const char *node, const char *algo, const void *value, int len)
{
    char path[64];

    add("/images/kernel", node);
    snprintf(path, sizeof(path), "/images/kernel/%s", node);
    if (algo != NULL)
        set_text(path, "algo", algo);
    assert_int_equal(fdt_setprop(blob, fit_node(path), "value", value, len), 0);
}

static void add_crc32(const char *node)
{
    fdt32_t crc = cpu_to_fdt32(fit_crc32(blob + FIT_ROOM, KERNEL_SIZE));

    add_hash(node, "crc32", &crc, sizeof(crc));
}

static void refused(int err, const char *says, const char *says_too)
{
    read_kernel();
    assert_int_equal(fit_check_hashes(&fit, &kernel, true), err);
    assert_logged(says, says_too);
}

static void accepted(void)
{
    read_kernel();
    assert_int_equal(fit_check_hashes(&fit, &kernel, true), 0);
    assert_int_equal(logged.errors, 0);
}

/* The check value of every list of CRCs, and others by Python's zlib. */
static void crc32_values(void **state)
{
    uint8_t bytes[300];

    (void)state;
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    for (unsigned i = 0; i < 2; i++) {
        host_has_crc32 = i == 0;
        assert_int_equal(fit_crc32((const uint8_t *)"123456789", 9), 0xcbf43926);
        assert_int_equal(fit_crc32(bytes, 0), 0);
        assert_int_equal(fit_crc32(bytes, 1), 0xd202ef8d);
        assert_int_equal(fit_crc32(bytes, 256), 0x29058c73);
        assert_int_equal(fit_crc32(bytes + 3, 8), 0x62bca3dc);
    }
    host_has_crc32 = true;
}

static void right(void **state)
{
    (void)state;
    add_crc32("hash-1");
    add("/images/kernel", "signature-1"); /* which is not ours to check */
    accepted();
    add_crc32("hash-2");
    accepted();
}

static void one_bit(void **state)
{
    (void)state;
    add_crc32("hash-1");
    for (unsigned at = 0; at < KERNEL_SIZE; at += 333) {
        blob[FIT_ROOM + at] ^= 0x10;
        refused(-ERR_INVAL, "image \"kernel\" is damaged: its crc32 should be ", ", but is ");
        blob[FIT_ROOM + at] ^= 0x10;
    }
    accepted();
}

static void names_both(void **state)
{
    (void)state;
    memset(blob + FIT_ROOM, 0, KERNEL_SIZE);
    memcpy(blob + FIT_ROOM, "123456789", 9);
    set_cell("/images/kernel", "data-size", 9);
    add_hash("hash-1", "crc32", "\x01\x02\x03\xff", 4);
    refused(-ERR_INVAL, "should be 010203ff", "but is cbf43926");
}

/* The kernel becomes `text`, with a hash that is `hex`. */
static void assert_sha256(const char *text, const char *hex)
{
    uint8_t value[32];
    unsigned byte;

    for (unsigned i = 0; i < sizeof(value); i++) {
        assert_int_equal(sscanf(hex + 2 * (size_t)i, "%2x", &byte), 1);
        value[i] = (uint8_t)byte;
    }
    memcpy(blob + FIT_ROOM, text, strlen(text));
    set_cell("/images/kernel", "data-size", (uint32_t)strlen(text));
    assert_int_equal(fdt_setprop(blob, fit_node("/images/kernel/hash-1"), "value", value, 32), 0);
    accepted();
    blob[FIT_ROOM] ^= 1;
    refused(-ERR_INVAL, "its sha256 should be ", hex);
}

/* FIPS 180-4's examples, and one of more than a block, by Python's hashlib. */
static void sha256_values(void **state)
{
    char text[161];

    (void)state;
    for (unsigned i = 0; i < 160; i++)
        text[i] = "abcdefgh"[i % 8];
    text[160] = '\0';
    add("/images/kernel", "hash-1");
    set_text("/images/kernel/hash-1", "algo", "sha256");
    for (unsigned i = 0; i < 2; i++) {
        host_has_sha256 = i == 0;
        assert_sha256("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        assert_sha256(text, "e86fdd59642912b4c8eb454c6235aedd875e8877b93bda203afed522596cc459");
    }
}

static void second_is_wrong(void **state)
{
    (void)state;
    add_hash("hash-2", "crc32", "abcd", 4);
    add_crc32("hash-1");
    refused(-ERR_INVAL, "should be 61626364", "crc32");
}

static void none(void **state)
{
    (void)state;
    refused(-ERR_NOENT, "\"kernel\" has no hash", "crc32");
    assert_int_equal(fit_check_hashes(&fit, &kernel, false), 0);
}

static void unknown(void **state)
{
    (void)state;
    add_hash("hash-1", "md5", "0123456789abcdef", 16);
    refused(-ERR_UNSUPPORTED, "\"kernel\" has a hash by \"md5\"", "crc32");
}

static void no_algorithm(void **state)
{
    (void)state;
    add_hash("hash-1", NULL, "abcd", 4);
    refused(-ERR_UNSUPPORTED, "\"kernel\" has a hash by \"\"", "crc32");
}

static void value_of_another_size(void **state)
{
    (void)state;
    add_hash("hash-1", "crc32", "abc", 3);
    refused(-ERR_INVAL, "\"value\" of its crc32", "4 bytes");
    leave_out("/images/kernel/hash-1", "value");
    refused(-ERR_INVAL, "\"value\" of its crc32", "4 bytes");
}

#define test(f) cmocka_unit_test_setup_teardown(f, fit_start, fit_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(crc32_values),  test(right),
        test(one_bit),       test(names_both),
        test(sha256_values), test(second_is_wrong),
        test(none),          test(unknown),
        test(no_algorithm),  test(value_of_another_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
