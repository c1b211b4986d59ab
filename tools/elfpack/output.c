/* SPDX-License-Identifier: Apache-2.0 */
/* The image: the loader as long as it is in memory, the payload's header, its files. The same from
 * the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfpack.h"
#include "lib/elf64.h"

static uint64_t align(uint64_t size)
{
    return (size + PAYLOAD_ALIGN - 1) / PAYLOAD_ALIGN * PAYLOAD_ALIGN;
}

/* A kernel is loaded by its physical addresses, which an app need not have. */
static void check_kernel(const struct options *options, const struct payload_config *config,
                         const struct input *input)
{
    struct elf64_fault fault;
    struct elf64 elf;

    if (elf64_read(&elf, input->data, input->size, &fault) && elf64_check_physical(&elf, &fault)) {
        uint64_t first = elf64_span(&elf, ELF64_PHYSICAL).first;

        if (config->kernel_paddr != PAYLOAD_NO_ADDRESS || first >> 48 == 0)
            return;
        die("%s: its physical addresses, from 0x%lx on, are virtual ones: give its Image to the "
            "machine, or "
            "link it with load addresses (AT), or say --kernel-paddr",
            input->path, first);
    }
    fprintf(stderr, "elfpack: %s, the kernel of %s: ", options->file[config->kernel], config->name);
    fprintf(stderr, ELF64_FAULT(fault));
    fprintf(stderr, "\n");
    exit(1);
}

static uint32_t default_index(const struct options *options)
{
    for (uint32_t i = 0; options->default_config != NULL && i < options->nr_configs; i++) {
        if (strcmp(options->config[i].name, options->default_config) == 0)
            return i;
    }
    return 0;
}

static struct payload *make_payload(const struct options *options, const struct input *inputs)
{
    struct payload head = {.magic = PAYLOAD_MAGIC,
                           .nr_files = options->nr_files,
                           .size = align(sizeof(head)),
                           .nr_configs = options->nr_configs,
                           .default_config = default_index(options)};
    uint8_t *data;

    for (unsigned i = 0; i < options->nr_files; i++) {
        head.file[i] = (struct payload_file){.offset = head.size,
                                             .size = inputs[i].size,
                                             .crc = payload_crc(inputs[i].data, inputs[i].size)};
        strcpy(head.file[i].name, inputs[i].name);
        head.size = align(head.size + inputs[i].size);
    }
    memcpy(head.config, options->config, sizeof(head.config));
    head.crc = payload_head_crc(&head);
    data = allocate(head.size);
    memcpy(data, &head, sizeof(head));
    for (unsigned i = 0; i < options->nr_files; i++)
        memcpy(data + head.file[i].offset, inputs[i].data, inputs[i].size);
    return (struct payload *)data;
}

void output_write(const struct options *options, const struct input *inputs)
{
    size_t size;
    uint8_t *loader = read_whole(options->loader, &size), *padded;
    uint64_t own = image_size(options->loader, loader, size), whole;
    const struct payload *payload;
    FILE *out;

    if (own % PAYLOAD_ALIGN != 0 || own < size)
        die("%s is no loader to be packed with: give guest/elfloader.img of the build, as it is",
            options->loader);
    for (unsigned i = 0; i < options->nr_configs; i++)
        check_kernel(options, &options->config[i], &inputs[options->config[i].kernel]);
    payload = make_payload(options, inputs);
    whole = own + payload->size;
    padded = allocate(own);
    memcpy(padded, loader, size);
    memcpy(padded + IMAGE_SIZE_AT, &whole, sizeof(whole));
    out = fopen(options->output, "wb");
    if (out == NULL || fwrite(padded, 1, own, out) != own ||
        fwrite(payload, 1, payload->size, out) != payload->size || fclose(out) != 0)
        die("%s can't be written: %m", options->output);
}
