/* SPDX-License-Identifier: Apache-2.0 */
/* Reserved memory. See dt_reserved.h. */
#include "fdt/dt_reserved.h"

#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "lib/addr.h"
#include "lib/log.h"

struct list {
    struct dt_reserved *entry;
    int count;
};

static int add_entry(struct list *list, struct dt_reserved entry)
{
    if (entry.range.size == 0)
        return 0;
    if (list->count == DT_MAX_RESERVED) {
        log_error("the tree reserves more than %u pieces of memory", DT_MAX_RESERVED);
        return -ERR_NOMEM;
    }
    list->entry[list->count++] = entry;
    return 0;
}

static int read_block(const void *fdt, struct list *list)
{
    int err = 0;

    for (int i = 0; i < fdt_num_mem_rsv(fdt) && err == 0; i++) {
        struct dt_reserved entry = {.node = -1};

        if (fdt_get_mem_rsv(fdt, i, &entry.range.base, &entry.range.size) != 0 ||
            !range_is_valid(entry.range.base, entry.range.size)) {
            log_error("the tree has a broken memory reservation block");
            return -ERR_INVAL;
        }
        err = add_entry(list, entry);
    }
    return err;
}

static int read_reserved(const struct dt_walk *at, struct list *list)
{
    int node = dt_walk_node(at);
    struct dt_reserved entry = {.node = node, .no_map = dt_prop_present(at->fdt, node, "no-map")};
    int count = dt_reg_count(at);
    int err = count < 0 ? count : 0;

    for (int i = 0; err == 0 && i < count; i++) {
        err = dt_reg_read(at, (unsigned)i, &entry.range);
        if (err == 0)
            err = add_entry(list, entry);
    }
    return err;
}

int dt_reserved_read(const void *fdt, struct dt_reserved entries[DT_MAX_RESERVED])
{
    struct list list = {entries, 0};
    struct dt_walk at;
    int err = read_block(fdt, &list);

    dt_walk_start(&at, fdt);
    while (err == 0 && dt_walk_next(&at)) {
        if (dt_walk_is_below(&at, "reserved-memory"))
            err = read_reserved(&at, &list);
    }
    return err == 0 ? list.count : err;
}
