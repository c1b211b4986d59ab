// SPDX-License-Identifier: Apache-2.0
/* The table of devices: sound, and what docs/devices.md says that it has. */
#include <stdbool.h>
#include <string.h>

#include "fdt_log.h"
#include "fdt_tree.h"
#include "vm/vm_device.h"

#define PAGE_MAX  32768
#define NAMES_MAX 64

static char page[PAGE_MAX];

static int read_page(void **state)
{
    FILE *file = fopen(DEVICES_PAGE, "rb");

    (void)state;
    log_clear();
    assert_non_null(file);
    assert_in_range(fread(page, 1, PAGE_MAX - 1, file), 1, PAGE_MAX - 2);
    fclose(file);
    return 0;
}

static const char *name_of(const struct vm_device_kind *kind)
{
    return kind->compatible != NULL ? kind->compatible : kind->property;
}

/* Has the page a row for it, before its chapter on /chosen? */
static bool is_described(const char *name)
{
    char row[NAMES_MAX];
    const char *at;

    snprintf(row, sizeof(row), "\n| `%s` |", name);
    at = strstr(page, row);
    return at != NULL && at < strstr(page, "/chosen`\n");
}

static void every_kind_is_described(void **state)
{
    (void)state;
    for (unsigned i = 0; i < vm_devices.count; i++) {
        if (!is_described(name_of(&vm_devices.kind[i])))
            fail_msg("docs/devices.md has no row for %s", name_of(&vm_devices.kind[i]));
    }
}

static void nothing_else_is_described(void **state)
{
    const char *end = strstr(page, "/chosen`\n");

    (void)state;
    assert_non_null(end);
    for (const char *at = page; (at = strstr(at, "\n| `")) != NULL && at < end; at++) {
        size_t len = strcspn(at + 4, "`");
        bool found = false;

        for (unsigned i = 0; i < vm_devices.count; i++)
            found = found || (strlen(name_of(&vm_devices.kind[i])) == len &&
                              strncmp(name_of(&vm_devices.kind[i]), at + 4, len) == 0);
        if (!found)
            fail_msg("docs/devices.md has %.*s, the table has not", (int)len, at + 4);
    }
}

/* A kind is a device with all that one needs, or none. */
static void kinds_are_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < vm_devices.count; i++) {
        const struct vm_device_kind *kind = &vm_devices.kind[i];
        bool device = kind->access_fn != NULL;

        assert_true((kind->compatible == NULL) != (kind->property == NULL));
        assert_int_equal(device, kind->make_fn != NULL && kind->reset_fn != NULL);
        assert_int_equal(device, kind->state_size > 0 && kind->min_size > 0 && kind->name != NULL);
        if (!device)
            assert_false(kind->interrupt || kind->console || kind->all_regs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_described),
        cmocka_unit_test(nothing_else_is_described),
        cmocka_unit_test(kinds_are_whole),
    };

    return cmocka_run_group_tests(tests, read_page, NULL);
}
