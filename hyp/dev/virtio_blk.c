/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtio block device. A request is a chain: a header and, for writes, data that the
 * device reads; for reads, data that it writes; a status byte that it writes last. How the
 * driver cuts these into buffers is its own affair. Everything about a request is checked
 * before a byte of it is moved. virtio_mmio.c calls notify() with its lock held.
 */
#include "dev/virtio_blk.h"

#include <linux/virtio_ids.h>
#include <stddef.h>

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

/*
 * Requests served for one notification, and bytes moved: when they are used up no other is begun.
 * Other vCPUs may add requests without end meanwhile, or wait for this device or for this CPU.
 */
#define NOTIFY_BUDGET (2 * VIRTQ_MAX_SIZE)
#define NOTIFY_BYTES  (UINT64_C(32) << 20)

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

static uint8_t serve_in(struct virtio_blk *blk, uint64_t sector)
{
    uint64_t len = blk->chain.write_len - 1;

    if (!data_fits(blk, sector, len))
        return VIRTIO_BLK_S_IOERR;
    virtq_copy_to(&blk->chain, 0, blk->disk + sector * SECTOR_SIZE, len);
    blk->written = len;
    blk->moved += len;
    return VIRTIO_BLK_S_OK;
}

static uint8_t serve_out(struct virtio_blk *blk, uint64_t sector)
{
    uint64_t len = blk->chain.read_len - sizeof(struct virtio_blk_outhdr);

    if (blk->read_only || !data_fits(blk, sector, len))
        return VIRTIO_BLK_S_IOERR;
    virtq_copy_from(&blk->chain, sizeof(struct virtio_blk_outhdr), blk->disk + sector * SECTOR_SIZE,
                    len);
    blk->moved += len;
    return VIRTIO_BLK_S_OK;
}

static uint8_t serve_get_id(struct virtio_blk *blk)
{
    uint64_t room = blk->chain.write_len - 1;

    blk->written = room < sizeof(blk->id) ? room : sizeof(blk->id);
    virtq_copy_to(&blk->chain, 0, blk->id, blk->written);
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
static uint8_t serve_zero(struct virtio_blk *blk, uint32_t type)
{
    struct virtio_blk_discard_write_zeroes range[MAX_RANGES];
    uint64_t len = blk->chain.read_len - sizeof(struct virtio_blk_outhdr);
    size_t count = len / sizeof(range[0]);

    if (blk->read_only || len == 0 || len % sizeof(range[0]) != 0 || len > sizeof(range))
        return VIRTIO_BLK_S_IOERR;
    virtq_copy_from(&blk->chain, sizeof(struct virtio_blk_outhdr), range, len);
    for (size_t i = 0; i < count; i++) {
        uint8_t status = check_range(blk, &range[i], type);

        if (status != VIRTIO_BLK_S_OK)
            return status;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = (uint64_t)range[i].num_sectors * SECTOR_SIZE;

        memset(blk->disk + range[i].sector * SECTOR_SIZE, 0, bytes);
        blk->moved += bytes;
    }
    return VIRTIO_BLK_S_OK;
}

static uint8_t serve(struct virtio_blk *blk, const struct virtio_blk_outhdr *header)
{
    switch (header->type) {
    case VIRTIO_BLK_T_IN:
        return serve_in(blk, header->sector);
    case VIRTIO_BLK_T_OUT:
        return serve_out(blk, header->sector);
    case VIRTIO_BLK_T_FLUSH:
        return VIRTIO_BLK_S_OK; /* the disk is memory: what is written is there */
    case VIRTIO_BLK_T_GET_ID:
        return serve_get_id(blk);
    case VIRTIO_BLK_T_DISCARD:
    case VIRTIO_BLK_T_WRITE_ZEROES:
        return serve_zero(blk, header->type);
    default:
        return VIRTIO_BLK_S_UNSUPP;
    }
}

/* Serve the request in blk->chain. False: it has no header, or no place for its status. */
static bool serve_chain(struct virtio_blk *blk)
{
    const struct virtq_chain *chain = &blk->chain;
    const struct virtq_seg *last = &chain->seg[chain->nr_segs - 1];
    struct virtio_blk_outhdr header;

    if (chain->read_len < sizeof(header) || chain->write_len == 0)
        return false;
    virtq_copy_from(chain, 0, &header, sizeof(header));
    blk->written = 0;
    last->ptr[last->len - 1] = serve(blk, &header);
    if (blk->written == chain->write_len - 1)
        blk->written++; /* the status follows on what was written */
    return true;
}

static enum virtio_outcome notify(void *ctx, unsigned index, struct virtq *vq)
{
    struct virtio_blk *blk = ctx;

    (void)index;
    blk->moved = 0;
    for (unsigned n = 0; n < NOTIFY_BUDGET && blk->moved < NOTIFY_BYTES; n++) {
        int err = virtq_pop(vq, &blk->chain);

        if (err == -ERR_NOENT) {
            if (!virtq_rearm(vq))
                return VIRTIO_IDLE;
            continue;
        }
        if (err != 0 || !serve_chain(blk))
            return VIRTIO_BROKEN;
        virtq_push(vq, blk->chain.head, (uint32_t)blk->written);
    }
    return virtq_rearm(vq) ? VIRTIO_MORE : VIRTIO_IDLE;
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
    blk->device = (struct virtio_device){
        .id = VIRTIO_ID_BLOCK,
        .features = features_of(blk->read_only),
        .nr_queues = (uint16_t)nr_queues,
        .config_size = CONFIG_SIZE,
        .config = &blk->config,
        .notify_fn = notify,
        .ctx = blk,
    };
}

int virtio_blk_init(struct virtio_blk *blk, const struct virtio_blk_setup *setup,
                    struct virtio_mmio *slot, const struct guest_mem *mem,
                    const struct irq_line *line)
{
    if (setup->disk.size < SECTOR_SIZE || !range_is_valid(setup->disk.base.v, setup->disk.size))
        return -ERR_RANGE;
    if (setup->nr_queues == 0 || setup->nr_queues > VIRTIO_MMIO_MAX_QUEUES)
        return -ERR_INVAL;

    blk->disk = pa_to_ptr(setup->disk.base);
    blk->sectors = setup->disk.size / SECTOR_SIZE;
    blk->read_only = setup->read_only;
    memset(blk->id, 0, sizeof(blk->id));
    memcpy(blk->id, setup->id, strnlen(setup->id, sizeof(blk->id)));
    describe(blk, setup->nr_queues);
    virtio_mmio_init(slot, &blk->device, mem, line);
    return 0;
}
