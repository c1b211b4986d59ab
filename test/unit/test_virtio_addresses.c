/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in the requests of balloons and displays: translated, or refused. */
#include <linux/virtio_ids.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dev/virtio_addresses.h"
#include "dev/virtio_type.h"
#include "mm/phys.h"

#define RAM_IPA  UINT64_C(0x48000000)
#define RAM_SIZE UINT64_C(0x10000)
#define PAGE     4096
#define NOTHING  UINT64_C(0x1000)

static const struct guest_mem mem = {
    .count = 1,
    .region = {{.ipa = {RAM_IPA}, .pa = {UINT64_C(0x5a0000000)}, .size = RAM_SIZE}},
};

static uint64_t machine(uint64_t address)
{
    return address - RAM_IPA + mem.region[0].pa.v;
}

static void test_balloon(void **state)
{
    uint32_t pages[] = {(uint32_t)(RAM_IPA / PAGE), (uint32_t)((RAM_IPA + RAM_SIZE) / PAGE - 1)};

    (void)state;
    assert_int_equal(virtio_addresses_balloon(&mem, (uint8_t *)pages, sizeof(pages)), 0);
    assert_int_equal(pages[0], machine(RAM_IPA) / PAGE);
    assert_int_equal(pages[1], machine(RAM_IPA + RAM_SIZE) / PAGE - 1);
}

static void test_balloon_refused(void **state)
{
    static const uint32_t bad[] = {0, (uint32_t)(RAM_IPA / PAGE - 1),
                                   (uint32_t)((RAM_IPA + RAM_SIZE) / PAGE), UINT32_MAX};
    static const struct guest_mem far = {
        .count = 1, .region = {{.ipa = {0}, .pa = {UINT64_C(1) << 44}, .size = RAM_SIZE}}};
    uint32_t pages[2] = {(uint32_t)(RAM_IPA / PAGE), 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        pages[1] = bad[i];
        assert_true(virtio_addresses_balloon(&mem, (uint8_t *)pages, sizeof(pages)) < 0);
        pages[0] = (uint32_t)(RAM_IPA / PAGE);
    }
    assert_true(virtio_addresses_balloon(&mem, (uint8_t *)pages, 3) < 0);
    pages[0] = 0; /* no page number of the machine's says this */
    assert_true(virtio_addresses_balloon(&far, (uint8_t *)pages, sizeof(uint32_t)) < 0);
}

static struct {
    struct virtio_gpu_resource_attach_backing attach;
    struct virtio_gpu_mem_entry piece[2];
} command;

static int send(size_t len)
{
    return virtio_addresses_gpu(&mem, (uint8_t *)&command, len);
}

static void attach(uint32_t count)
{
    memset(&command, 0, sizeof(command));
    command.attach.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING;
    command.attach.nr_entries = count;
    command.piece[0] = (struct virtio_gpu_mem_entry){.addr = RAM_IPA + 16, .length = 32};
    command.piece[1] = (struct virtio_gpu_mem_entry){.addr = RAM_IPA, .length = RAM_SIZE};
}

static void test_backing(void **state)
{
    (void)state;
    attach(2);
    assert_int_equal(send(sizeof(command)), 0);
    assert_int_equal(command.piece[0].addr, machine(RAM_IPA + 16));
    assert_int_equal(command.piece[0].length, 32);
    assert_int_equal(command.piece[1].addr, machine(RAM_IPA));
    attach(0);
    assert_int_equal(send(sizeof(command.attach)), 0);
}

static void test_backing_refused(void **state)
{
    static const struct virtio_gpu_mem_entry bad[] = {
        {.addr = RAM_IPA, .length = 0},     {.addr = RAM_IPA, .length = (uint32_t)RAM_SIZE + 1},
        {.addr = RAM_IPA - 1, .length = 2}, {.addr = NOTHING, .length = 16},
        {.addr = UINT64_MAX, .length = 16},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        attach(2);
        command.piece[1] = bad[i];
        assert_true(send(sizeof(command)) < 0);
    }
    attach(3); /* more than there are */
    assert_true(send(sizeof(command)) < 0);
    attach(UINT32_MAX);
    assert_true(send(sizeof(command)) < 0);
    attach(2);
    assert_true(send(sizeof(command) - 1) < 0);
    assert_true(send(sizeof(command.attach) - 1) < 0);
    assert_true(send(sizeof(command.attach.hdr) - 1) < 0);
}

/* Only commands that are known to have no other addresses pass, unchanged. */
static void test_other_commands(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < 0x400; type++) {
        bool known =
            type >= VIRTIO_GPU_CMD_GET_DISPLAY_INFO && type <= VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID;

        attach(1);
        command.attach.hdr.type = type;
        command.piece[0].addr = RAM_IPA;
        assert_int_equal(send(sizeof(command)) == 0, known);
        if (type != VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING)
            assert_int_equal(command.piece[0].addr, RAM_IPA);
    }
}

static void test_types(void **state)
{
    (void)state;
    assert_ptr_equal(virtio_type_find(VIRTIO_ID_BALLOON)->translate_fn, virtio_addresses_balloon);
    assert_ptr_equal(virtio_type_find(VIRTIO_ID_GPU)->translate_fn, virtio_addresses_gpu);
    assert_null(virtio_type_find(VIRTIO_ID_NET)->translate_fn);
    assert_null(virtio_type_find(VIRTIO_ID_MEM)); /* its requests are addresses of new memory */
    assert_null(virtio_type_find(VIRTIO_ID_PMEM));
    assert_null(virtio_type_find(VIRTIO_ID_IOMMU));
    assert_null(virtio_type_find(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balloon),        cmocka_unit_test(test_balloon_refused),
        cmocka_unit_test(test_backing),        cmocka_unit_test(test_backing_refused),
        cmocka_unit_test(test_other_commands), cmocka_unit_test(test_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
