/* SPDX-License-Identifier: Apache-2.0 */
/* CPU nodes: those that nobody would start. */
#include "fdt/dt_cpu.h"
#include "fdt_log.h"
#include "fdt_tree.h"

/* Frees the tree. */
static void assert_warnings(void *fdt, unsigned count, const char *says)
{
    log_clear();
    dt_cpu_warn_of_unstarted(fdt);
    assert_int_equal(logged.warnings, count);
    if (count > 0 && strstr(logged.warning, says) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", logged.warning, says);
    free(fdt);
}

/* The first one runs already. */
static void test_no_method(void **state)
{
    void *fdt = tree_open("host");

    (void)state;
    assert_warnings(tree_load("host"), 0, NULL);
    tree_del_prop(fdt, "/cpus/cpu@0", "enable-method");
    assert_warnings(fdt, 0, NULL);
    fdt = tree_open("host");
    tree_del_prop(fdt, "/cpus/cpu@100", "enable-method");
    assert_warnings(fdt, 1, "/cpus/cpu@100 has no \"enable-method\"");
}

/* Nor does one that is disabled count. */
static void test_disabled(void **state)
{
    void *fdt = tree_open("host");

    (void)state;
    tree_del_prop(fdt, "/cpus/cpu@100", "enable-method");
    tree_set_string(fdt, "/cpus/cpu@100", "status", "disabled");
    assert_warnings(fdt, 0, NULL);
    fdt = tree_open("host");
    tree_del_prop(fdt, "/cpus/cpu@100", "enable-method");
    tree_set_string(fdt, "/cpus/cpu@0", "status", "disabled");
    assert_warnings(fdt, 0, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_method),
        cmocka_unit_test(test_disabled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
