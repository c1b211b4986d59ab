// SPDX-License-Identifier: Apache-2.0
/* A bundle's FIT: whoever made it, what is read lies in it, and each refusal says why, once. */
#include "fdt/fit.h"
#include "fdt/fit_hash.h"
#include "fuzz_fdt.h"
#include "lib/addr.h"

#define STORE_SIZE 256 /* bytes behind the FIT, all zeros */
#define MAX_INDEX  4

/* False: the VM names no such image. */
static bool try_image(const struct fit *fit, int vm, const struct fit_role *role, int index)
{
    uint64_t base = (uint64_t)(uintptr_t)fit->fdt;
    struct fit_image image = {.name = NULL};
    int err;

    logged_errors = 0;
    err = fit_image(fit, vm, role, index, &image);
    fuzz_require(logged_errors == (err != 0 && image.name != NULL));
    fuzz_require(err == 0 || err == -ERR_NOENT || image.name != NULL);
    if (err != 0)
        return image.name != NULL;
    fuzz_require(image.size > 0 && is_aligned((uintptr_t)image.data, 8));
    fuzz_require(range_contains(base, fit->size, (uint64_t)(uintptr_t)image.data, image.size));
    fuzz_require(image.compression <= FIT_LZ4);
    err = fit_check_hashes(fit, &image, index % 2 == 0);
    fuzz_require(logged_errors == (err != 0));
    return true;
}

static void try_configuration(const struct fit *fit, const char *name)
{
    const struct fit_role *const roles[] = {&fit_tree, &fit_kernel, &fit_app, &fit_ramdisk,
                                            &fit_loadable};
    int configuration, vm;

    logged_errors = 0;
    if (fit_configuration(fit, name, &configuration) != 0 || fit_vm(fit, configuration, &vm) != 0) {
        fuzz_require(logged_errors == 1);
        return;
    }
    fuzz_require(logged_errors == 0 && fit_description(fit, configuration) != NULL);
    for (unsigned i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        for (int index = 0; index < MAX_INDEX && try_image(fit, vm, roles[i], index); index++)
            ;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"fit"};
    static void *cache[1];
    struct fuzz_input in = {data, size};
    size_t room;
    void *fdt = take_tree(names, cache, 1, &in, &room);
    uint8_t *bundle = malloc(room + STORE_SIZE);
    struct fit fit;

    memcpy(bundle, fdt, room);
    memset(bundle + room, 0, STORE_SIZE);
    free(fdt);
    logged_errors = 0;
    if (fit_open(&fit, bundle, room + STORE_SIZE) != 0) {
        fuzz_require(logged_errors == 1);
    } else {
        try_configuration(&fit, NULL);
        try_configuration(&fit, "other");
    }
    free(bundle);
    return 0;
}
