/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of /chosen "traproom,inject", as the tree has them. */
#include "fdt_refused.h"

#define RULE_CELLS 29
#define KIND       1 /* the cell that has it */
#define ACTION     2
#define FIRST      100 /* in cell n of a rule is n more */

static struct vm_config config;

/* A tree with that many rules, numbered from 0 on. */
static void *tree_with(uint32_t count)
{
    void *fdt = tree_open("guest");
    fdt32_t *cell;
    int len = (int)(count * RULE_CELLS * sizeof(*cell));

    assert_int_equal(fdt_setprop_placeholder(fdt, tree_node(fdt, "/chosen"), "traproom,inject", len,
                                             (void **)&cell),
                     0);
    for (uint32_t rule = 0; rule < count; rule++, cell += RULE_CELLS) {
        for (uint32_t i = 0; i < RULE_CELLS; i++)
            cell[i] = cpu_to_fdt32(FIRST + i);
        cell[0] = cpu_to_fdt32(rule);
        cell[KIND] = cpu_to_fdt32(FAULT_TIME);
        cell[ACTION] = cpu_to_fdt32(FAULT_PULSE);
    }
    return fdt;
}

static void parse(void *fdt)
{
    log_clear();
    if (vm_fdt_parse(fdt, fdt_totalsize(fdt), IPA_BITS, &vm_devices, &config) != 0)
        fail_msg("refused: %s", logged.error);
    free(fdt);
}

/* What cells `n` and `n` + 1 have. */
static uint64_t two_cells(uint64_t n)
{
    return (FIRST + n) << 32 | (FIRST + n + 1);
}

static void each_cell_has_its_member(void **state)
{
    const struct fault_rule *rule = &config.fault[1];

    (void)state;
    parse(tree_with(2));
    assert_int_equal(config.nr_faults, 2);
    assert_int_equal(rule->number, 1);
    assert_int_equal(rule->kind, FAULT_TIME);
    assert_int_equal(rule->action, FAULT_PULSE);
    assert_int_equal(rule->first, two_cells(3));
    assert_int_equal(rule->last, two_cells(5));
    assert_int_equal(rule->queues, FIRST + 7);
    assert_int_equal(rule->types, FIRST + 8);
    assert_int_equal(rule->first_sector, two_cells(9));
    assert_int_equal(rule->last_sector, two_cells(11));
    assert_int_equal(rule->nth, FIRST + 13);
    assert_int_equal(rule->every, FIRST + 14);
    assert_int_equal(rule->count, FIRST + 15);
    assert_int_equal(rule->chance, FIRST + 16);
    assert_int_equal(rule->seed, two_cells(17));
    assert_int_equal(rule->from, two_cells(19));
    assert_int_equal(rule->until, two_cells(21));
    assert_int_equal(rule->period, two_cells(23));
    assert_int_equal(rule->arg[0], two_cells(25));
    assert_int_equal(rule->arg[1], two_cells(27));
    assert_int_equal(rule->seen + rule->done + rule->random, 0);
}

static void as_many_as_may_be(void **state)
{
    (void)state;
    parse(tree_with(FAULT_MAX_RULES));
    assert_int_equal(config.nr_faults, FAULT_MAX_RULES);
    assert_int_equal(config.fault[FAULT_MAX_RULES - 1].number, FAULT_MAX_RULES - 1);
    assert_refused(tree_with(FAULT_MAX_RULES + 1), ERR_INVAL, "/chosen", "up to 64 rules");
    parse(tree_with(0));
    assert_int_equal(config.nr_faults, 0);
}

static void one_among_others_is_none(void **state)
{
    void *fdt = tree_with(3);
    fdt32_t *cell = fdt_getprop_w(fdt, tree_node(fdt, "/chosen"), "traproom,inject", NULL);

    (void)state;
    assert_non_null(cell);
    cell[2 * RULE_CELLS + ACTION] = cpu_to_fdt32(FAULT_ACTIONS);
    assert_refused(fdt, ERR_INVAL, "/chosen", "number 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cell_has_its_member),
        cmocka_unit_test(as_many_as_may_be),
        cmocka_unit_test(one_among_others_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
