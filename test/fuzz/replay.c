// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a fuzzer's kept inputs, without libFuzzer: each argument is an input, or a folder of them.
 * Says how many there were; none at all is a failure.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned count;

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    uint8_t *data;
    size_t size;

    if (file == NULL || fstat(fileno(file), &st) != 0) {
        perror(path);
        exit(1);
    }
    size = (size_t)st.st_size;
    data = malloc(size); /* of its exact size, so that ASan sees a read beyond it */
    if (fread(data, 1, size, file) != size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    count++;
}

static void run_folder(const char *path, DIR *dir)
{
    const struct dirent *entry;
    char file[4096];

    while ((entry = readdir(dir)) != NULL) {
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            run_file(file);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);

        if (dir == NULL) {
            run_file(argv[i]);
            continue;
        }
        run_folder(argv[i], dir);
        closedir(dir);
    }
    printf("%u inputs\n", count);
    return count > 0 ? 0 : 1;
}
