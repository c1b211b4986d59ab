/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A FIT from its outside to the images' names: the blob, its configurations, a configuration's VM.
 * fit_image.c reads an image. See fit.h.
 */
#include "fdt/fit.h"

#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "fdt/dt_walk.h"
#include "fdt/fit_internal.h"
#include "lib/addr.h"
#include "lib/log.h"
#include "lib/string.h"

#define SIGNATURE "signature" /* how the name of a configuration's signature begins */

static int check_room(const void *at, uint64_t room)
{
    uint64_t base = (uint64_t)(uintptr_t)at;

    if (room < sizeof(struct fdt_header) || fdt_magic(at) != FDT_MAGIC) {
        log_error("there is no FIT at 0x%lx, where the bundle should have one: make it anew with "
                  "`tools/traproom pack`",
                  base);
        return -ERR_NOENT;
    }
    if (fdt_totalsize(at) > room) {
        log_error(
            "truncated: the bundle's FIT wants [0x%lx, 0x%lx], the bundle ends at 0x%lx: copy "
            "all of the file",
            base, base + fdt_totalsize(at) - 1, base + room - 1);
        return -ERR_RANGE;
    }
    return 0;
}

int fit_open(struct fit *fit, const void *at, uint64_t room)
{
    int err = check_room(at, room);

    if (err != 0)
        return err;
    *fit = (struct fit){at, room};
    err = dt_walk_check(at, room);
    if (err == 0)
        return 0;
    log_error("the bundle's FIT is broken (%s): make it anew with `tools/traproom pack`",
              fdt_strerror(err));
    return -ERR_INVAL;
}

const char *fit_name(const struct fit *fit, int node)
{
    const char *name = fdt_get_name(fit->fdt, node, NULL);

    return name != NULL ? name : "?";
}

const char *fit_list(const struct fit *fit, int parent, char text[FIT_LIST_SIZE])
{
    size_t len = 0;
    int node;

    fmt_snprintf(text, FIT_LIST_SIZE, "none");
    fdt_for_each_subnode(node, fit->fdt, parent)
    {
        if (len < FIT_LIST_SIZE)
            len += (size_t)fmt_snprintf(text + len, FIT_LIST_SIZE - len, "%s%s",
                                        len > 0 ? ", " : "", fit_name(fit, node));
    }
    return text;
}

int fit_configuration(const struct fit *fit, const char *name, int *node)
{
    int parent = fdt_path_offset(fit->fdt, "/configurations");
    bool by_default = name == NULL;
    char list[FIT_LIST_SIZE];

    if (parent < 0) {
        log_error("the bundle has no /configurations: it must say which images belong together");
        return -ERR_NOENT;
    }
    if (by_default)
        name = dt_prop_string(fit->fdt, parent, "default");
    if (name == NULL) {
        log_error("the bundle has no default configuration: choose one by traproom.config=NAME; "
                  "there are: %s",
                  fit_list(fit, parent, list));
        return -ERR_NOENT;
    }
    *node = fdt_subnode_offset(fit->fdt, parent, name);
    if (*node >= 0)
        return 0;
    log_error("the bundle has no configuration \"%s\", which %s names; there are: %s", name,
              by_default ? "its \"default\"" : "traproom.config", fit_list(fit, parent, list));
    return -ERR_NOENT;
}

int fit_vm(const struct fit *fit, int configuration, int *vm)
{
    const char *name = fit_name(fit, configuration);
    unsigned count = 0;
    int node;

    fdt_for_each_subnode(node, fit->fdt, configuration)
    {
        if (strncmp(fit_name(fit, node), SIGNATURE, strlen(SIGNATURE)) == 0)
            continue;
        if (count++ == 0)
            *vm = node;
    }
    if (count == 1)
        return 0;
    if (count == 0) {
        log_error(
            "the bundle's configuration \"%s\" describes no VM: give it a node with \"kernel\" "
            "and \"fdt\"",
            name);
        return -ERR_NOENT;
    }
    log_error(
        "the bundle's configuration \"%s\" describes %u VMs, of which one can run today: make "
        "a configuration of each",
        name, count);
    return -ERR_UNSUPPORTED;
}

const char *fit_description(const struct fit *fit, int node)
{
    const char *text = dt_prop_string(fit->fdt, node, "description");

    return text != NULL ? text : "";
}
