/* SPDX-License-Identifier: Apache-2.0 */
/* The PL031. See vpl031.h; registers as in DDI 0224, "Summary of registers". */
#include "dev/vpl031.h"

#include "lib/addr.h"
#include "lib/bits.h"

#define RTCDR        0x000
#define RTCMR        0x004
#define RTCLR        0x008
#define RTCCR        0x00c
#define RTCIMSC      0x010
#define RTCRIS       0x014
#define RTCMIS       0x018
#define RTCICR       0x01c
#define RTCPeriphID0 0xfe0

#define RTCCR_START 1 /* it reads as one once the clock runs, and writes don't stop it */
#define RTC_IRQ     1 /* the one interrupt, in RTCIMSC, RTCRIS, RTCMIS and RTCICR */

/* RTCPeriphID0 to 3 and RTCPCellID0 to 3. */
static const uint8_t id_regs[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

static uint64_t elapsed(const struct vpl031 *rtc)
{
    return rtc->ops.now_fn() / rtc->frequency;
}

static uint32_t seconds(const struct vpl031 *rtc)
{
    return rtc->epoch + (uint32_t)elapsed(rtc);
}

/* Time has gone on, or a register has changed: the interrupt, its wire, and the next alarm. */
static void update(struct vpl031 *rtc)
{
    bool level;

    if (rtc->ops.now_fn() >= rtc->due) {
        rtc->raw = true;
        rtc->due = VPL031_NEVER;
    }
    level = rtc->raw && rtc->enabled;
    if (level != rtc->line_level) {
        rtc->line_level = level;
        irq_line_set(&rtc->line, level);
    }
    rtc->ops.alarm_fn(rtc->ops.ctx, rtc->enabled ? rtc->due : VPL031_NEVER);
}

/* The clock or the alarm was set. A time that is past comes again when 32 bits wrap around. */
static void set_due(struct vpl031 *rtc)
{
    uint64_t second = elapsed(rtc) + (uint32_t)(rtc->match - seconds(rtc));

    rtc->due = second * rtc->frequency;
}

static uint32_t read_reg(struct vpl031 *rtc, uint64_t offset)
{
    switch (offset) {
    case RTCDR:
        return seconds(rtc);
    case RTCMR:
        return rtc->match;
    case RTCLR:
        return rtc->load;
    case RTCCR:
        return RTCCR_START;
    case RTCIMSC:
        return rtc->enabled ? RTC_IRQ : 0;
    case RTCRIS:
        return rtc->raw ? RTC_IRQ : 0;
    case RTCMIS:
        return rtc->raw && rtc->enabled ? RTC_IRQ : 0;
    default:
        if (offset >= RTCPeriphID0 && offset < RTCPeriphID0 + 4 * sizeof(id_regs))
            return id_regs[(offset - RTCPeriphID0) / 4];
        return 0;
    }
}

static void write_reg(struct vpl031 *rtc, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case RTCMR:
        rtc->match = value;
        set_due(rtc);
        break;
    case RTCLR:
        rtc->load = value;
        rtc->epoch = value - (uint32_t)elapsed(rtc);
        set_due(rtc);
        break;
    case RTCIMSC:
        rtc->enabled = (value & RTC_IRQ) != 0;
        break;
    case RTCICR:
        rtc->raw = rtc->raw && (value & RTC_IRQ) == 0;
        break;
    default:
        break;
    }
}

void vpl031_init(struct vpl031 *rtc, const struct irq_line *line, const struct vpl031_ops *ops,
                 uint64_t frequency, uint32_t epoch)
{
    *rtc = (struct vpl031){
        .line = *line, .ops = *ops, .frequency = frequency, .epoch = epoch, .due = VPL031_NEVER};
}

void vpl031_reset(void *dev)
{
    struct vpl031 *rtc = dev;

    spin_lock(&rtc->lock);
    rtc->match = 0;
    rtc->load = 0;
    rtc->raw = false;
    rtc->enabled = false;
    rtc->due = VPL031_NEVER;
    rtc->line_level = false;
    irq_line_set(&rtc->line, false);
    rtc->ops.alarm_fn(rtc->ops.ctx, VPL031_NEVER);
    spin_unlock(&rtc->lock);
}

void vpl031_alarm(struct vpl031 *rtc)
{
    spin_lock(&rtc->lock);
    update(rtc);
    spin_unlock(&rtc->lock);
}

/* As on the PL011's bus: a narrower write to a register's first byte writes all of it. */
enum mmio_result vpl031_access(void *dev, struct mmio_access *access)
{
    struct vpl031 *rtc = dev;
    uint64_t reg = access->offset & ~UINT64_C(3);
    unsigned shift = 8 * (access->offset & 3);

    if (access->size > 4 || !is_aligned(access->offset, access->size))
        return MMIO_ABORT;
    spin_lock(&rtc->lock);
    update(rtc); /* RTCRIS is as of now */
    if (!access->write) {
        access->value = read_reg(rtc, reg) >> shift;
    } else if (shift == 0) {
        write_reg(rtc, reg, (uint32_t)access->value);
        update(rtc);
    }
    spin_unlock(&rtc->lock);
    return MMIO_OK;
}
