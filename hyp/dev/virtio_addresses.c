/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses inside of requests. See virtio_addresses.h. */
#include "dev/virtio_addresses.h"

#include <linux/virtio_balloon.h>

#include "lib/string.h"
#include "mm/phys.h"

#define BALLOON_PAGE (UINT64_C(1) << VIRTIO_BALLOON_PFN_SHIFT)

/* [address, address + len), the guest's, is at *found. */
static int to_machine(const struct guest_mem *mem, uint64_t address, uint64_t len, uint64_t *found)
{
    const void *ptr = guest_mem_ptr(mem, ipa(address), len);

    *found = ptr_to_pa(ptr).v;
    return ptr != NULL ? 0 : -ERR_RANGE;
}

int virtio_addresses_balloon(const struct guest_mem *mem, uint8_t *copy, size_t len)
{
    __virtio32 page;

    if (len % sizeof(page) != 0)
        return -ERR_INVAL;
    for (size_t at = 0; at < len; at += sizeof(page)) {
        uint64_t address;
        int err;

        memcpy(&page, copy + at, sizeof(page));
        err = to_machine(mem, page * BALLOON_PAGE, BALLOON_PAGE, &address);
        if (err == 0 && address / BALLOON_PAGE > UINT32_MAX)
            err = -ERR_RANGE;
        if (err != 0)
            return err;
        page = (__virtio32)(address / BALLOON_PAGE);
        memcpy(copy + at, &page, sizeof(page));
    }
    return 0;
}

/* RESOURCE_ATTACH_BACKING: a header with a count, then so many pieces. */
static int translate_backing(const struct guest_mem *mem, uint8_t *copy, size_t len)
{
    struct virtio_gpu_resource_attach_backing attach;
    struct virtio_gpu_mem_entry piece;

    if (len < sizeof(attach))
        return -ERR_INVAL;
    memcpy(&attach, copy, sizeof(attach));
    if (attach.nr_entries > (len - sizeof(attach)) / sizeof(piece))
        return -ERR_INVAL;
    copy += sizeof(attach);
    for (uint32_t i = 0; i < attach.nr_entries; i++, copy += sizeof(piece)) {
        uint64_t address;
        int err;

        memcpy(&piece, copy, sizeof(piece));
        err = to_machine(mem, piece.addr, piece.length, &address);
        if (err != 0)
            return err;
        piece.addr = address;
        memcpy(copy, &piece, sizeof(piece));
    }
    return 0;
}

int virtio_addresses_gpu(const struct guest_mem *mem, uint8_t *copy, size_t len)
{
    struct virtio_gpu_ctrl_hdr header;

    if (len < sizeof(header))
        return -ERR_INVAL;
    memcpy(&header, copy, sizeof(header));
    if (header.type < VIRTIO_GPU_CMD_GET_DISPLAY_INFO ||
        header.type > VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID)
        return -ERR_UNSUPPORTED;
    return header.type == VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING ? translate_backing(mem, copy, len)
                                                                 : 0;
}
