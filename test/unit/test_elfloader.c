/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of guest/elfloader/'s pure parts: the payload's checks, the map of taken RAM, the kernel's
 * tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "fail.h"
#include "lib/elf64.h"
#include "payload.h"
#include "platform.h"
#include "regions.h"
#include "sysreg.h"
#include "tables.h"

#define RAM      UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x100000)
#define KERNEL   UINT64_C(0xffffff8050000000)

struct platform platform;
static jmp_buf failed;
static char words[256];

void fail_with(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    longjmp(failed, 1);
}

/* ---- payload.c ---- */

_Thread_local struct fake_sysreg fake_sysreg;

static struct {
    struct payload head;
    char file[2][PAYLOAD_ALIGN];
} packed __attribute__((aligned(PAYLOAD_ALIGN)));

static void seal(void)
{
    packed.head.crc = payload_head_crc(&packed.head);
}

static int make_payload(void **state)
{
    (void)state;
    memset(&packed, 0, sizeof(packed));
    packed.head = (struct payload){
        .nr_files = 2,
        .size = sizeof(packed),
        .nr_configs = 2,
        .default_config = 1,
        .file = {{.offset = PAYLOAD_ALIGN, .size = 5, .name = "k"},
                 {.offset = PAYLOAD_ALIGN, .size = 6, .name = "a"}},
        .config = {{.name = "one", .kernel = 0, .app = PAYLOAD_NO_FILE},
                   {.name = "two", .kernel = 0, .app = 1}},
    };
    memcpy(packed.head.magic, PAYLOAD_MAGIC, sizeof(packed.head.magic));
    seal();
    return 0;
}

static void refused(const char *why)
{
    const char *found;

    seal();
    found = payload_check(&packed.head, sizeof(packed));
    assert_non_null(found);
    if (strstr(found, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", found, why);
    make_payload(NULL);
}

static void payload_is_whole(void **state)
{
    (void)state;
    assert_null(payload_check(&packed.head, sizeof(packed)));
    assert_ptr_equal(payload_data(&packed.head, &packed.head.file[0]),
                     (char *)&packed + PAYLOAD_ALIGN);
    assert_ptr_equal(payload_find(&packed.head, NULL), &packed.head.config[1]);
    assert_ptr_equal(payload_find(&packed.head, "one"), &packed.head.config[0]);
    assert_null(payload_find(&packed.head, "three"));
    assert_int_equal(payload_crc("123456789", 9), 0xcbf43926); /* of every CRC-32's description */
}

static void payload_is_wrong(void **state)
{
    (void)state;
    assert_non_null(strstr(payload_check(&packed.head, sizeof(struct payload) - 1), "no payload"));
    assert_non_null(strstr(payload_check(&packed.head, sizeof(packed) - 1), "cut short"));
    packed.head.file[0].size++;
    assert_non_null(strstr(payload_check(&packed.head, sizeof(packed)), "damaged"));
    make_payload(NULL);
    packed.head.magic[0]++;
    refused("no payload");
    packed.head.nr_files = PAYLOAD_MAX_FILES + 1;
    refused("contradicts");
    packed.head.nr_configs = PAYLOAD_MAX_CONFIGS + 1;
    refused("contradicts");
    packed.head.default_config = 2;
    refused("contradicts");
    packed.head.file[1].offset = 0;
    refused("a file outside");
    packed.head.file[1].offset++;
    refused("a file outside");
    packed.head.file[1].offset = PAYLOAD_ALIGN * UINT64_C(1000);
    refused("a file outside");
    packed.head.file[1].size = UINT64_MAX;
    refused("a file outside");
    packed.head.file[1].name[0] = '\0';
    refused("a file outside");
    memset(packed.head.file[1].name, 'x', PAYLOAD_NAME);
    refused("a file outside");
    packed.head.config[0].kernel = 2;
    refused("files that it lacks");
    packed.head.config[0].app = 2;
    refused("files that it lacks");
    packed.head.config[0].name[0] = '\0';
    refused("files that it lacks");
}

/* ---- regions.c ---- */

static struct regions regions;

static int make_ram(void **state)
{
    (void)state;
    regions = (struct regions){.count = 0};
    platform.nr_ram = 2;
    platform.ram[0] = (struct fdt_reg){RAM, RAM_SIZE};
    platform.ram[1] = (struct fdt_reg){2 * RAM, RAM_SIZE};
    return 0;
}

static void expect_failure(const char *name, uint64_t start, uint64_t size, const char *why)
{
    if (setjmp(failed) == 0) {
        regions_take(&regions, name, start, size);
        fail_msg("%s is taken", name);
    }
    if (strstr(words, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", words, why);
}

static void takes(void **state)
{
    (void)state;
    regions_note(&regions, "nothing", RAM, 0);
    assert_int_equal(regions.count, 0);
    regions_note(&regions, "the tree", RAM + 0x1000, 0x1000);
    regions_take(&regions, "below", RAM, 0x1000);
    regions_take(&regions, "above", RAM + 0x2000, RAM_SIZE - 0x2000);
    assert_int_equal(regions.count, 3);
    expect_failure(
        "kernel", RAM + 0x1fff, 1,
        "kernel at [0x40001fff, 0x40001fff] overlaps the tree at [0x40001000, 0x40001fff]");
    expect_failure("kernel", RAM - 1, 2, "is not all in RAM");
    expect_failure("kernel", RAM + RAM_SIZE - 1, 2, "is not all in RAM");
    expect_failure("kernel", UINT64_MAX, 2, "is not all in RAM");
    while (regions.count < REGIONS_MAX)
        regions_note(&regions, "more", 0, 1);
    expect_failure("one more", 2 * RAM, 1, "more than 64 regions");
}

static void finds(void **state)
{
    (void)state;
    assert_int_equal(regions_find(&regions, RAM, 0x1000), RAM);
    assert_int_equal(regions_find(&regions, RAM + 1, 0x1000), RAM + 0x1000);
    regions_note(&regions, "a", RAM + 0x1800, 0x1000);
    assert_int_equal(regions_find(&regions, RAM + 1, 0x1000), RAM + 0x3000);
    assert_int_equal(regions_find(&regions, RAM, 0x2000), RAM + 0x3000);
    assert_int_equal(regions_find(&regions, RAM, RAM_SIZE), 2 * RAM);
    assert_int_equal(regions_find(&regions, 2 * RAM + 1, RAM_SIZE), 0);
    assert_int_equal(regions_find(&regions, RAM, RAM_SIZE + 1), 0);
}

/* ---- tables.c ---- */

#define PTE_ADDRESS UINT64_C(0x0000fffffffff000)
#define PTE_RDONLY  (UINT64_C(1) << 7)
#define PTE_PXN     (UINT64_C(1) << 53)
#define PTE_UXN     (UINT64_C(1) << 54)

static struct handover handover;

/* The leaf's descriptor, 0: none. */
static uint64_t walk(uint64_t va)
{
    uint64_t entry = handover.ttbr[va >> 63];

    for (int shift = 39; shift >= 12; shift -= 9) {
        entry = ((const uint64_t *)(uintptr_t)(entry & PTE_ADDRESS))[va >> shift & 511];
        if ((entry & 3) != 3)
            return 0;
    }
    return entry;
}

static void maps(void **state)
{
    uint64_t entry;

    (void)state;
    assert_true(tables_map(KERNEL + 0x800, RAM + 0x800, 0x1000, ELF64_READ | ELF64_EXECUTE));
    assert_true(tables_map(KERNEL + 0x1800, RAM + 0x1800, 0x1000, ELF64_READ | ELF64_WRITE));
    assert_true(tables_map(RAM, RAM, 0x2000, ELF64_READ));
    assert_true(tables_map(UINT64_MAX - 0xfff, RAM, 0x1000, ELF64_READ));
    assert_int_equal(tables_finish(&handover), 2 + 3 + 3 + 2);
    assert_int_equal(handover.ttbr[0] % 4096 + handover.ttbr[1] % 4096, 0);
    entry = walk(KERNEL);
    assert_int_equal(entry & PTE_ADDRESS, RAM);
    assert_int_equal(entry & (PTE_RDONLY | PTE_PXN | PTE_UXN), PTE_RDONLY | PTE_UXN);
    entry = walk(KERNEL + 0x1000); /* what either allows */
    assert_int_equal(entry & PTE_ADDRESS, RAM + 0x1000);
    assert_int_equal(entry & (PTE_RDONLY | PTE_PXN | PTE_UXN), PTE_UXN);
    entry = walk(KERNEL + 0x2000);
    assert_int_equal(entry & (PTE_RDONLY | PTE_PXN | PTE_UXN), PTE_PXN | PTE_UXN);
    assert_int_equal(walk(KERNEL + 0x3000), 0);
    entry = walk(RAM + 0x1fff);
    assert_int_equal(entry & PTE_ADDRESS, RAM + 0x1000);
    assert_int_equal(entry & (PTE_RDONLY | PTE_PXN | PTE_UXN), PTE_RDONLY | PTE_PXN | PTE_UXN);
    assert_int_equal(walk(UINT64_MAX) & PTE_ADDRESS, RAM);
}

/* After maps(). */
static void can_not_map(void **state)
{
    (void)state;
    assert_false(tables_map(KERNEL, RAM + 0x4000, 0x1000, ELF64_READ));
    assert_false(tables_map(KERNEL + 0x4000, RAM + 0x4800, 0x1000, ELF64_READ));
    assert_false(tables_map(RAM << 8, RAM, UINT64_C(200) << 21, ELF64_READ));
    assert_true(tables_can_map(0, UINT64_C(1) << 48));
    assert_false(tables_can_map(0, (UINT64_C(1) << 48) + 1));
    assert_true(tables_can_map(UINT64_C(0xffff) << 48, UINT64_C(1) << 48));
    assert_false(tables_can_map((UINT64_C(0xffff) << 48) - 1, 2));
    assert_false(tables_can_map(UINT64_MAX, 2));
    assert_false(tables_can_map(UINT64_C(1) << 63, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(payload_is_whole, make_payload),
        cmocka_unit_test_setup(payload_is_wrong, make_payload),
        cmocka_unit_test_setup(takes, make_ram),
        cmocka_unit_test_setup(finds, make_ram),
        cmocka_unit_test(maps),
        cmocka_unit_test(can_not_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
