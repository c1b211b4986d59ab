/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtio block device. A request is a chain: a header and, for writes, data that the
 * device reads; for reads, data that it writes; a status byte that it writes last. How the
 * driver cuts these into buffers is its own affair. Everything about a request is checked
 * before a byte of it is moved. virtio_queue.c calls serve(): each request ends at once.
 */
#include "dev/virtio_blk.h"

#include <linux/virtio_ids.h>
#include <stddef.h>

#include "barrier.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/phys.h"

#define SECTOR_SIZE 512U

/* Data segments in a request: a chain has the header and the status as well. */
#define SEG_MAX (VIRTQ_MAX_SEGS - 2)

/* Ranges in one DISCARD or WRITE_ZEROES, and the sectors of each: what one exit may take to clear.
 */
#define MAX_RANGES        16
#define MAX_RANGE_SECTORS 8192U

#define CONFIG_SIZE                                                                                \
    (offsetof(struct virtio_blk_config, unused1) + sizeof(((struct virtio_blk_config *)0)->unused1))

static bool sectors_exist(const struct virtio_blk *blk, uint64_t first, uint64_t count)
{
    return first <= blk->sectors && count <= blk->sectors - first;
}

/* Bytes to move from sector `first` on: whole sectors, all there. */
static bool data_fits(const struct virtio_blk *blk, uint64_t first, uint64_t len)
{
    return len % SECTOR_SIZE == 0 && sectors_exist(blk, first, len / SECTOR_SIZE);
}

static uint8_t serve_in(const struct virtio_blk *blk, struct virtio_request *request,
                        uint64_t sector)
{
    uint64_t len = request->chain.write_len - 1;

    if (!data_fits(blk, sector, len))
        return VIRTIO_BLK_S_IOERR;
    virtq_copy_to(&request->chain, 0, blk->disk + sector * SECTOR_SIZE, len);
    request->written = (uint32_t)len;
    request->moved += len;
    return VIRTIO_BLK_S_OK;
}

static uint8_t serve_out(const struct virtio_blk *blk, struct virtio_request *request,
                         uint64_t sector)
{
    uint64_t len = request->chain.read_len - sizeof(struct virtio_blk_outhdr);

    if (blk->read_only || !data_fits(blk, sector, len))
        return VIRTIO_BLK_S_IOERR;
    virtq_copy_from(&request->chain, sizeof(struct virtio_blk_outhdr),
                    blk->disk + sector * SECTOR_SIZE, len);
    request->moved += len;
    return VIRTIO_BLK_S_OK;
}

static uint8_t serve_get_id(const struct virtio_blk *blk, struct virtio_request *request)
{
    uint64_t room = request->chain.write_len - 1;

    request->written = (uint32_t)(room < sizeof(blk->id) ? room : sizeof(blk->id));
    virtq_copy_to(&request->chain, 0, blk->id, request->written);
    return VIRTIO_BLK_S_OK;
}

static uint8_t check_range(const struct virtio_blk *blk,
                           const struct virtio_blk_discard_write_zeroes *range, uint32_t type)
{
    uint32_t allowed = type == VIRTIO_BLK_T_WRITE_ZEROES ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;

    if ((range->flags & ~allowed) != 0)
        return VIRTIO_BLK_S_UNSUPP;
    if (range->num_sectors > MAX_RANGE_SECTORS ||
        !sectors_exist(blk, range->sector, range->num_sectors))
        return VIRTIO_BLK_S_IOERR;
    return VIRTIO_BLK_S_OK;
}

/*
 * DISCARD and WRITE_ZEROES. What a discarded sector holds is open; here it is zeroes, so that
 * the guest sees the same on every run.
 */
static uint8_t serve_zero(const struct virtio_blk *blk, struct virtio_request *request,
                          uint32_t type)
{
    struct virtio_blk_discard_write_zeroes range[MAX_RANGES];
    uint64_t len = request->chain.read_len - sizeof(struct virtio_blk_outhdr);
    size_t count = len / sizeof(range[0]);

    if (blk->read_only || len == 0 || len % sizeof(range[0]) != 0 || len > sizeof(range))
        return VIRTIO_BLK_S_IOERR;
    virtq_copy_from(&request->chain, sizeof(struct virtio_blk_outhdr), range, len);
    for (size_t i = 0; i < count; i++) {
        uint8_t status = check_range(blk, &range[i], type);

        if (status != VIRTIO_BLK_S_OK)
            return status;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = (uint64_t)range[i].num_sectors * SECTOR_SIZE;

        memset(blk->disk + range[i].sector * SECTOR_SIZE, 0, bytes);
        request->moved += bytes;
    }
    return VIRTIO_BLK_S_OK;
}

static uint8_t serve_header(const struct virtio_blk *blk, struct virtio_request *request,
                            const struct virtio_blk_outhdr *header)
{
    switch (header->type) {
    case VIRTIO_BLK_T_IN:
        return serve_in(blk, request, header->sector);
    case VIRTIO_BLK_T_OUT:
        return serve_out(blk, request, header->sector);
    case VIRTIO_BLK_T_FLUSH:
        return VIRTIO_BLK_S_OK; /* the disk is memory: what is written is there */
    case VIRTIO_BLK_T_GET_ID:
        return serve_get_id(blk, request);
    case VIRTIO_BLK_T_DISCARD:
    case VIRTIO_BLK_T_WRITE_ZEROES:
        return serve_zero(blk, request, header->type);
    default:
        return VIRTIO_BLK_S_UNSUPP;
    }
}

/* In one piece as a rule. Copied once: what is checked is what is used. */
static inline void read_header(const struct virtq_chain *chain, struct virtio_blk_outhdr *header)
{
    if (chain->seg[0].len < sizeof(*header)) {
        virtq_copy_from(chain, 0, header, sizeof(*header));
    } else {
        __builtin_memcpy(header, chain->seg[0].ptr, sizeof(*header));
        compiler_barrier();
    }
}

/* A request that has no header, or no place for its status, breaks the rules. */
static enum virtio_outcome serve(void *ctx, struct virtio_request *request)
{
    const struct virtq_chain *chain = &request->chain;
    const struct virtq_seg *last = &chain->seg[chain->nr_segs - 1];
    struct virtio_blk_outhdr header;

    if (chain->read_len < sizeof(header) || chain->write_len == 0)
        return VIRTIO_BROKEN;
    read_header(chain, &header);
    request->written = 0;
    last->ptr[last->len - 1] = serve_header(ctx, request, &header);
    if (request->written == chain->write_len - 1)
        request->written++; /* the status follows on what was written */
    return VIRTIO_DONE;
}

static uint64_t features_of(bool read_only)
{
    const uint64_t always = BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
                            BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_MQ);

    if (read_only)
        return always | BIT(VIRTIO_BLK_F_RO);
    return always | BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES);
}

static void describe(struct virtio_blk *blk, unsigned nr_queues)
{
    static const struct virtio_backend_ops ops = {.serve_fn = serve};

    blk->config = (struct virtio_blk_config){
        .capacity = blk->sectors,
        .seg_max = SEG_MAX,
        .blk_size = SECTOR_SIZE,
        .num_queues = (uint16_t)nr_queues,
        .max_discard_sectors = MAX_RANGE_SECTORS,
        .max_discard_seg = MAX_RANGES,
        .discard_sector_alignment = 1,
        .max_write_zeroes_sectors = MAX_RANGE_SECTORS,
        .max_write_zeroes_seg = MAX_RANGES,
        .write_zeroes_may_unmap = 1,
    };
    blk->backend = (struct virtio_backend){
        .id = VIRTIO_ID_BLOCK,
        .features = features_of(blk->read_only),
        .nr_queues = (uint16_t)nr_queues,
        .queue_size = VIRTQ_MAX_SIZE,
        .config_size = CONFIG_SIZE,
        .config = &blk->config,
        .queue = blk->queue,
        .request = blk->request,
        .ops = &ops,
        .ctx = blk,
    };
}

int virtio_blk_init(struct virtio_blk *blk, const struct virtio_blk_setup *setup,
                    struct virtio_mmio *slot, const struct guest_mem *mem,
                    const struct irq_line *line)
{
    if (setup->disk.size < SECTOR_SIZE || !range_is_valid(setup->disk.base.v, setup->disk.size))
        return -ERR_RANGE;
    if (setup->nr_queues == 0 || setup->nr_queues > VIRTIO_BLK_MAX_QUEUES)
        return -ERR_INVAL;

    blk->disk = pa_to_ptr(setup->disk.base);
    blk->sectors = setup->disk.size / SECTOR_SIZE;
    blk->read_only = setup->read_only;
    memset(blk->id, 0, sizeof(blk->id));
    memcpy(blk->id, setup->id, strnlen(setup->id, sizeof(blk->id)));
    describe(blk, setup->nr_queues);
    virtio_mmio_init(slot, &blk->backend, mem, line);
    return 0;
}
