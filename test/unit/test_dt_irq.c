/* SPDX-License-Identifier: Apache-2.0 */
/* "interrupts-extended": whose interrupt it is. */
#include "fdt/dt_irq.h"
#include "fdt_walk.h"

#define GIC  "/interrupt-controller@8000000"
#define UART "/serial@9040000"

/* What the UART's first interrupt is, with `phandle` for its controller. Frees the tree. */
static int read_with(void *fdt, uint32_t phandle, uint32_t *intid)
{
    struct dt_walk at;
    int err;

    TREE_CELLS(fdt, UART, "interrupts-extended", phandle, 0, 7, 4);
    tree_walk_to(fdt, UART, &at);
    log_clear();
    err = dt_irq_intid(&at, tree_node(fdt, GIC), 0, intid);
    free(fdt);
    return err;
}

static void test_gic(void **state)
{
    void *fdt = tree_open("host");
    uint32_t intid = 0;

    (void)state;
    assert_int_equal(read_with(fdt, fdt_get_phandle(fdt, tree_node(fdt, GIC)), &intid), 0);
    assert_int_equal(intid, 39);
    fdt = tree_open("host");
    assert_int_equal(read_with(fdt, 0x777, &intid), -ERR_UNSUPPORTED);
    assert_int_equal(logged.errors, 1);
}

/* 0 is nobody's phandle, not even that of a GIC without one. */
static void test_no_phandle(void **state)
{
    void *fdt = tree_open("host");
    uint32_t intid;

    (void)state;
    tree_del_prop(fdt, GIC, "phandle");
    assert_int_equal(read_with(fdt, 0, &intid), -ERR_UNSUPPORTED);
    assert_int_equal(logged.errors, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gic),
        cmocka_unit_test(test_no_phandle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
