/* SPDX-License-Identifier: Apache-2.0 */
/* The tree's options and reservations. See chosen.h. */
#include "chosen.h"

#include "fail.h"
#include "fdt.h"
#include "string.h"

#define CONFIG_OPTION "elfloader.config="

/* The tree while it is walked. */
struct walk {
    struct chosen *chosen;
    struct regions *regions;
    bool reserved; /* below /reserved-memory */
};

static uint64_t read_number(const struct fdt_node *node, const char *name)
{
    uint32_t length;
    uint64_t first = fdt_cell(node, name, 0, 0);

    if (fdt_property(node, name, &length) == NULL || length < 2 * sizeof(uint32_t))
        return first;
    return first << 32 | fdt_cell(node, name, 1, 0);
}

static void read_option(const char *word, size_t length, struct chosen *chosen)
{
    size_t skipped = strlen(CONFIG_OPTION);

    if (length < skipped || memcmp(word, CONFIG_OPTION, skipped) != 0)
        return;
    if (length - skipped >= sizeof(chosen->config))
        fail_with("the bootargs' " CONFIG_OPTION " has a name of more than %u characters",
                  PAYLOAD_NAME - 1);
    memcpy(chosen->config, word + skipped, length - skipped);
    chosen->config[length - skipped] = '\0';
}

static void read_bootargs(const struct fdt_node *node, struct chosen *chosen)
{
    uint32_t length;
    const char *at = (const char *)fdt_property(node, "bootargs", &length);
    const char *end = at != NULL ? at + length : NULL;

    while (at < end) {
        const char *word = at;

        while (at < end && *at != ' ' && *at != '\0')
            at++;
        read_option(word, (size_t)(at - word), chosen);
        at++;
    }
}

static void read_node(const struct fdt_node *node, void *arg)
{
    struct walk *walk = arg;
    struct fdt_reg reg;

    if (node->depth == 1) {
        walk->reserved = strcmp(node->name, "reserved-memory") == 0;
        if (strcmp(node->name, "chosen") == 0) {
            uint64_t start = read_number(node, "linux,initrd-start");

            read_bootargs(node, walk->chosen);
            regions_note(walk->regions, "the initramfs", start,
                         read_number(node, "linux,initrd-end") - start);
        }
    } else if (walk->reserved && !fdt_property_has(node, "status", "disabled")) {
        for (unsigned i = 0; fdt_reg(node, i, &reg); i++)
            regions_note(walk->regions, node->name, reg.address, reg.size);
    }
}

void chosen_read(const void *fdt, struct chosen *chosen, struct regions *regions)
{
    struct walk walk = {.chosen = chosen, .regions = regions};
    struct fdt_reg reg;

    for (unsigned i = 0; fdt_reservation(fdt, i, &reg); i++)
        regions_note(regions, "a memory reservation of the tree", reg.address, reg.size);
    fdt_for_each_node(fdt, read_node, &walk);
}
