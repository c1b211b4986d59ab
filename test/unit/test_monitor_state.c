/* SPDX-License-Identifier: Apache-2.0 */
/* vm/monitor_state.c: memory written, and what is shown of interrupts and of devices. */
#include <linux/virtio_ids.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dev/virtio_mmio.h"
#include "gic/gic_regs.h"
#include "lib/bits.h"
#include "mm/phys.h"
#include "vm/monitor_call.h"

#define RAM UINT64_C(0x48000000)
#define SPI 70 /* bit 6 of the bank from 64 on */

static struct vm vm = {.nr_vcpus = 2};
static struct monitor_message message;
static uint8_t ram[64];
static uint8_t bytes[] = "hello";
static char said[1024];
static struct mmio_access pended;
static enum mmio_result pend_result;

enum mmio_result vgic_dist_access(void *dev, struct mmio_access *access)
{
    assert_ptr_equal(dev, &vm.vgic);
    pended = *access;
    return pend_result;
}

enum mmio_result virtio_mmio_access(void *dev, struct mmio_access *access)
{
    (void)dev;
    (void)access;
    return MMIO_OK;
}

static enum mmio_result access_toy(void *dev, struct mmio_access *access)
{
    (void)dev;
    (void)access;
    return MMIO_OK;
}

void monitor_say(struct monitor_call *call, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    call->used += (uint32_t)fmt_vsnprintf(said + call->used, sizeof(said) - call->used, fmt, ap);
    va_end(ap);
    assert_in_range(call->used, 1, sizeof(said) - 2);
    said[call->used++] = '\n';
    said[call->used] = '\0';
}

static int setup(void **state)
{
    (void)state;
    memset(&vm.vgic, 0, sizeof(vm.vgic));
    memset(ram, 0, sizeof(ram));
    vm.mem.count = 1;
    vm.mem.region[0] = (struct ram_region){ipa(RAM), ptr_to_pa(ram), sizeof(ram)};
    vm.vcpu[1].index = 1;
    vm.config.nr_devices = 0;
    vm.vgic.vcpu[1].bank.base = 0;
    vm.vgic.spi[1].base = 64;
    pended = (struct mmio_access){0};
    pend_result = MMIO_OK;
    said[0] = '\0';
    return 0;
}

/* Of vCPU 1. */
static int ask(int (*fn)(struct monitor_call *), uint64_t address, uint32_t size)
{
    struct monitor_call call = {&vm, &vm.vcpu[1], &message, bytes, 0};

    message = (struct monitor_message){.vcpu = 1, .address = address, .size = size};
    return fn(&call);
}

static void writing(void **state)
{
    (void)state;
    assert_int_equal(ask(monitor_write, RAM + 59, 5), 0);
    assert_memory_equal(ram + 59, "hello", 5);
    assert_int_equal(ask(monitor_write, RAM + 60, 5), -ERR_RANGE);
    assert_int_equal(ask(monitor_write, RAM - 1, 5), -ERR_RANGE);
    assert_int_equal(ask(monitor_write, UINT64_MAX, 5), -ERR_RANGE);
    assert_memory_equal(ram + 59, "hello", 5);
}

/* A line for each that has something to it, with a letter for each thing that it is. */
static void interrupts(void **state)
{
    struct vgic_bank *bank = &vm.vgic.spi[1];

    (void)state;
    vm.vgic.group1_on = UINT32_MAX;
    bank->enabled = bank->edge = bank->group1 = UINT32_C(1) << 6;
    bank->priority[6] = 0xa0;
    bank->target[6] = 1;
    bank->latch = bank->line = bank->active = bank->in_lr = UINT32_C(1) << 31;
    assert_int_equal(ask(monitor_irq, 2, 0), 0);
    assert_string_equal(said, "base 64\ngroups 0x0 0x1\n70 Ee1 160 1\n95 PHAL-0 0 0\n");
}

/* Bank 0 is the vCPU's own. */
static void private_interrupts(void **state)
{
    (void)state;
    vm.vgic.vcpu[0].bank.enabled = UINT32_MAX;
    vm.vgic.vcpu[1].bank.enabled = UINT32_C(1) << 27;
    assert_int_equal(ask(monitor_irq, 0, 0), 0);
    assert_string_equal(said, "base 0\ngroups 0x0 0x0\n27 E-0 0 0\n");
    assert_int_equal(ask(monitor_irq, VGIC_BANKS, 0), -ERR_RANGE);
}

static void pending(void **state)
{
    (void)state;
    assert_int_equal(ask(monitor_pend, SPI, 0), 0);
    assert_true(pended.write);
    assert_int_equal(pended.offset, GICD_ISPENDR + 8);
    assert_int_equal(pended.size, 4);
    assert_int_equal(pended.value, 1 << 6);
    assert_int_equal(pended.vcpu, 1);
    pend_result = MMIO_ABORT;
    assert_int_equal(ask(monitor_pend, SPI, 0), -ERR_INVAL);
}

static void no_such_interrupt(void **state)
{
    (void)state;
    assert_int_equal(ask(monitor_pend, VGIC_FIRST_SPI - 1, 0), -ERR_RANGE);
    assert_int_equal(ask(monitor_pend, VGIC_NR_IRQS, 0), -ERR_RANGE);
    assert_false(pended.write);
}

static void devices(void **state)
{
    static const struct vm_device_kind toys = {.name = "toy", .access_fn = access_toy};
    static const struct vm_device_kind slots = {.name = "virtio", .access_fn = virtio_mmio_access};
    static const struct virtio_backend backend = {.id = VIRTIO_ID_BLOCK, .nr_queues = 2};
    static struct virtio_queue queue[2];
    static struct virtio_mmio slot = {
        .backend = &backend, .queue = queue, .status = 0xf, .driver_features = 0x100000000};
    static struct virtio_mmio empty;

    (void)state;
    queue[1].vq = (struct virtq){.size = 8, .next_avail = 3, .next_used = 2};
    queue[1].in_flight = 1;
    vm.config.nr_devices = 3;
    vm.config.device[0] = (struct vm_device_config){
        .kind = &toys, .regs = {ipa(0x9000000), 0x1000}, .intid = 33, .path = "/toy@9000000"};
    vm.config.device[1] = (struct vm_device_config){.kind = &slots, .path = "/slot@1"};
    vm.config.device[2] = (struct vm_device_config){.kind = &slots, .path = "/slot@2"};
    vm.device[0] = &slot; /* whatever it has is nobody's business */
    vm.device[1] = &empty;
    vm.device[2] = &slot;
    assert_int_equal(ask(monitor_dev, 0, 0), 0);
    assert_string_equal(said, "device toy 0x9000000 0x1000 33 /toy@9000000\n");
    assert_int_equal(ask(monitor_dev, 1, 0), 0);
    assert_string_equal(said, "device virtio 0x0 0x0 0 /slot@1\n");
    assert_int_equal(ask(monitor_dev, 2, 0), 0);
    assert_string_equal(said, "device virtio 0x0 0x0 0 /slot@2\n"
                              "virtio 2 0xf 0x100000000 0x0\n"
                              "queue 0 0 0x0 0x0 0x0 0 0 0\n"
                              "queue 1 8 0x0 0x0 0x0 3 2 1\n");
    assert_int_equal(ask(monitor_dev, 3, 0), -ERR_NOENT);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writing), TEST(interrupts),        TEST(private_interrupts),
        TEST(pending), TEST(no_such_interrupt), TEST(devices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
