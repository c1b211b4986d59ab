/* SPDX-License-Identifier: Apache-2.0 */
/* CPU nodes and PSCI. See dt_cpu.h. */
#include "fdt/dt_cpu.h"

#include <libfdt.h>
#include <stddef.h>

#include "fdt/dt_prop.h"
#include "lib/bits.h"
#include "lib/log.h"
#include "lib/string.h"

/* MPIDR_EL1, its affinity fields. */
#define MPIDR_Aff0_to_Aff2 GENMASK(23, 0)
#define MPIDR_Aff3         GENMASK(39, 32)

static bool is_cpu(const struct dt_walk *at)
{
    return dt_walk_is_below(at, "cpus") &&
           dt_prop_is(at->fdt, dt_walk_node(at), "device_type", "cpu");
}

/* Its affinity fields. */
static int read_mpidr(const struct dt_walk *at, uint64_t *mpidr)
{
    int node = dt_walk_node(at);
    int width = fdt_address_cells(at->fdt, at->node[at->depth - 1]);
    struct dt_cells reg;

    if (width < 1 || width > 2)
        return dt_walk_error(at, -ERR_INVAL, "the #address-cells of /cpus must be 1 or 2");
    if (dt_prop_cells(at->fdt, node, "reg", &reg) != 0 || reg.count != (unsigned)width)
        return dt_walk_error(at, -ERR_INVAL, "\"reg\" must be one number, the CPU's MPIDR");
    *mpidr = dt_prop_take(&reg, (unsigned)width);
    if ((*mpidr & ~(MPIDR_Aff0_to_Aff2 | MPIDR_Aff3)) != 0)
        return dt_walk_error(at, -ERR_INVAL,
                             "\"reg\" has bits that are not of an MPIDR's affinity fields");
    return 0;
}

static int read_cpu(const struct dt_walk *at, uint64_t *mpidr)
{
    const char *method = dt_prop_string(at->fdt, dt_walk_node(at), "enable-method");

    if (method != NULL && strcmp(method, "psci") != 0)
        return dt_walk_error(at, -ERR_UNSUPPORTED, "\"enable-method\" must be \"psci\"");
    return read_mpidr(at, mpidr);
}

static int check_new(const struct dt_walk *at, const int nodes[], const uint64_t mpidr[],
                     unsigned index)
{
    char first[DT_PATH_SIZE], second[DT_PATH_SIZE];

    for (unsigned i = 0; i < index; i++) {
        if (mpidr[i] != mpidr[index])
            continue;
        log_error("%s and %s have the same \"reg\", 0x%lx: give each its own",
                  dt_prop_path(at->fdt, nodes[i], first),
                  dt_prop_path(at->fdt, dt_walk_node(at), second), mpidr[index]);
        return -ERR_EXIST;
    }
    return 0;
}

int dt_cpu_read(const void *fdt, uint64_t mpidr[MAX_CPUS], unsigned *found)
{
    int nodes[MAX_CPUS];
    struct dt_walk at;
    int err = 0;

    *found = 0;
    dt_walk_start(&at, fdt);
    while (err == 0 && dt_walk_next(&at)) {
        if (!is_cpu(&at) || (*found)++ >= MAX_CPUS)
            continue;
        nodes[*found - 1] = dt_walk_node(&at);
        err = read_cpu(&at, &mpidr[*found - 1]);
        if (err == 0)
            err = check_new(&at, nodes, mpidr, *found - 1);
    }
    if (err == 0 && *found == 0) {
        log_error("the tree has no CPU: /cpus needs an enabled node with device_type = \"cpu\"");
        err = -ERR_NOENT;
    }
    return err;
}

void dt_cpu_warn_of_unstarted(const void *fdt)
{
    char path[DT_PATH_SIZE];
    bool boots = true;
    struct dt_walk at;

    dt_walk_start(&at, fdt);
    while (dt_walk_next(&at)) {
        if (!is_cpu(&at))
            continue;
        if (!boots && !dt_prop_present(fdt, dt_walk_node(&at), "enable-method"))
            log_warn("%s has no \"enable-method\": Linux does not start that CPU",
                     dt_prop_path(fdt, dt_walk_node(&at), path));
        boots = false;
    }
}

/* PSCI 0.1, whose functions the node numbers. From 0.2 on the numbers are fixed. */
static bool is_old_psci(const void *fdt, int node)
{
    return !dt_prop_compatible(fdt, node, "arm,psci-1.0") &&
           !dt_prop_compatible(fdt, node, "arm,psci-0.2");
}

static bool is_psci(const void *fdt, int node)
{
    return !is_old_psci(fdt, node) || dt_prop_compatible(fdt, node, "arm,psci");
}

int dt_cpu_psci(const void *fdt, bool *smc)
{
    struct dt_walk at;

    dt_walk_start(&at, fdt);
    while (dt_walk_next(&at)) {
        int node = dt_walk_node(&at);

        if (!is_psci(fdt, node))
            continue;
        if (is_old_psci(fdt, node))
            return dt_walk_error(&at, -ERR_UNSUPPORTED,
                                 "PSCI 0.1 can't power off and has functions of its own: make it "
                                 "\"compatible\" with \"arm,psci-1.0\"");
        *smc = dt_prop_is(fdt, node, "method", "smc");
        if (*smc || dt_prop_is(fdt, node, "method", "hvc"))
            return 0;
        return dt_walk_error(&at, -ERR_INVAL, "\"method\" must be \"hvc\" or \"smc\"");
    }
    return -ERR_NOENT;
}
