/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tools/elfpack/ puts behind the loader: ELF files, and configurations, each a kernel and what
 * belongs to it. All numbers are little-endian. Both sides check it by payload.c.
 *
 *     loader | struct payload | a file | a file | ...     each at a multiple of PAYLOAD_ALIGN
 */
#ifndef ELFLOADER_PAYLOAD_H
#define ELFLOADER_PAYLOAD_H

#include <stdint.h>

#define PAYLOAD_MAGIC       "TRELFPK1"
#define PAYLOAD_ALIGN       4096
#define PAYLOAD_MAX_FILES   16
#define PAYLOAD_MAX_CONFIGS 16
#define PAYLOAD_NAME        40         /* bytes of a name, with the NUL at its end */
#define PAYLOAD_NO_FILE     UINT32_MAX /* of a configuration without an app */
#define PAYLOAD_NO_ADDRESS  UINT64_MAX

struct payload_file {
    uint64_t offset; /* from the payload's first byte */
    uint64_t size;
    uint32_t crc; /* of its bytes */
    uint32_t zero;
    char name[PAYLOAD_NAME];
};

struct payload_config {
    char name[PAYLOAD_NAME];
    uint32_t kernel; /* index of a file */
    uint32_t app;    /* the same, or PAYLOAD_NO_FILE */
    uint32_t cpus;   /* how many of the machine's; 0: all */
    uint32_t zero;
    uint64_t
        kernel_paddr;    /* where its lowest byte goes, or PAYLOAD_NO_ADDRESS: as its headers say */
    uint64_t app_offset; /* how far behind that the app's goes, or PAYLOAD_NO_ADDRESS: behind the
                            kernel */
};

struct payload {
    char magic[8];
    uint32_t crc; /* of the rest of this struct */
    uint32_t nr_files;
    uint64_t size; /* of all, this struct included */
    uint32_t nr_configs;
    uint32_t default_config;
    struct payload_file file[PAYLOAD_MAX_FILES];
    struct payload_config config[PAYLOAD_MAX_CONFIGS];
};

/* The CRC of zip and Ethernet, of `size` bytes. */
uint32_t payload_crc(const void *data, uint64_t size);

/* Of the struct but its magic and the CRC itself. */
uint32_t payload_head_crc(const struct payload *payload);

/*
 * NULL, or why the payload that has at most `room` bytes can't be used. After NULL all its counts,
 * indices, offsets and names are sound. The files' own CRCs are not compared.
 */
const char *payload_check(const struct payload *payload, uint64_t room);

/* Its configuration of that name, or the default one if `name` is NULL; NULL: there is none. */
const struct payload_config *payload_find(const struct payload *payload, const char *name);

static inline const void *payload_data(const struct payload *payload,
                                       const struct payload_file *file)
{
    return (const uint8_t *)payload + file->offset;
}

#endif
