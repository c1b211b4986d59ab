// SPDX-License-Identifier: GPL-2.0
/*
 * A sample of a driver under test: a virtio disk of 512-byte sectors as /dev/tblk0, one request at
 * a time. It has had a bug on the way of a request that fails, which never shows while the disk is
 * well; keep_lock=1 brings it back. docs/driver-testing.md tells how a rule of --inject finds it.
 */
#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/version.h>
#include <linux/virtio.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>

static bool keep_lock;
module_param(keep_lock, bool, 0444);
MODULE_PARM_DESC(keep_lock, "Have the bug: a request that fails keeps the disk's lock");

struct tblk {
    struct virtqueue *vq;
    struct gendisk *disk;
    struct mutex lock; /* protects what follows: the one request */
    struct completion done;
    struct virtio_blk_outhdr header;
    u8 status;
};

static void tblk_done(struct virtqueue *vq)
{
    struct tblk *tblk = vq->vdev->priv;
    unsigned int length;

    while (virtqueue_get_buf(vq, &length))
        complete(&tblk->done);
}

/* One piece of a bio, there and back. The lock is held. */
static int tblk_send(struct tblk *tblk, struct bio_vec *piece, bool write)
{
    struct scatterlist header, data, status, *lists[] = {&header, &data, &status};
    int err;

    sg_init_one(&header, &tblk->header, sizeof(tblk->header));
    sg_init_table(&data, 1);
    sg_set_page(&data, piece->bv_page, piece->bv_len, piece->bv_offset);
    sg_init_one(&status, &tblk->status, sizeof(tblk->status));
    reinit_completion(&tblk->done);
    err = virtqueue_add_sgs(tblk->vq, lists, write ? 2 : 1, write ? 1 : 2, tblk, GFP_NOIO);
    if (err)
        return err;
    virtqueue_kick(tblk->vq);
    wait_for_completion(&tblk->done);
    return tblk->status == VIRTIO_BLK_S_OK ? 0 : -EIO;
}

static int tblk_transfer(struct tblk *tblk, struct bio_vec *piece, sector_t sector, bool write)
{
    struct virtio_device *vdev = tblk->vq->vdev;
    int err;

    mutex_lock(&tblk->lock);
    tblk->header = (struct virtio_blk_outhdr){
        .type = cpu_to_virtio32(vdev, write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN),
        .sector = cpu_to_virtio64(vdev, sector),
    };
    tblk->status = 0xff;
    err = tblk_send(tblk, piece, write);
    if (err && keep_lock)
        return err;
    mutex_unlock(&tblk->lock);
    return err;
}

static void tblk_submit_bio(struct bio *bio)
{
    struct tblk *tblk = bio->bi_bdev->bd_disk->private_data;
    struct bvec_iter iter;
    struct bio_vec piece;
    int err = 0;

    bio_for_each_segment (piece, bio, iter) {
        err = tblk_transfer(tblk, &piece, iter.bi_sector, op_is_write(bio_op(bio)));
        if (err)
            break;
    }
    bio->bi_status = errno_to_blk_status(err);
    bio_endio(bio);
}

static const struct block_device_operations tblk_ops = {
    .owner = THIS_MODULE,
    .submit_bio = tblk_submit_bio,
};

static int tblk_add_disk(struct tblk *tblk, u64 sectors)
{
    int err;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
    tblk->disk = blk_alloc_disk(NULL, NUMA_NO_NODE);
    if (IS_ERR(tblk->disk))
        return PTR_ERR(tblk->disk);
#else
    tblk->disk = blk_alloc_disk(NUMA_NO_NODE);
    if (!tblk->disk)
        return -ENOMEM;
#endif
    tblk->disk->fops = &tblk_ops;
    tblk->disk->private_data = tblk;
    strscpy(tblk->disk->disk_name, "tblk0", sizeof(tblk->disk->disk_name));
    set_capacity(tblk->disk, sectors);
    err = add_disk(tblk->disk);
    if (err)
        put_disk(tblk->disk);
    return err;
}

static int tblk_probe(struct virtio_device *vdev)
{
    struct tblk *tblk = devm_kzalloc(&vdev->dev, sizeof(*tblk), GFP_KERNEL);
    u64 sectors;
    int err;

    if (!tblk)
        return -ENOMEM;
    vdev->priv = tblk;
    mutex_init(&tblk->lock);
    init_completion(&tblk->done);
    tblk->vq = virtio_find_single_vq(vdev, tblk_done, "requests");
    if (IS_ERR(tblk->vq))
        return PTR_ERR(tblk->vq);
    virtio_cread(vdev, struct virtio_blk_config, capacity, &sectors);
    virtio_device_ready(vdev);
    err = tblk_add_disk(tblk, sectors);
    if (err) {
        virtio_reset_device(vdev);
        vdev->config->del_vqs(vdev);
    }
    return err;
}

static void tblk_remove(struct virtio_device *vdev)
{
    struct tblk *tblk = vdev->priv;

    del_gendisk(tblk->disk);
    put_disk(tblk->disk);
    virtio_reset_device(vdev);
    vdev->config->del_vqs(vdev);
}

static const struct virtio_device_id tblk_ids[] = {{VIRTIO_ID_BLOCK, VIRTIO_DEV_ANY_ID}, {}};
MODULE_DEVICE_TABLE(virtio, tblk_ids);

static struct virtio_driver tblk_driver = {
    .driver.name = "tblk",
    .id_table = tblk_ids,
    .probe = tblk_probe,
    .remove = tblk_remove,
};
module_virtio_driver(tblk_driver);

MODULE_DESCRIPTION("Sample disk driver for tests under Traproom");
MODULE_LICENSE("GPL");
