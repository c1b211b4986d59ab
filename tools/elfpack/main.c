/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elfpack: a kernel and its root task, ELF files both, behind guest/elfloader/, as one arm64 Image
 * that QEMU's -kernel, U-Boot's booti and `tools/traproom run --kernel` start. docs/elf-guests.md
 * says how.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elfpack.h"

void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "elfpack: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

void *allocate(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);

    if (memory == NULL)
        die("no memory for %zu bytes", size);
    return memory;
}

uint8_t *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    size_t room = 1 << 16, used = 0;
    uint8_t *data = allocate(room);

    if (file == NULL)
        die("%s can't be opened: %m", path);
    while (!feof(file) && !ferror(file)) {
        if (used == room && (data = realloc(data, room *= 2)) == NULL)
            die("no memory for %s", path);
        used += fread(data + used, 1, room - used, file);
    }
    if (ferror(file))
        die("%s can't be read: %m", path);
    fclose(file);
    *size = used;
    return data;
}

uint64_t image_size(const char *path, const uint8_t *data, size_t size)
{
    uint64_t in_memory;

    if (size < IMAGE_HEADER || memcmp(data + IMAGE_MAGIC_AT, IMAGE_MAGIC, strlen(IMAGE_MAGIC)) != 0)
        die("%s is no arm64 Image", path);
    memcpy(&in_memory, data + IMAGE_SIZE_AT, sizeof(in_memory));
    return in_memory;
}

int main(int argc, char **argv)
{
    struct input inputs[PAYLOAD_MAX_FILES] = {{0}};
    struct options options = {0};

    options_read(argc, argv, &options);
    if (options.list != NULL) {
        list_image(options.list);
        return 0;
    }
    for (unsigned i = 0; i < options.nr_files; i++)
        input_read(options.file[i], &inputs[i]);
    output_write(&options, inputs);
    return 0;
}
