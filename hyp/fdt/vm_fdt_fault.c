/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /chosen "traproom,inject": the rules of dev/fault_rule.h, a fixed number of cells each, in the
 * order of its members. See vm_fdt_internal.h; tools/launcher/inject.py writes it.
 */
#include <libfdt.h>

#include "fdt/dt_prop.h"
#include "fdt/vm_fdt_internal.h"
#include "lib/log.h"

#define RULE_CELLS 29

static struct fault_rule take_rule(struct dt_cells *cells)
{
    struct fault_rule rule = {0};

    rule.number = (uint32_t)dt_prop_take(cells, 1);
    rule.kind = (enum fault_kind)dt_prop_take(cells, 1);
    rule.action = (enum fault_action)dt_prop_take(cells, 1);
    rule.first = dt_prop_take(cells, 2);
    rule.last = dt_prop_take(cells, 2);
    rule.queues = (uint32_t)dt_prop_take(cells, 1);
    rule.types = (uint32_t)dt_prop_take(cells, 1);
    rule.first_sector = dt_prop_take(cells, 2);
    rule.last_sector = dt_prop_take(cells, 2);
    rule.nth = (uint32_t)dt_prop_take(cells, 1);
    rule.every = (uint32_t)dt_prop_take(cells, 1);
    rule.count = (uint32_t)dt_prop_take(cells, 1);
    rule.chance = (uint32_t)dt_prop_take(cells, 1);
    rule.seed = dt_prop_take(cells, 2);
    rule.from = dt_prop_take(cells, 2);
    rule.until = dt_prop_take(cells, 2);
    rule.period = dt_prop_take(cells, 2);
    rule.arg[0] = dt_prop_take(cells, 2);
    rule.arg[1] = dt_prop_take(cells, 2);
    return rule;
}

/* What is not named in the error can't do harm: it never matches. */
static bool is_valid(const struct fault_rule *rule)
{
    return rule->kind < FAULT_KINDS && rule->action < FAULT_ACTIONS && rule->first <= rule->last;
}

int vm_fdt_fault_read(struct vm_fdt_parser *parser)
{
    struct vm_config *config = parser->config;
    int chosen = fdt_path_offset(parser->fdt, "/chosen");
    struct dt_cells cells;
    int err = dt_prop_cells(parser->fdt, chosen, "traproom,inject", &cells);

    if (err != 0 || cells.count % RULE_CELLS != 0 || cells.count / RULE_CELLS > FAULT_MAX_RULES)
        return dt_prop_error(parser->fdt, chosen, -ERR_INVAL,
                             "\"traproom,inject\" must be up to 64 rules of 29 cells");
    for (; cells.count != 0; config->nr_faults++) {
        struct fault_rule *rule = &config->fault[config->nr_faults];

        *rule = take_rule(&cells);
        if (is_valid(rule))
            continue;
        log_error("/chosen: \"traproom,inject\" has a rule, number %u, that is none", rule->number);
        return -ERR_INVAL;
    }
    return 0;
}
