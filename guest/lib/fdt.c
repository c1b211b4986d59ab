/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of device trees that platform.c uses: see fdt.h. */
#include "fdt.h"

#include "string.h"

#define FDT_MAGIC        0xd00dfeed
#define FDT_BEGIN_NODE   1
#define FDT_END_NODE     2
#define FDT_PROP         3
#define FDT_NOP          4
#define HEADER_TOTALSIZE 4
#define HEADER_STRUCT    8
#define HEADER_STRINGS   12
#define HEADER_RESERVED  16
#define PROP_HEADER_SIZE 8
#define MAX_DEPTH        16

static uint32_t read_cell(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static const uint8_t *align_cell(const uint8_t *p)
{
    return (const uint8_t *)(((uintptr_t)p + 3) & ~(uintptr_t)3);
}

uint32_t fdt_size(const void *fdt)
{
    return read_cell(fdt) == FDT_MAGIC ? read_cell((const uint8_t *)fdt + HEADER_TOTALSIZE) : 0;
}

static const uint8_t *skip_property(const uint8_t *p)
{
    return align_cell(p + 4 + PROP_HEADER_SIZE + read_cell(p + 4));
}

const uint8_t *fdt_property(const struct fdt_node *node, const char *name, uint32_t *length)
{
    const char *strings = (const char *)node->fdt + read_cell(node->fdt + HEADER_STRINGS);
    const uint8_t *p = node->properties;

    for (;;) {
        uint32_t token = read_cell(p);

        if (token == FDT_NOP) {
            p += 4;
        } else if (token == FDT_PROP) {
            if (strcmp(strings + read_cell(p + 8), name) == 0) {
                *length = read_cell(p + 4);
                return p + 4 + PROP_HEADER_SIZE;
            }
            p = skip_property(p);
        } else {
            return NULL;
        }
    }
}

uint32_t fdt_cell(const struct fdt_node *node, const char *name, unsigned index, uint32_t otherwise)
{
    uint32_t length;
    const uint8_t *p = fdt_property(node, name, &length);

    return p && length >= 4 * (index + 1) ? read_cell(p + 4 * index) : otherwise;
}

bool fdt_property_has(const struct fdt_node *node, const char *name, const char *text)
{
    uint32_t length;
    const char *p = (const char *)fdt_property(node, name, &length);
    const char *end = p ? p + length : NULL;

    while (p < end) {
        if (strcmp(p, text) == 0)
            return true;
        p += strlen(p) + 1;
    }
    return false;
}

static uint64_t read_cells(const uint8_t *p, uint32_t cells)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < cells; i++)
        value = value << 32 | read_cell(p + 4 * i);
    return value;
}

bool fdt_reg(const struct fdt_node *node, unsigned index, struct fdt_reg *reg)
{
    uint32_t length;
    const uint8_t *p = fdt_property(node, "reg", &length);
    uint32_t entry = 4 * (node->address_cells + node->size_cells);

    if (!p || length < entry * (index + 1))
        return false;
    p += entry * index;
    reg->address = read_cells(p, node->address_cells);
    reg->size = read_cells(p + 4 * node->address_cells, node->size_cells);
    return true;
}

bool fdt_reservation(const void *fdt, unsigned index, struct fdt_reg *reg)
{
    const uint8_t *entry =
        (const uint8_t *)fdt + read_cell((const uint8_t *)fdt + HEADER_RESERVED) + 16 * index;

    *reg = (struct fdt_reg){read_cells(entry, 2), read_cells(entry + 8, 2)};
    return reg->address != 0 || reg->size != 0;
}

void fdt_for_each_node(const void *fdt, fdt_node_fn fn, void *arg)
{
    struct fdt_node stack[MAX_DEPTH];
    const uint8_t *p = (const uint8_t *)fdt + read_cell((const uint8_t *)fdt + HEADER_STRUCT);
    unsigned depth = 0;

    for (;;) {
        uint32_t token = read_cell(p);

        if (token == FDT_BEGIN_NODE && depth < MAX_DEPTH) {
            struct fdt_node *node = &stack[depth];

            node->fdt = fdt;
            node->depth = depth;
            node->name = (const char *)p + 4;
            p = align_cell(p + 4 + strlen(node->name) + 1);
            node->properties = p;
            node->address_cells = depth ? fdt_cell(&stack[depth - 1], "#address-cells", 0, 2) : 2;
            node->size_cells = depth ? fdt_cell(&stack[depth - 1], "#size-cells", 0, 1) : 1;
            depth++;
            fn(node, arg);
        } else if (token == FDT_PROP) {
            p = skip_property(p);
        } else if (token == FDT_NOP) {
            p += 4;
        } else if (token == FDT_END_NODE && depth > 1) {
            depth--;
            p += 4;
        } else {
            return;
        }
    }
}
