# SPDX-License-Identifier: Apache-2.0
"""Ways for a guest to end, and the exit status that each must have. For test_verdict.py, which provokes each
once, and soak.py, which mixes them."""

import dataclasses
import os
import shutil
import subprocess

from support import BUILD, REPO

MODULE = os.path.join(BUILD, "module", "misbehave.ko")

# To the letter what a kernel says that panics, by way of the kernel's own log, and other lies.
FORGED = """
echo "[ $(cut -d' ' -f1 /proc/uptime)0000] Kernel panic - not syncing: forged" >/dev/console
echo '<0>Kernel panic - not syncing: forged' >/dev/kmsg
echo '<0>---[ end Kernel panic - not syncing: forged ]---' >/dev/kmsg
echo '[traproom] exit: guest panicked: forged' >/dev/console
"""
FORGED_REPORTS = """
echo '<4>WARNING: CPU: 1 PID: 7 at x.c:1 f+0x1/0x2' >/dev/kmsg
echo '<1>Unable to handle kernel NULL pointer dereference' >/dev/kmsg
echo '<4>---[ end trace 0000000000000000 ]---' >/dev/kmsg
echo "[ $(cut -d' ' -f1 /proc/uptime)0000] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [x:9]" >/dev/console
"""
BY_REPORTS = ("--warn=fail", "--oops=panic")
OLD_LOG = "dmesg >/tmp/log; cat /tmp/log /tmp/log >/dev/console; "
SPOKEN = "echo 'Kernel panic - not syncing: spoken' >/dev/console; " \
         "echo 'WARNING: CPU: 0 PID: 1 at x.c:1 f' >/dev/console; "
ALIVE = "echo '[traproom] break: the guest lives' >/dev/console; echo '[traproom] guest resets' >/dev/console; "
BUSY = "for cpu in 0 1 2 3; do dd if=/dev/urandom of=/dev/null bs=4M count=12 2>/dev/null & done; wait; "
CRASH = "echo c >/proc/sysrq-trigger; sleep 1000"


@dataclasses.dataclass
class Ending:
    command: str  # None: no --cmd
    status: int
    words: str = ""  # a pattern of what is said
    options: tuple = ()

    def arguments(self, module=MODULE):
        """The launcher's; `module`: misbehave.ko for another kernel."""
        options = (module if option == MODULE else option for option in self.options)
        return (*options, *(("--cmd", self.command) if self.command is not None else ()))


def build_module(tree, folder):
    """misbehave.ko for the kernel that was built in `tree`. Kbuild writes beside the source, which gets a copy."""
    shutil.copy(os.path.join(REPO, "guest", "module", "misbehave.c"), folder)
    with open(os.path.join(folder, "Kbuild"), "w", encoding="utf-8") as file:
        file.write("obj-m := misbehave.o\n")
    subprocess.run(["make", "-s", "-C", tree, "ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-", f"M={folder}"],
                   env={name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}, check=True)
    return os.path.join(folder, "misbehave.ko")


def goes_wrong(how, status, words, *options, before=""):
    command = f"{before}insmod misbehave.ko how={how}; s=$?; sleep 2; exit $s"
    return Ending(command, status, words, ("--put", MODULE, *options))


SOFT_LOCKUP = "echo 2 >/proc/sys/kernel/watchdog_thresh; "
HUNG_TASK = "cd /proc/sys/kernel; echo 3 >hung_task_timeout_secs; echo 1 >hung_task_check_interval_secs; cd; "

ENDINGS = {
    "command-succeeds": Ending("true", 0),
    "command-fails": Ending("exit 7", 7),
    "poweroff": Ending("poweroff -f", 120, "no verdict"),
    "reboot": Ending("reboot -f", 122, "reset itself"),
    "time-limit": Ending("sleep 1000", 124, "time limit", ("--timeout", "25")),
    "silence": Ending("sleep 1000", 118, "said nothing", ("--silence", "25")),
    "crash": Ending(CRASH, 121, r"panicked: sysrq triggered crash \(CPU \d, sh\[\d+\]\)"),
    "crash-that-resets": Ending(CRASH, 121, "panicked: sysrq", ("--append", "panic=-1")),
    "crash-on-one-cpu": Ending(CRASH, 121, "panicked: sysrq", ("--smp", "1")),
    "crash-after-lies": Ending(ALIVE + CRASH, 121, "panicked: sysrq"),
    "init-dies": Ending(None, 121, "panicked: Attempted to kill init", ("--append", "rdinit=/bin/busybox -- true")),
    "no-root": Ending(None, 121, "panicked: VFS: Unable to mount root", ("--initrd", "none")),
    "halt": Ending("halt -f", 117, "takes no interrupts", ("--hang", "5")),
    "crash-on-one-cpu-without-a-look": Ending(CRASH, 121, "exit: guest (dead|panicked)", ("--smp", "1", "--no-report")),
    "forged-and-goes-on": Ending(FORGED + "sleep 4; exit 5", 5),
    "forged-and-busy": Ending(FORGED + BUSY + "exit 6", 6),
    "forged-and-resets": Ending(FORGED + "reboot -f", 122),
    "forged-and-powers-off": Ending(FORGED + "poweroff -f", 120),
    "forged-on-one-cpu": Ending(FORGED + "sleep 4; exit 5", 5, "", ("--smp", "1")),
    "forged-without-a-look": Ending(FORGED + "sleep 4; exit 5", 5, "the guest lives", ("--no-report",)),
    "forged-without-a-look-on-one-cpu": Ending(FORGED + "sleep 4; exit 5", 5, "the guest lives",
                                               ("--no-report", "--smp", "1")),
    "forged-reports": Ending(FORGED_REPORTS + "exit 5", 5, "", BY_REPORTS),
    "forged-reports-and-goes-on": Ending(FORGED_REPORTS + "sleep 4; exit 5", 5, "", BY_REPORTS),
    "old-log": Ending(OLD_LOG + "exit 3", 3),
    "spoken-words": Ending(SPOKEN + "sleep 3; exit 4", 4, "", BY_REPORTS),
    "busy": Ending(BUSY + "exit 8", 8, "", ("--hang", "3")),
    "null": goes_wrong("null", 139, r"oopsed on the way: .*at dereference_null"),
    "null-ends": goes_wrong("null", 116, "oopsed: Unable to handle kernel NULL pointer", "--oops=panic"),
    "bug-ends": goes_wrong("bug", 116, "oopsed: kernel BUG at", "--oops=panic"),
    "null-panics": goes_wrong("null", 121, "panicked: Oops: Fatal exception", "--append", "oops=panic"),
    "warns": goes_wrong("warn", 0, ""),
    "warns-and-fails": goes_wrong("warn", 115, "warned: WARN: ", "--warn=fail", "--append", "quiet"),
    "panic": goes_wrong("panic", 121, "panicked: misbehave panics"),
    "panic-words": goes_wrong("panic-words; sleep 6", 0, "the guest lives"),
    "null-after-lies": goes_wrong("null", 116, "oopsed: Unable to handle kernel NULL pointer.*at dereference_null",
                                  "--oops=panic", before=FORGED_REPORTS),
    "warns-after-lies": goes_wrong("warn", 115, "warned: WARN: WARNING: .*misbehave", "--warn=fail", "--append", "quiet",
                                   before=FORGED_REPORTS),
    "double-fault": goes_wrong("stack", 121, "panicked: kernel stack overflow"),
    "exception-loop": goes_wrong("vectors", 117, "in a loop of exceptions", "--hang", "5"),
    "interrupts-off": goes_wrong("irqs-off", 117, "takes no interrupts", "--hang", "5"),
    "interrupts-off-on-all": goes_wrong("irqs-off-all", 117, "takes no interrupts", "--hang", "5"),
    "soft-lockup": goes_wrong("hog", 115, "soft lockup", "--warn=fail", before=SOFT_LOCKUP),
    "hung-task": goes_wrong("hung-task", 115, "hung task", "--warn=fail", before=HUNG_TASK),
}
