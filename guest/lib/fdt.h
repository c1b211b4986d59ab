/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small reader of flattened device trees (Devicetree Specification, "Flattened
 * Devicetree (DTB) Format"), which works with the MMU off: it reads bytes only.
 */
#ifndef GUEST_FDT_H
#define GUEST_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One node while it is visited; properties are looked up in it. */
struct fdt_node {
    const uint8_t *fdt;
    const uint8_t *properties; /* the token after its name */
    const char *name;
    unsigned depth;         /* 0: the root */
    uint32_t address_cells; /* of its parent: how its reg reads */
    uint32_t size_cells;
};

struct fdt_reg {
    uint64_t address;
    uint64_t size;
};

typedef void (*fdt_node_fn)(const struct fdt_node *node, void *arg);

/* Whole size in bytes of the tree at `fdt`, 0 where there is none. */
uint32_t fdt_size(const void *fdt);

/* Entry `index` of the memory reservation block; false: there are no more. */
bool fdt_reservation(const void *fdt, unsigned index, struct fdt_reg *reg);

/* Call `fn` for each node, parents first. */
void fdt_for_each_node(const void *fdt, fdt_node_fn fn, void *arg);

/* The property's bytes and their count, or NULL. */
const uint8_t *fdt_property(const struct fdt_node *node, const char *name, uint32_t *length);

/* Whether `text` is one of the strings of the property. */
bool fdt_property_has(const struct fdt_node *node, const char *name, const char *text);

/* Entry `index` of the node's reg; false where it has no such entry. */
bool fdt_reg(const struct fdt_node *node, unsigned index, struct fdt_reg *reg);

/* Cell `index` of a property, or `otherwise`. */
uint32_t fdt_cell(const struct fdt_node *node, const char *name, unsigned index,
                  uint32_t otherwise);

#endif
