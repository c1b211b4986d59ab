// SPDX-License-Identifier: Apache-2.0
/* The emulated clock: accesses of every offset and size, time that passes, alarms, resets. */
#include <stdbool.h>
#include <string.h>

#include "dev/vpl031.h"
#include "fuzz.h"

#define RTC_SIZE  0x1000U
#define FREQUENCY UINT64_C(62500000)
#define INTID     34
#define DR        0x00
#define IMSC      0x10
#define RIS       0x14
#define MIS       0x18

static struct vpl031 rtc;
static bool line;
static uint64_t now, alarm;

static void set_line(void *ctx, uint32_t intid, bool level)
{
    (void)ctx;
    fuzz_require(intid == INTID);
    line = level;
}

static uint64_t get_now(void)
{
    return now;
}

static void set_alarm(void *ctx, uint64_t due)
{
    (void)ctx;
    fuzz_require(rtc.lock.locked != 0);
    alarm = due;
}

static enum mmio_result access_at(uint64_t offset, unsigned size, bool write, uint64_t *value)
{
    struct mmio_access access = {
        .offset = offset, .size = (uint8_t)size, .write = write, .value = *value};
    enum mmio_result result = vpl031_access(&rtc, &access);

    *value = access.value;
    return result;
}

static void access_any(struct fuzz_input *in)
{
    unsigned kind = fuzz_below(in, 32);
    unsigned size = kind < 24 ? 4 : 1U << (kind & 3);
    bool write = (kind & 4) != 0;
    uint64_t offset = kind < 24 ? 4 * fuzz_below(in, 9) : fuzz_take(in, 2);
    uint64_t value = write ? fuzz_value(in) : 0;
    enum mmio_result result;

    if (size < 8)
        value &= (UINT64_C(1) << 8 * size) - 1;
    offset %= RTC_SIZE - size + 1;
    result = access_at(offset, size, write, &value);
    fuzz_require(result == MMIO_OK || size == 8 || offset % size != 0);
}

static uint32_t read_reg(uint64_t offset)
{
    uint64_t value = 0;

    fuzz_require(access_at(offset, 4, false, &value) == MMIO_OK);
    return (uint32_t)value;
}

/* Time goes on; who is to ring does so on the way. */
static void pass(uint64_t ticks)
{
    uint32_t before = read_reg(DR);
    uint64_t end = now + ticks;

    while (alarm <= end) {
        now = alarm > now ? alarm : now;
        vpl031_alarm(&rtc);
        fuzz_require(line && alarm == VPL031_NEVER);
    }
    now = end;
    fuzz_require((uint32_t)(read_reg(DR) - before) - ticks / FREQUENCY <= 1);
}

static void check(void)
{
    uint32_t masked = read_reg(MIS);

    fuzz_require(rtc.lock.locked == 0);
    fuzz_require(masked == (read_reg(RIS) & read_reg(IMSC)));
    fuzz_require(line == (masked != 0));
    fuzz_require(alarm > now && (alarm == VPL031_NEVER || read_reg(IMSC) != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct irq_line irq = {set_line, NULL, INTID};
    static const struct vpl031_ops ops = {get_now, set_alarm, NULL};
    struct fuzz_input in = {data, size};

    line = false;
    alarm = VPL031_NEVER;
    now = fuzz_take(&in, 4);
    vpl031_init(&rtc, &irq, &ops, FREQUENCY, (uint32_t)fuzz_take(&in, 4));
    for (unsigned i = 0; i < 400 && in.left > 0; i++) {
        unsigned kind = fuzz_below(&in, 16);

        if (kind < 11)
            access_any(&in);
        else if (kind < 13)
            pass(fuzz_take(&in, 5));
        else if (kind < 15)
            vpl031_alarm(&rtc);
        else
            vpl031_reset(&rtc);
        check();
    }
    return 0;
}
