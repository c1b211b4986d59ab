/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that is an ELF, loaded by the hypervisor itself, with elf_root.elf beside it: each
 * segment is where and what its headers say, and the tree's /chosen/app leads to the app.
 */
#include <stdint.h>

#include "fdt.h"
#include "guest.h"
#include "platform.h"
#include "string.h"
#include "testcase.h"

#define APP_START UINT64_C(0x400000) /* elf_root.lds */
#define FAR_MARK  UINT64_C(0x1122334455667788)
#define ZEROED    0x20000
#define ROOM      UINT64_C(0x200000)
#define PAGE      4096
#define APP_DATA  UINT64_C(0x5441534b524f4f54) /* the first word of elf_root.c's .data */

static volatile uint64_t far_mark __attribute__((section(".far"))) = FAR_MARK;
static volatile uint8_t far_zeroed[ZEROED] __attribute__((section(".far_zeroed")));
extern char image_head[], far_start[];

struct app {
    uint64_t start, end, virtual_start, entry;
};

static uint64_t read_number(const struct fdt_node *node, const char *name)
{
    return (uint64_t)fdt_cell(node, name, 0, 0) << 32 | fdt_cell(node, name, 1, 0);
}

static void read_app(const struct fdt_node *node, void *arg)
{
    struct app *app = arg;

    if (node->depth != 2 || strcmp(node->name, "app") != 0)
        return;
    *app = (struct app){read_number(node, "start"), read_number(node, "end"),
                        read_number(node, "virtual-start"), read_number(node, "entry")};
}

static void where_it_was_linked(void)
{
    CHECK((uintptr_t)image_head == 0x48400000, "at %lx", (uintptr_t)image_head);
    CHECK((uintptr_t)far_start == 0x50000000, "far at %lx", (uintptr_t)far_start);
}

static void far_segment(void)
{
    CHECK(far_mark == FAR_MARK, "0x%lx", far_mark);
    for (unsigned i = 0; i < ZEROED; i++)
        CHECK(far_zeroed[i] == 0, "byte %u is 0x%x", i, far_zeroed[i]);
}

static void app_is_told(void)
{
    struct app app = {0};
    bool found = false;

    fdt_for_each_node((const void *)platform.dtb.address, read_app, &app);
    CHECK(app.virtual_start == APP_START, "virtual-start is 0x%lx", app.virtual_start);
    CHECK(app.start % ROOM == 0 && app.start > 0x50000000, "start is 0x%lx", app.start);
    CHECK(app.end > app.start && app.end < app.start + ROOM, "end is 0x%lx", app.end);
    CHECK(app.entry >= APP_START && app.entry - APP_START < app.end - app.start, "entry is 0x%lx",
          app.entry);
    for (uint64_t at = app.start; at < app.end; at += PAGE)
        found = found || *(volatile uint64_t *)at == APP_DATA;
    CHECK(found, "the app's data is not there");
    CHECK(*(volatile uint32_t *)(app.start + (app.entry - APP_START)) != 0,
          "its entry has no code");
    CHECK(*(volatile uint64_t *)(app.end - 8) == 0, "its .bss is not zeroed");
}

void guest_main(void)
{
    static const struct test_case cases[] = {
        {"where_it_was_linked", where_it_was_linked},
        {"far_segment", far_segment},
        {"app_is_told", app_is_told},
        {NULL, NULL},
    };

    TEST_RUN(cases);
}
