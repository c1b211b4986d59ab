// SPDX-License-Identifier: GPL-2.0
/*
 * Driver of a two-wire bus's controller, and of the memory on it, whose bytes are the file "memory"
 * in its folder of sysfs. The controller is guest/model/twowire.py. (With CONFIG_I2C it would be an
 * i2c_adapter; Debian's kernel for the cloud has none.)
 */
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/sysfs.h>

#define REG_ADDRESS 0x00
#define REG_COUNT   0x04
#define REG_DATA    0x08
#define REG_CONTROL 0x0c
#define REG_STATUS  0x10

#define ADDRESS_READ  BIT(0)
#define CONTROL_START BIT(0)
#define CONTROL_STOP  BIT(1)
#define STATUS_DONE   BIT(0)
#define STATUS_NAK    BIT(1)
#define LONGEST_WAIT  (10 * HZ)
#define LONGEST       16 /* bytes of a message */

struct twowire {
    void __iomem *regs;
    struct completion done;
    struct mutex lock; /* protects the bus: one message, or a pair, at a time */
    u32 status;        /* as of the interrupt */
    u32 memory;        /* its address on the bus */
};

static irqreturn_t twowire_irq(int irq, void *data)
{
    struct twowire *bus = data;

    bus->status = readl(bus->regs + REG_STATUS);
    if (!bus->status)
        return IRQ_NONE;
    writel(bus->status, bus->regs + REG_STATUS);
    complete(&bus->done);
    return IRQ_HANDLED;
}

static int twowire_message(struct twowire *bus, u32 address, u32 count, u32 control)
{
    reinit_completion(&bus->done);
    writel(address, bus->regs + REG_ADDRESS);
    writel(count, bus->regs + REG_COUNT);
    writel(CONTROL_START | control, bus->regs + REG_CONTROL);
    if (!wait_for_completion_timeout(&bus->done, LONGEST_WAIT))
        return -ETIMEDOUT;
    return bus->status & STATUS_NAK ? -ENXIO : 0;
}

/* Where, then what is there. */
static int twowire_get(struct twowire *bus, u8 at, u8 *to, u32 count)
{
    int err;

    writel(at, bus->regs + REG_DATA);
    err = twowire_message(bus, bus->memory << 1, 1, 0);
    if (!err)
        err = twowire_message(bus, bus->memory << 1 | ADDRESS_READ, count, CONTROL_STOP);
    for (u32 i = 0; !err && i < count; i++)
        to[i] = readl(bus->regs + REG_DATA);
    return err;
}

static int twowire_put(struct twowire *bus, u8 at, const u8 *from, u32 count)
{
    writel(at, bus->regs + REG_DATA);
    for (u32 i = 0; i < count; i++)
        writel(from[i], bus->regs + REG_DATA);
    return twowire_message(bus, bus->memory << 1, count + 1, CONTROL_STOP);
}

static ssize_t memory_read(struct file *file, struct kobject *kobj, struct bin_attribute *attr,
                           char *to, loff_t at, size_t size)
{
    struct twowire *bus = dev_get_drvdata(kobj_to_dev(kobj));
    u32 count = min_t(size_t, size, LONGEST);
    int err;

    mutex_lock(&bus->lock);
    err = twowire_get(bus, at, to, count);
    mutex_unlock(&bus->lock);
    return err ? err : count;
}

static ssize_t memory_write(struct file *file, struct kobject *kobj, struct bin_attribute *attr,
                            char *from, loff_t at, size_t size)
{
    struct twowire *bus = dev_get_drvdata(kobj_to_dev(kobj));
    u32 count = min_t(size_t, size, LONGEST);
    int err;

    mutex_lock(&bus->lock);
    err = twowire_put(bus, at, from, count);
    mutex_unlock(&bus->lock);
    return err ? err : count;
}
static BIN_ATTR_RW(memory, 256);

static struct bin_attribute *twowire_files[] = {&bin_attr_memory, NULL};
static const struct attribute_group twowire_group = {.bin_attrs = twowire_files};
static const struct attribute_group *twowire_groups[] = {&twowire_group, NULL};

static int twowire_probe(struct platform_device *pdev)
{
    struct device *dev = &pdev->dev;
    struct twowire *bus = devm_kzalloc(dev, sizeof(*bus), GFP_KERNEL);
    struct fwnode_handle *child = device_get_next_child_node(dev, NULL);
    int irq;

    if (!bus)
        return -ENOMEM;
    if (!child || fwnode_property_read_u32(child, "reg", &bus->memory))
        return dev_err_probe(dev, -EINVAL, "no memory on the bus\n");
    bus->regs = devm_platform_ioremap_resource(pdev, 0);
    if (IS_ERR(bus->regs))
        return PTR_ERR(bus->regs);
    init_completion(&bus->done);
    mutex_init(&bus->lock);
    platform_set_drvdata(pdev, bus);
    irq = platform_get_irq(pdev, 0);
    return irq < 0 ? irq : devm_request_irq(dev, irq, twowire_irq, 0, "twowire", bus);
}

static const struct of_device_id twowire_match[] = {{.compatible = "acme,twowire"}, {}};
MODULE_DEVICE_TABLE(of, twowire_match);

static struct platform_driver twowire_driver = {
    .probe = twowire_probe,
    .driver =
        {
            .name = "twowire",
            .of_match_table = twowire_match,
            .dev_groups = twowire_groups,
        },
};
module_platform_driver(twowire_driver);

MODULE_DESCRIPTION("Driver of a device that is a model: guest/model/twowire.py");
MODULE_LICENSE("GPL");
