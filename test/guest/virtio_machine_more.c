/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's entropy and its network behind Traproom: random bytes into many buffers, and questions to
 * the user network's gateway (RFC 826, ARP), each answered into a buffer that waits for it.
 */
#include <linux/virtio_net.h>

#include "string.h"
#include "timer.h"
#include "virtio_machine.h"

#define BUFFERS     64
#define BYTES       64
#define ROUNDS      20
#define RX          0
#define TX          1
#define FRAME_MAX   1526 /* with the header that virtio puts before it */
#define ASKED       100
#define HTONS(x)    ((uint16_t)((x) >> 8 | (x) << 8))
#define ETHERTYPE   0x0806 /* of ARP */
#define ARP_REQUEST 1
#define ARP_REPLY   2
#define MAC_BYTES   6

struct arp_frame {
    struct virtio_net_hdr_v1 virtio;
    uint8_t to[MAC_BYTES], from[MAC_BYTES];
    uint16_t ethertype, hardware, protocol;
    uint8_t hardware_size, protocol_size;
    uint16_t operation;
    uint8_t sender[MAC_BYTES], sender_ip[4], target[MAC_BYTES], target_ip[4];
} __attribute__((packed));

static struct virtio_blk entropy, net;
static struct machine_queue queue[2];
static uint64_t random[BUFFERS][BYTES / 8];
static uint8_t received[BUFFERS][FRAME_MAX];
static struct arp_frame question;
static uint8_t mac[MAC_BYTES];

/* Sixty-four buffers at a time, all of which fill; no word of 64 bits comes twice. */
static void fill_with_entropy(unsigned round)
{
    struct vring_used_elem elem;
    uint32_t bytes = 0;

    memset(random, 0, sizeof(random));
    for (uint16_t i = 0; i < BUFFERS; i++) {
        machine_buffer(&queue[0], i, random[i], BYTES, true);
        machine_put(&queue[0], i);
    }
    machine_publish(&queue[0]);
    for (unsigned i = 0; i < BUFFERS; i++) {
        CHECK(machine_wait(&queue[0], &elem), "round %u: %u buffers are filled", round, i);
        CHECK(elem.id < BUFFERS && elem.len <= BYTES, "used %u, %u bytes", elem.id, elem.len);
        bytes += elem.len;
    }
    CHECK(bytes >= BUFFERS, "%u bytes of entropy", bytes);
    for (unsigned i = 1; i < BUFFERS; i++)
        CHECK(random[i][0] != 0 && random[i][0] != random[i - 1][0], "round %u: buffer %u", round,
              i);
}

static void entropy_by_buffers(void)
{
    CHECK(virtio_find(&entropy, VIRTIO_ID_RNG), "there is no entropy device");
    for (unsigned n = 0; n < 2; n++) {
        CHECK(machine_start(&entropy, n ? ~UINT64_C(0) : 0, queue, 1, BUFFERS),
              "the device does not start");
        for (unsigned round = 0; round < ROUNDS; round++)
            fill_with_entropy(round);
    }
}

/* Does the frame answer the question? */
static bool is_answer(const struct arp_frame *frame)
{
    return frame->ethertype == HTONS(ETHERTYPE) && frame->operation == HTONS(ARP_REPLY) &&
           memcmp(frame->to, mac, MAC_BYTES) == 0 &&
           memcmp(frame->sender_ip, question.target_ip, 4) == 0;
}

/* Take frames until the answer comes; each buffer goes back to the device. */
static bool await_answer(void)
{
    struct vring_used_elem elem;

    while (machine_wait(&queue[RX], &elem)) {
        bool answered = elem.id < BUFFERS && elem.len >= sizeof(struct arp_frame) &&
                        is_answer((const struct arp_frame *)received[elem.id]);

        machine_put(&queue[RX], (uint16_t)elem.id);
        machine_publish(&queue[RX]);
        if (answered)
            return true;
    }
    return false;
}

static void build_question(void)
{
    static const uint8_t mine[4] = {10, 0, 2, 15}, gateway[4] = {10, 0, 2, 2};

    for (unsigned i = 0; i < MAC_BYTES; i++)
        mac[i] = *(volatile uint8_t *)(net.base + VIRTIO_MMIO_CONFIG + i);
    question = (struct arp_frame){.ethertype = HTONS(ETHERTYPE),
                                  .hardware = HTONS(1),
                                  .protocol = HTONS(0x0800),
                                  .hardware_size = MAC_BYTES,
                                  .protocol_size = 4,
                                  .operation = HTONS(ARP_REQUEST)};
    memset(question.to, 0xff, MAC_BYTES);
    memcpy(question.from, mac, MAC_BYTES);
    memcpy(question.sender, mac, MAC_BYTES);
    memcpy(question.sender_ip, mine, 4);
    memcpy(question.target_ip, gateway, 4);
}

static void ask_the_gateway(uint64_t features)
{
    struct vring_used_elem elem;

    CHECK(machine_start(&net, features, queue, 2, BUFFERS), "the device does not start");
    build_question();
    for (uint16_t i = 0; i < BUFFERS; i++) {
        machine_buffer(&queue[RX], i, received[i], FRAME_MAX, true);
        machine_put(&queue[RX], i);
    }
    machine_publish(&queue[RX]);
    for (unsigned i = 0; i < ASKED; i++) {
        uint16_t head = i % BUFFERS;

        machine_buffer(&queue[TX], head, &question, sizeof(question), false);
        machine_put(&queue[TX], head);
        machine_publish(&queue[TX]);
        CHECK(machine_wait(&queue[TX], &elem) && elem.id == head, "question %u is not sent", i);
        CHECK(await_answer(), "question %u is not answered", i);
    }
}

static void arp(void)
{
    CHECK(virtio_find(&net, VIRTIO_ID_NET), "there is no network device");
    ask_the_gateway(FEATURE(VIRTIO_NET_F_MAC));
}

static void arp_with_event_index(void)
{
    ask_the_gateway(FEATURE(VIRTIO_NET_F_MAC) | FEATURE(VIRTIO_NET_F_MRG_RXBUF) |
                    FEATURE(VIRTIO_RING_F_EVENT_IDX) | FEATURE(VIRTIO_RING_F_INDIRECT_DESC));
}

const struct test_case virtio_machine_more_cases[] = {
    {"entropy", entropy_by_buffers},
    {"arp", arp},
    {"arp-event-index", arp_with_event_index},
    {NULL, NULL},
};
