/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU's devices, each with a request that it answers at once. See machine_resets.h. */
#include "machine_resets.h"

#include <linux/fuse.h>
#include <linux/virtio_crypto.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_net.h>
#include <linux/virtio_scsi.h>

#define BLK_SIZE  (4096 + 1) /* and the status */
#define AES_BLOCK 16

static const struct virtio_blk_outhdr read_sectors = {.type = VIRTIO_BLK_T_IN, .sector = 8};
static const uint8_t frame[sizeof(struct virtio_net_hdr_v1) + 60];
static const uint8_t tversion[] = {21, 0, 0,   0,   100, 0xff, 0xff, 0,   16,  0,  0,
                                   8,  0, '9', 'P', '2', '0',  '0',  '0', '.', 'L'};
static const struct virtio_scsi_cmd_req unit_ready = {.lun = {1, 0, 0x40}};
static const struct virtio_gpu_ctrl_hdr display_info = {.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO};
static const uint8_t text[16] = "sixteen letters\n";
static const uint8_t led_event[8] = {0x11, 0, 0, 0, 1, 0, 0, 0};

#define BLK_SHAPE                                                                                  \
    {                                                                                              \
        &read_sectors, sizeof(read_sectors), BLK_SIZE, false                                       \
    }

const struct kind blk = {.id = VIRTIO_ID_BLOCK,
                         .lanes = 4,
                         .heads = HEADS / 4,
                         .features = FEATURE(VIRTIO_BLK_F_MQ),
                         .shape = {BLK_SHAPE, BLK_SHAPE, BLK_SHAPE, BLK_SHAPE}};
const struct kind rng = {.id = VIRTIO_ID_RNG, .lanes = 1, .heads = HEADS, .shape = {{.room = 64}}};
const struct kind net = {
    .id = VIRTIO_ID_NET,
    .lanes = 2,
    .heads = HEADS,
    .features = FEATURE(VIRTIO_NET_F_MAC),
    .shape = {{.room = 1526, .waits = true}, {.bytes = frame, .size = sizeof(frame)}}};
const struct kind console = {
    .id = VIRTIO_ID_CONSOLE,
    .lanes = 2,
    .heads = HEADS,
    .shape = {{.room = 64, .waits = true}, {.bytes = text, .size = sizeof(text)}}};
const struct kind share = {.id = VIRTIO_ID_9P,
                           .lanes = 1,
                           .heads = HEADS,
                           .shape = {{tversion, sizeof(tversion), 128, false}}};
const struct kind scsi = {
    .id = VIRTIO_ID_SCSI,
    .first = 2,
    .lanes = 1,
    .heads = HEADS,
    .shape = {{&unit_ready, sizeof(unit_ready), sizeof(struct virtio_scsi_cmd_resp), false}}};
const struct kind input = {
    .id = VIRTIO_ID_INPUT,
    .lanes = 2,
    .heads = HEADS,
    .shape = {{.room = 8, .waits = true}, {.bytes = led_event, .size = sizeof(led_event)}}};
const struct kind gpu = {.id = VIRTIO_ID_GPU,
                         .lanes = 1,
                         .heads = HEADS,
                         .shape = {{&display_info, sizeof(display_info),
                                    sizeof(struct virtio_gpu_resp_display_info), false}}};

/* AES in CBC mode, one block, in the session that a device opens first. */
static const struct {
    struct virtio_crypto_op_ctrl_req request;
    uint8_t key[AES_BLOCK];
} open_session = {
    .request = {.header = {.opcode = VIRTIO_CRYPTO_CIPHER_CREATE_SESSION,
                           .algo = VIRTIO_CRYPTO_CIPHER_AES_CBC},
                .u.sym_create_session = {.u.cipher.para = {.algo = VIRTIO_CRYPTO_CIPHER_AES_CBC,
                                                           .keylen = AES_BLOCK,
                                                           .op = VIRTIO_CRYPTO_OP_ENCRYPT},
                                         .op_type = VIRTIO_CRYPTO_SYM_OP_CIPHER}}};
static const struct {
    struct virtio_crypto_op_data_req request;
    uint8_t iv[AES_BLOCK], text[AES_BLOCK];
} encrypt = {.request = {.header = {.opcode = VIRTIO_CRYPTO_CIPHER_ENCRYPT,
                                    .algo = VIRTIO_CRYPTO_CIPHER_AES_CBC},
                         .u.sym_req = {.u.cipher.para = {.iv_len = AES_BLOCK,
                                                         .src_data_len = AES_BLOCK,
                                                         .dst_data_len = AES_BLOCK},
                                       .op_type = VIRTIO_CRYPTO_SYM_OP_CIPHER}}};
const struct kind crypto = {
    .id = VIRTIO_ID_CRYPTO,
    .lanes = 1,
    .heads = HEADS,
    .shape = {{&encrypt, sizeof(encrypt), AES_BLOCK + sizeof(struct virtio_crypto_inhdr), false}},
    .once = {&open_session, sizeof(open_session), sizeof(struct virtio_crypto_session_input),
             false},
    .once_queue = 1};

/* Nothing is mounted: the server answers that it wants FUSE_INIT first. */
static const struct {
    struct fuse_in_header header;
    struct fuse_getattr_in in;
} getattr = {
    .header = {
        .len = sizeof(getattr), .opcode = FUSE_GETATTR, .unique = 1, .nodeid = FUSE_ROOT_ID}};
const struct kind fs = {
    .id = VIRTIO_ID_FS,
    .first = 1,
    .lanes = 1,
    .heads = HEADS,
    .shape = {{&getattr, sizeof(getattr),
               sizeof(struct fuse_out_header) + sizeof(struct fuse_attr_out), false}}};
