/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of a device tree's node. See dt_prop.h. */
#include "fdt/dt_prop.h"

#include <libfdt.h>
#include <stddef.h>

#include "lib/log.h"
#include "lib/string.h"

#define CELL_SIZE      4
#define PA_RANGE_CELLS 4 /* address and size, 64 bits each */

int dt_prop_cells(const void *fdt, int node, const char *name, struct dt_cells *cells)
{
    int len = 0;

    cells->at = fdt_getprop(fdt, node, name, &len);
    cells->count = cells->at == NULL ? 0 : (unsigned)len / CELL_SIZE;
    return cells->at != NULL && len % CELL_SIZE != 0 ? -ERR_INVAL : 0;
}

uint64_t dt_prop_take(struct dt_cells *cells, unsigned count)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < count * CELL_SIZE; i++)
        value = value << 8 | cells->at[i];
    cells->at += (size_t)count * CELL_SIZE;
    cells->count -= count;
    return value;
}

int dt_prop_number(const void *fdt, int node, const char *name, uint64_t *value)
{
    struct dt_cells cells;

    if (!dt_prop_present(fdt, node, name))
        return -ERR_NOENT;
    if (dt_prop_cells(fdt, node, name, &cells) != 0 || cells.count < 1 || cells.count > 2)
        return -ERR_INVAL;
    *value = dt_prop_take(&cells, cells.count);
    return 0;
}

const char *dt_prop_string(const void *fdt, int node, const char *name)
{
    int len = 0;
    const char *text = fdt_getprop(fdt, node, name, &len);

    if (text == NULL || memchr(text, '\0', (size_t)len) == NULL)
        return NULL;
    return text;
}

bool dt_prop_is(const void *fdt, int node, const char *name, const char *value)
{
    const char *text = dt_prop_string(fdt, node, name);

    return text != NULL && strcmp(text, value) == 0;
}

bool dt_prop_present(const void *fdt, int node, const char *name)
{
    int len = 0;

    return fdt_getprop(fdt, node, name, &len) != NULL;
}

bool dt_prop_compatible(const void *fdt, int node, const char *compatible)
{
    return fdt_node_check_compatible(fdt, node, compatible) == 0;
}

bool dt_prop_enabled(const void *fdt, int node)
{
    return !dt_prop_present(fdt, node, "status") || dt_prop_is(fdt, node, "status", "okay") ||
           dt_prop_is(fdt, node, "status", "ok");
}

const char *dt_prop_path(const void *fdt, int node, char name[DT_PATH_SIZE])
{
    const char *last;

    if (fdt_get_path(fdt, node, name, DT_PATH_SIZE) == 0)
        return name;
    last = fdt_get_name(fdt, node, NULL);
    fmt_snprintf(name, DT_PATH_SIZE, "%s", last != NULL ? last : "?");
    return name;
}

int dt_prop_error(const void *fdt, int node, int err, const char *text)
{
    char name[DT_PATH_SIZE];

    log_error("%s: %s", dt_prop_path(fdt, node, name), text);
    return err;
}

int dt_prop_address(const void *fdt, int node, const char *name, uint64_t *address)
{
    char path[DT_PATH_SIZE];

    if (dt_prop_number(fdt, node, name, address) != -ERR_INVAL)
        return 0;
    log_error("%s: \"%s\" must be one address of 64 bits", dt_prop_path(fdt, node, path), name);
    return -ERR_INVAL;
}

int dt_prop_pa_range(const void *fdt, int node, const char *name, struct pa_range *range)
{
    struct dt_cells cells;
    char path[DT_PATH_SIZE];

    if (!dt_prop_present(fdt, node, name))
        return -ERR_NOENT;
    if (dt_prop_cells(fdt, node, name, &cells) == 0 && cells.count == PA_RANGE_CELLS) {
        range->base = pa(dt_prop_take(&cells, 2));
        range->size = dt_prop_take(&cells, 2);
        if (range->size != 0 && range_is_valid(range->base.v, range->size))
            return 0;
    }
    log_error("%s: \"%s\" must be an address and a size that is not 0, 64 bits each",
              dt_prop_path(fdt, node, path), name);
    return -ERR_INVAL;
}

/*
 * The path that the alias `text`, `len` bytes of it, stands for. An alias that is no full path is
 * refused: libfdt would follow it, and for ever if it names itself.
 */
static const char *alias_path(const void *fdt, const char *text, int len)
{
    int aliases = fdt_path_offset(fdt, "/aliases");
    int size = 0;
    const char *path = fdt_getprop_namelen(fdt, aliases, text, len, &size);

    if (path == NULL || memchr(path, '\0', (size_t)size) == NULL || *path != '/')
        return NULL;
    return path;
}

/* A path from the root, or an alias, up to its options ("serial0:115200"). */
static int find_stdout(const void *fdt, const char *path)
{
    const char *options = strchr(path, ':');
    int len = options != NULL ? (int)(options - path) : (int)strlen(path);

    if (*path == '/')
        return fdt_path_offset_namelen(fdt, path, len);
    path = alias_path(fdt, path, len);
    return path != NULL ? fdt_path_offset(fdt, path) : -1;
}

int dt_prop_stdout(const void *fdt)
{
    int chosen = fdt_path_offset(fdt, "/chosen");
    const char *path = dt_prop_string(fdt, chosen, "stdout-path");
    int node;

    if (path == NULL)
        path = dt_prop_string(fdt, chosen, "linux,stdout-path");
    if (path == NULL)
        return -ERR_NOENT;
    node = find_stdout(fdt, path);
    return node >= 0 ? node : -ERR_NOENT;
}
