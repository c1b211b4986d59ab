/* SPDX-License-Identifier: Apache-2.0 */
/* Reserved memory: cut down to RAM that nothing else holds. See host_reserved.h. */
#include "fdt/host_reserved.h"

#include "fdt/dt_reserved.h"
#include "lib/log.h"
#include "mm/phys.h"

/* [base, end) */
struct span {
    uint64_t base;
    uint64_t end;
};

/*
 * What of `span` lies before `taken`. If `span` begins inside, that is nothing: an empty span at
 * the end of `taken`, where the rest of it may begin.
 */
static struct span clip(struct span span, struct span taken)
{
    if (span.base >= taken.end || taken.base >= span.end)
        return span;
    if (taken.base <= span.base)
        return (struct span){taken.end, taken.end};
    return (struct span){span.base, taken.base};
}

/* What `span` begins with that is free of the tree and of earlier reservations; may be empty. */
static struct span first_free(const struct host_info *info, struct span fdt, struct span span)
{
    span = clip(span, fdt);
    for (unsigned i = 0; i < info->nr_reserved; i++) {
        uint64_t base = info->reserved[i].base.v;

        span = clip(span, (struct span){base, base + info->reserved[i].size});
    }
    return span;
}

static int too_many(void)
{
    log_error("the machine reserves more than %u pieces of its RAM", HOST_MAX_RESERVED);
    return -ERR_NOMEM;
}

/* Reserve what of `span`, all RAM, is not yet spoken for. */
static int add_span(struct host_info *info, struct span fdt, struct span span)
{
    while (span.base < span.end) {
        struct span piece = first_free(info, fdt, span);

        if (piece.base < piece.end) {
            if (info->nr_reserved == HOST_MAX_RESERVED)
                return too_many();
            info->reserved[info->nr_reserved++] =
                (struct pa_range){pa(piece.base), piece.end - piece.base};
        }
        span.base = piece.end;
    }
    return 0;
}

/* `span` is not to be mapped, unless the tree that we read lies there. */
static int add_no_map(struct host_info *info, struct span fdt, struct span span)
{
    if (fdt.base < span.end && span.base < fdt.end)
        return 0;
    if (info->nr_no_map == HOST_MAX_RESERVED)
        return too_many();
    info->no_map[info->nr_no_map++] = (struct pa_range){pa(span.base), span.end - span.base};
    return 0;
}

/* Reserve what of `range` is RAM: of what is not to be mapped, whole pages, as RAM is. */
static int add_range(const void *fdt, struct host_info *info, struct dt_range range, bool no_map)
{
    uint64_t page = no_map ? PAGE_SIZE : 1;
    uint64_t self = ptr_to_pa(fdt).v;
    struct span fdt_span = {self, self + info->fdt_size};
    int err = 0;

    for (unsigned i = 0; i < info->nr_ram && err == 0; i++) {
        uint64_t ram = info->ram[i].base.v;
        uint64_t ram_last = ram + info->ram[i].size - 1;
        uint64_t base = align_down(range.base, page);
        uint64_t last = (range.base + range.size - 1) | (page - 1);
        struct span span = {base > ram ? base : ram, (last < ram_last ? last : ram_last) + 1};

        if (span.base < span.end) {
            err = add_span(info, fdt_span, span);
            if (err == 0 && no_map)
                err = add_no_map(info, fdt_span, span);
        }
    }
    return err;
}

int host_reserved_read(const void *fdt, struct host_info *info)
{
    struct dt_reserved list[DT_MAX_RESERVED];
    int count = dt_reserved_read(fdt, list);
    int err = 0;

    for (int i = 0; i < count && err == 0; i++)
        err = add_range(fdt, info, list[i].range, list[i].no_map);
    return count < 0 ? count : err;
}
