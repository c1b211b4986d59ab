/* SPDX-License-Identifier: Apache-2.0 */
/* elfpack's command line. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfpack.h"

static const char usage[] =
    "usage: elfpack -o IMAGE --loader elfloader.img [--default NAME] CONFIGURATION...\n"
    "       elfpack --list IMAGE\n"
    "\n"
    "A CONFIGURATION is a --config NAME (\"default\", if there is but one) and its parts:\n"
    "  --kernel ELF          the kernel, linked for virtual addresses, loaded at its physical "
    "ones\n"
    "  --app ELF             the program that the kernel starts first\n"
    "  --kernel-paddr N      where the kernel's lowest byte goes instead\n"
    "  --app-offset N        how far behind that the app goes (default: the next page that is "
    "free)\n"
    "  --cpus N              how many CPUs enter the kernel (default: all of the machine)\n"
    "The first configuration is the default one; elfloader.config=NAME in the machine's bootargs "
    "chooses\n"
    "another. Numbers may be written as 0x50000000.\n";

enum { CONFIG = 256, KERNEL, APP, KERNEL_PADDR, APP_OFFSET, CPUS, LOADER, DEFAULT, LIST };

static const struct option known[] = {
    {"config", required_argument, NULL, CONFIG},
    {"kernel", required_argument, NULL, KERNEL},
    {"app", required_argument, NULL, APP},
    {"kernel-paddr", required_argument, NULL, KERNEL_PADDR},
    {"app-offset", required_argument, NULL, APP_OFFSET},
    {"cpus", required_argument, NULL, CPUS},
    {"loader", required_argument, NULL, LOADER},
    {"default", required_argument, NULL, DEFAULT},
    {"list", required_argument, NULL, LIST},
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static uint64_t read_number(const char *option, const char *text, uint64_t limit, uint64_t multiple)
{
    char *end;
    uint64_t value = strtoull(text, &end, 0);

    if (*text == '\0' || *text == '-' || *end != '\0' || value > limit || value % multiple != 0)
        die("--%s %s: a multiple of %lu up to 0x%lx is wanted", option, text, multiple, limit);
    return value;
}

/* The index of a file, which more than one configuration may name. */
static uint32_t add_file(struct options *options, const char *path)
{
    for (unsigned i = 0; i < options->nr_files; i++) {
        if (strcmp(options->file[i], path) == 0)
            return i;
    }
    if (options->nr_files == PAYLOAD_MAX_FILES)
        die("there is room for %u files", PAYLOAD_MAX_FILES);
    options->file[options->nr_files] = path;
    return options->nr_files++;
}

static struct payload_config *add_config(struct options *options, const char *name)
{
    struct payload_config *config = &options->config[options->nr_configs];

    if (options->nr_configs == PAYLOAD_MAX_CONFIGS)
        die("there is room for %u configurations", PAYLOAD_MAX_CONFIGS);
    if (*name == '\0' || strlen(name) >= PAYLOAD_NAME)
        die("--config %s: a name has 1 to %u characters", name, PAYLOAD_NAME - 1);
    for (unsigned i = 0; i < options->nr_configs; i++) {
        if (strcmp(options->config[i].name, name) == 0)
            die("--config %s is there twice", name);
    }
    *config = (struct payload_config){.kernel = PAYLOAD_NO_FILE,
                                      .app = PAYLOAD_NO_FILE,
                                      .kernel_paddr = PAYLOAD_NO_ADDRESS,
                                      .app_offset = PAYLOAD_NO_ADDRESS};
    strcpy(config->name, name);
    options->nr_configs++;
    return config;
}

/* An option of a configuration: of the latest, or of the only one, which has no name of its own. */
static void read_part(struct options *options, int option, const char *value)
{
    struct payload_config *config = options->nr_configs == 0
                                        ? add_config(options, "default")
                                        : &options->config[options->nr_configs - 1];

    if (option == KERNEL)
        config->kernel = add_file(options, value);
    else if (option == APP)
        config->app = add_file(options, value);
    else if (option == KERNEL_PADDR)
        config->kernel_paddr = read_number("kernel-paddr", value, UINT64_C(1) << 48, PAYLOAD_ALIGN);
    else if (option == APP_OFFSET)
        config->app_offset = read_number("app-offset", value, UINT64_C(1) << 48, PAYLOAD_ALIGN);
    else
        config->cpus = (uint32_t)read_number("cpus", value, UINT32_MAX, 1);
}

static void check(const struct options *options)
{
    bool found = options->default_config == NULL;

    if (options->output == NULL)
        die("-o IMAGE is missing: --help explains the options");
    if (options->loader == NULL)
        die("--loader is missing: give build/guest/elfloader.img");
    if (options->nr_configs == 0)
        die("--kernel is missing: there is nothing to pack");
    for (unsigned i = 0; i < options->nr_configs; i++) {
        const struct payload_config *config = &options->config[i];

        if (config->kernel == PAYLOAD_NO_FILE)
            die("the configuration %s has no --kernel", config->name);
        found = found || strcmp(config->name, options->default_config) == 0;
    }
    if (!found)
        die("--default %s: there is no such configuration", options->default_config);
}

void options_read(int argc, char **argv, struct options *options)
{
    int option;

    while ((option = getopt_long(argc, argv, "o:h", known, NULL)) != -1) {
        switch (option) {
        case 'o':
            options->output = optarg;
            break;
        case LOADER:
            options->loader = optarg;
            break;
        case DEFAULT:
            options->default_config = optarg;
            break;
        case LIST:
            options->list = optarg;
            return;
        case CONFIG:
            add_config(options, optarg);
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        case '?':
            die("--help explains the options");
        default:
            read_part(options, option, optarg);
        }
    }
    if (optind != argc)
        die("%s: what is it? --help explains the options", argv[optind]);
    check(options);
}
