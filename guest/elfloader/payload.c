/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a payload. Contract in payload.h. */
#include "payload.h"

#include <stdbool.h>
#include <stddef.h>

#include "string.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "structs are read as they lie there");

uint32_t payload_crc(const void *data, uint64_t size)
{
    /* The remainders of IEEE 802.3's polynomial, reflected, for four bits. */
    static const uint32_t step[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    const uint8_t *at = data;
    uint32_t crc = UINT32_MAX;

    for (uint64_t i = 0; i < size; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ step[crc & 15];
        crc = crc >> 4 ^ step[crc & 15];
    }
    return ~crc;
}

uint32_t payload_head_crc(const struct payload *payload)
{
    size_t from = offsetof(struct payload, nr_files);

    return payload_crc((const uint8_t *)payload + from, sizeof(*payload) - from);
}

static bool is_name(const char name[PAYLOAD_NAME])
{
    return name[0] != '\0' && name[PAYLOAD_NAME - 1] == '\0';
}

static bool is_file(const struct payload *payload, const struct payload_file *file)
{
    return is_name(file->name) && file->offset % PAYLOAD_ALIGN == 0 &&
           file->offset >= sizeof(*payload) && file->offset <= payload->size &&
           file->size <= payload->size - file->offset;
}

static bool is_config(const struct payload *payload, const struct payload_config *config)
{
    return is_name(config->name) && config->kernel < payload->nr_files &&
           (config->app < payload->nr_files || config->app == PAYLOAD_NO_FILE);
}

const char *payload_check(const struct payload *payload, uint64_t room)
{
    if (room < sizeof(*payload) ||
        memcmp(payload->magic, PAYLOAD_MAGIC, sizeof(payload->magic)) != 0)
        return "there is no payload: elfpack has not packed one";
    if (payload->crc != payload_head_crc(payload))
        return "the payload's header is damaged: its CRC is another";
    if (payload->size > room)
        return "the payload is cut short: it is larger than the image";
    if (payload->nr_files > PAYLOAD_MAX_FILES || payload->nr_configs > PAYLOAD_MAX_CONFIGS ||
        payload->default_config >= payload->nr_configs)
        return "the payload's header contradicts itself: pack it again";
    for (uint32_t i = 0; i < payload->nr_files; i++) {
        if (!is_file(payload, &payload->file[i]))
            return "the payload has a file outside of it: pack it again";
    }
    for (uint32_t i = 0; i < payload->nr_configs; i++) {
        if (!is_config(payload, &payload->config[i]))
            return "the payload has a configuration of files that it lacks: pack it again";
    }
    return NULL;
}

const struct payload_config *payload_find(const struct payload *payload, const char *name)
{
    if (name == NULL)
        return &payload->config[payload->default_config];
    for (uint32_t i = 0; i < payload->nr_configs; i++) {
        if (strcmp(payload->config[i].name, name) == 0)
            return &payload->config[i];
    }
    return NULL;
}
