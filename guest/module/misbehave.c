// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that goes wrong as it is told to: insmod misbehave.ko how=null. For the tests of what
 * becomes of such a kernel (docs/verdicts.md).
 */
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/smp.h>
#include <linux/string.h>

static char *how = "";
module_param(how, charp, 0);
MODULE_PARM_DESC(how, "which way to go wrong");

static void spin(void *unused)
{
    local_irq_disable();
    for (;;)
        cpu_relax();
}

static void dereference_null(void)
{
    int *nowhere = NULL;

    OPTIMIZER_HIDE_VAR(nowhere);
    *(volatile int *)nowhere = 1;
}

static void hit_bug(void)
{
    BUG();
}

static void warn(void)
{
    WARN(1, "misbehave warns");
}

static void panic_now(void)
{
    panic("misbehave panics");
}

/* As a panic that is survived does: one whose dump another kernel takes, say. */
static void speak_of_panic(void)
{
    pr_emerg("Kernel panic - not syncing: misbehave speaks of it\n");
}

/* Interrupts off on this CPU, the others go on; or off on all. */
static void spin_here(void)
{
    spin(NULL);
}

static void spin_everywhere(void)
{
    preempt_disable();
    smp_call_function(spin, NULL, 0);
    spin(NULL);
}

/* Interrupts come, and nothing else gets its turn. */
static void hog(void)
{
    preempt_disable();
    for (;;)
        cpu_relax();
}

static void sleep_for_ever(void)
{
    set_current_state(TASK_UNINTERRUPTIBLE);
    schedule();
}

/* The next exception is taken where no code is, which makes another exception, and so on. */
static void lose_vectors(void)
{
    asm volatile("msr vbar_el1, %0\n\tisb" : : "r"(U64_MAX - SZ_4K + 1));
    for (;;)
        cpu_relax();
}

/* An exception whose handler has no stack to run on. */
static void overflow_stack(void)
{
    asm volatile("mov x9, sp\n\tmov sp, %0\n\tstr xzr, [sp]\n\tmov sp, x9" : : "r"(SZ_4K) : "x9");
}

static const struct {
    const char *name;
    void (*fn)(void);
} ways[] = {
    {"null", dereference_null},
    {"bug", hit_bug},
    {"warn", warn},
    {"panic", panic_now},
    {"panic-words", speak_of_panic},
    {"irqs-off", spin_here},
    {"irqs-off-all", spin_everywhere},
    {"hog", hog},
    {"hung-task", sleep_for_ever},
    {"vectors", lose_vectors},
    {"stack", overflow_stack},
};

static int __init misbehave_init(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
        if (strcmp(ways[i].name, how) == 0) {
            ways[i].fn();
            return 0;
        }
    }
    return -EINVAL;
}

static void __exit misbehave_exit(void)
{
}

module_init(misbehave_init);
module_exit(misbehave_exit);

MODULE_DESCRIPTION("Goes wrong in many ways, for tests under Traproom");
MODULE_LICENSE("GPL");
