/* SPDX-License-Identifier: Apache-2.0 */
/* elfpack --list: what an image has in it. */
#include <stdio.h>
#include <string.h>

#include "elfpack.h"

/* The payload begins at a page behind the loader's header, by its magic and its own check. */
static const struct payload *find(const char *path, const uint8_t *data, size_t size)
{
    uint64_t whole = image_size(path, data, size);
    const char *wrong = NULL;

    for (size_t at = PAYLOAD_ALIGN; at + sizeof(struct payload) <= size; at += PAYLOAD_ALIGN) {
        const struct payload *payload = (const struct payload *)(data + at);

        if (memcmp(payload->magic, PAYLOAD_MAGIC, sizeof(payload->magic)) != 0)
            continue;
        wrong = payload_check(payload, size - at);
        if (wrong == NULL && whole == at + payload->size)
            return payload;
    }
    die("%s: %s", path, wrong != NULL ? wrong : "there is no payload: elfpack has not packed one");
}

static void print_config(const struct payload *payload, uint32_t index)
{
    const struct payload_config *config = &payload->config[index];

    printf("configuration %s%s: kernel %s", config->name,
           index == payload->default_config ? " (default)" : "",
           payload->file[config->kernel].name);
    if (config->kernel_paddr != PAYLOAD_NO_ADDRESS)
        printf(" at 0x%lx", config->kernel_paddr);
    printf(", app %s", config->app != PAYLOAD_NO_FILE ? payload->file[config->app].name : "none");
    if (config->app_offset != PAYLOAD_NO_ADDRESS)
        printf(" 0x%lx behind it", config->app_offset);
    if (config->cpus != 0)
        printf(", CPUs %u\n", config->cpus);
    else
        printf(", all CPUs\n");
}

void list_image(const char *path)
{
    size_t size;
    const uint8_t *data = read_whole(path, &size);
    const struct payload *payload = find(path, data, size);

    for (uint32_t i = 0; i < payload->nr_files; i++) {
        const struct payload_file *file = &payload->file[i];

        printf("file %s: 0x%lx bytes, CRC 0x%08x\n", file->name, file->size, file->crc);
        if (payload_crc(payload_data(payload, file), file->size) != file->crc)
            die("%s: %s is damaged: its CRC is another", path, file->name);
    }
    for (uint32_t i = 0; i < payload->nr_configs; i++)
        print_config(payload, i);
}
