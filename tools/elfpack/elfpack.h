/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of elfpack share: main.c is the order of things. */
#ifndef ELFPACK_H
#define ELFPACK_H

#include <stddef.h>
#include <stdint.h>

#include "payload.h"

/* A file's bytes, and the name that the payload has for them. */
struct input {
    const char *path;
    const char *name; /* of the path, without its folders */
    uint8_t *data;    /* what is loaded of an ELF, as an ELF: input.c */
    size_t size;
};

/* What the command line asks for: files by index, as in the payload. */
struct options {
    const char *output, *loader;
    const char *list; /* say what is in this image, and no more */
    const char *default_config;
    unsigned nr_files, nr_configs;
    const char *file[PAYLOAD_MAX_FILES];
    struct payload_config config[PAYLOAD_MAX_CONFIGS];
};

/* Print "elfpack: ..." and exit with status 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Memory, or die. */
void *allocate(size_t size);

/* All of a file, or die. */
uint8_t *read_whole(const char *path, size_t *size);

void options_read(int argc, char **argv, struct options *options);

/* Read an ELF, check it, and keep what is loaded of it. */
void input_read(const char *path, struct input *input);

/* Write the loader with the payload behind it. */
void output_write(const struct options *options, const struct input *inputs);

/* Print what an image has in it, checked. */
void list_image(const char *path);

#define IMAGE_SIZE_AT  16 /* in an arm64 Image's header (Linux, "Booting AArch64 Linux") */
#define IMAGE_MAGIC_AT 56
#define IMAGE_MAGIC    "ARM\x64"
#define IMAGE_HEADER   64

/* The image_size of an Image in memory, or die: the file is none. */
uint64_t image_size(const char *path, const uint8_t *data, size_t size);

#endif
