// SPDX-License-Identifier: GPL-2.0
/*
 * A sample of a driver under test: it binds to nodes that say compatible = "acme,tdrv", and shows
 * their property acme,label in sysfs. See docs/modules.md.
 */
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/sysfs.h>

static ssize_t label_show(struct device *dev, struct device_attribute *attr, char *buf)
{
    return sysfs_emit(buf, "%s\n", (const char *)dev_get_drvdata(dev));
}
static DEVICE_ATTR_RO(label);

static struct attribute *tdrv_attrs[] = {
    &dev_attr_label.attr,
    NULL,
};
ATTRIBUTE_GROUPS(tdrv);

static int tdrv_probe(struct platform_device *pdev)
{
    const char *label;
    int err;

    err = device_property_read_string(&pdev->dev, "acme,label", &label);
    if (err)
        return dev_err_probe(&pdev->dev, err, "no acme,label\n");
    platform_set_drvdata(pdev, (void *)label);
    dev_info(&pdev->dev, "probed: %s\n", label);
    return 0;
}

static const struct of_device_id tdrv_match[] = {{.compatible = "acme,tdrv"}, {}};
MODULE_DEVICE_TABLE(of, tdrv_match);

static struct platform_driver tdrv_driver = {
    .probe = tdrv_probe,
    .driver =
        {
            .name = "tdrv",
            .of_match_table = tdrv_match,
            .dev_groups = tdrv_groups,
        },
};
module_platform_driver(tdrv_driver);

MODULE_DESCRIPTION("Sample driver for tests under Traproom");
MODULE_LICENSE("GPL");
