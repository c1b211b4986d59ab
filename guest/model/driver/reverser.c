// SPDX-License-Identifier: GPL-2.0
/*
 * Driver of the reverser, which turns bytes around by DMA: what is written to /dev/reverser can be
 * read back, last byte first. The device is guest/model/reverser.py.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/uaccess.h>

#define REG_ID      0x00
#define REG_CONTROL 0x04
#define REG_STATUS  0x08
#define REG_LENGTH  0x0c
#define REG_SOURCE  0x10
#define REG_TARGET  0x18

#define ID_REVERSER   0x20564552
#define CONTROL_START BIT(0)
#define STATUS_DONE   BIT(0)
#define STATUS_FAILED BIT(1)
#define LONGEST_WAIT  (10 * HZ)

struct reverser {
    struct miscdevice misc;
    void __iomem *regs;
    struct completion done;
    struct mutex lock; /* protects what follows, and the device */
    u8 *source, *target;
    dma_addr_t source_dma, target_dma;
    u32 longest;
    u32 length; /* bytes that can be read */
    u32 status; /* as of the interrupt */
};

static irqreturn_t reverser_irq(int irq, void *data)
{
    struct reverser *rev = data;
    u32 status = readl(rev->regs + REG_STATUS);

    if (!status)
        return IRQ_NONE;
    writel(status, rev->regs + REG_STATUS);
    rev->status = status;
    complete(&rev->done);
    return IRQ_HANDLED;
}

static int reverser_work(struct reverser *rev, u32 length)
{
    reinit_completion(&rev->done);
    writel(length, rev->regs + REG_LENGTH);
    writeq(rev->source_dma, rev->regs + REG_SOURCE);
    writeq(rev->target_dma, rev->regs + REG_TARGET);
    writel(CONTROL_START, rev->regs + REG_CONTROL);
    if (!wait_for_completion_timeout(&rev->done, LONGEST_WAIT))
        return -ETIMEDOUT;
    return rev->status & STATUS_FAILED ? -EIO : 0;
}

static struct reverser *to_reverser(struct file *file)
{
    return container_of(file->private_data, struct reverser, misc);
}

static ssize_t reverser_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
    struct reverser *rev = to_reverser(file);
    int err;

    if (size > rev->longest)
        return -EFBIG;
    mutex_lock(&rev->lock);
    rev->length = 0;
    err = copy_from_user(rev->source, from, size) ? -EFAULT : reverser_work(rev, size);
    if (!err)
        rev->length = size;
    mutex_unlock(&rev->lock);
    return err ? err : size;
}

static ssize_t reverser_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
    struct reverser *rev = to_reverser(file);
    ssize_t done;

    mutex_lock(&rev->lock);
    done = simple_read_from_buffer(to, size, at, rev->target, rev->length);
    mutex_unlock(&rev->lock);
    return done;
}

static const struct file_operations reverser_fops = {
    .owner = THIS_MODULE,
    .read = reverser_read,
    .write = reverser_write,
};

static int reverser_memory(struct device *dev, struct reverser *rev)
{
    int err = device_property_read_u32(dev, "acme,longest", &rev->longest);

    if (err)
        return dev_err_probe(dev, err, "no acme,longest\n");
    err = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
    if (err)
        return err;
    rev->source = dmam_alloc_coherent(dev, rev->longest, &rev->source_dma, GFP_KERNEL);
    rev->target = dmam_alloc_coherent(dev, rev->longest, &rev->target_dma, GFP_KERNEL);
    return rev->source && rev->target ? 0 : -ENOMEM;
}

static int reverser_probe(struct platform_device *pdev)
{
    struct device *dev = &pdev->dev;
    struct reverser *rev = devm_kzalloc(dev, sizeof(*rev), GFP_KERNEL);
    int irq, err;

    if (!rev)
        return -ENOMEM;
    rev->regs = devm_platform_ioremap_resource(pdev, 0);
    if (IS_ERR(rev->regs))
        return PTR_ERR(rev->regs);
    if (readl(rev->regs + REG_ID) != ID_REVERSER)
        return dev_err_probe(dev, -ENODEV, "no reverser\n");
    init_completion(&rev->done);
    mutex_init(&rev->lock);
    err = reverser_memory(dev, rev);
    if (err)
        return err;
    irq = platform_get_irq(pdev, 0);
    err = irq < 0 ? irq : devm_request_irq(dev, irq, reverser_irq, 0, "reverser", rev);
    if (err)
        return err;
    rev->misc = (struct miscdevice){
        .minor = MISC_DYNAMIC_MINOR, .name = "reverser", .fops = &reverser_fops, .parent = dev};
    platform_set_drvdata(pdev, rev);
    return misc_register(&rev->misc);
}

static int reverser_remove(struct platform_device *pdev)
{
    struct reverser *rev = platform_get_drvdata(pdev);

    misc_deregister(&rev->misc);
    return 0;
}

static const struct of_device_id reverser_match[] = {{.compatible = "acme,reverser"}, {}};
MODULE_DEVICE_TABLE(of, reverser_match);

static struct platform_driver reverser_driver = {
    .probe = reverser_probe,
    .remove = reverser_remove,
    .driver = {.name = "reverser", .of_match_table = reverser_match},
};
module_platform_driver(reverser_driver);

MODULE_DESCRIPTION("Driver of a device that is a model: guest/model/reverser.py");
MODULE_LICENSE("GPL");
