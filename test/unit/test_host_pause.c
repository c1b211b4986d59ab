/* SPDX-License-Identifier: Apache-2.0 */
/* drv/host_pause.c: each stop is another mode of the disk's cache. */
#include "drv/host_pause.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fake_virtio_device.h"
#include "lib/bits.h"

#define WCE 32 /* of struct virtio_blk_config: "writeback" */

static const struct pa_range regs = {{FAKE_VIRTIO_BASE}, FAKE_VIRTIO_SIZE};

static void no_disk(void **state)
{
    struct host_pause pause;

    (void)state;
    fake_virtio_init(VIRTIO_ID_RNG, BIT(VIRTIO_F_VERSION_1), 1, 8);
    assert_int_equal(host_pause_open(&pause, regs), -ERR_UNSUPPORTED);
    fake_virtio_init(VIRTIO_ID_BLOCK, BIT(VIRTIO_F_VERSION_1), 1, 8);
    fake_virtio.magic = 0;
    assert_int_equal(host_pause_open(&pause, regs), -ERR_UNSUPPORTED);
}

static void stops(void **state)
{
    struct host_pause pause;
    uint8_t before;

    (void)state;
    fake_virtio_init(VIRTIO_ID_BLOCK, BIT(VIRTIO_F_VERSION_1), 1, 8);
    fake_virtio.config[WCE] = 254;
    assert_int_equal(host_pause_open(&pause, regs), 0);
    for (unsigned i = 0; i < 4; i++) {
        before = fake_virtio.config[WCE];
        host_pause(&pause);
        assert_int_not_equal(fake_virtio.config[WCE], before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_disk),
        cmocka_unit_test(stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
