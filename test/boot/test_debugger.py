#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--gdb: the printed command attaches, with the hypervisor's symbols; a module's init function. And
`tools/traproom debug`, which is both in one."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import unittest

import pexpect

from support import BUILD, LAUNCHER, LIMIT, PROMPT, REPO, BootTest

GDB_PROMPT = r"\(gdb\) $"
MODULE = os.path.join(BUILD, "module", "tdrv.ko")


@unittest.skipUnless(shutil.which("gdb-multiarch"), "no gdb-multiarch: tools/setup debug")
class Debugger(BootTest):
    @contextlib.contextmanager
    def machine(self, *options):
        """The command that attaches to a machine which waits for gdb, as the launcher prints it."""
        with subprocess.Popen([LAUNCHER, "run", "--gdb", "--timeout", str(LIMIT), *options], cwd=REPO,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as launcher:
            try:
                words = ""
                while "gdb-multiarch" not in words:
                    words = launcher.stderr.readline()
                    self.assertTrue(words, "the launcher ended")
                yield shlex.split(words.strip())
            finally:
                launcher.terminate()

    def gdb(self, attach, *commands):
        """What gdb prints, given these commands."""
        arguments = [word for command in (*commands, "kill") for word in ("-ex", command)]
        done = subprocess.run([*attach, "-batch", "-nx", *arguments], cwd=REPO, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False)
        return done.stdout + done.stderr

    def test_stop_in_the_hypervisor(self):
        with self.machine() as attach:
            out = self.gdb(attach, "hbreak stage2_init", "continue", "backtrace")
        self.assertRegex(out, re.compile(r"#0 +stage2_init .*#1 .* vm_init \(.* main \(", re.DOTALL))

    @unittest.skipUnless(os.path.exists(MODULE), "the sample module is not built for this kernel")
    def test_stop_in_a_module(self):
        """Debian's kernel comes without symbols: it says itself where do_init_module is."""
        place = self.command("grep ' do_init_module$' /proc/kallsyms", "--append", "nokaslr")
        place = re.search(r"^([0-9a-f]{16}) \w do_init_module", place, re.MULTILINE).group(1)
        with self.machine("--put", MODULE, "--cmd", "insmod tdrv.ko") as attach:
            out = self.gdb(attach, "source tools/gdb/module.py", f"module-init {MODULE} 0x{place}",
                           "continue", "backtrace 1", "print tdrv_driver.driver.name",
                           "info symbol tdrv_probe")
        self.assertRegex(out, r"#0 +tdrv_driver_init \(\) at .*tdrv\.c:\d+")
        self.assertRegex(out, r'= 0x[0-9a-f]+ .*"tdrv"')
        self.assertRegex(out, r"tdrv_probe( \+ \d+)? in section \.text of ")

    @unittest.skipUnless(os.path.exists(MODULE), "the sample module is not built for this kernel")
    def test_all_in_one_command(self):
        """`tools/traproom debug`: the machine and gdb end with its script, whose status is the command's."""
        script = os.path.join(self.folder, "script")
        with open(script, "w", encoding="utf-8") as file:
            file.write("continue\nbacktrace 1\ninfo symbol tdrv_probe\nquit 7\n")
        done = subprocess.run([LAUNCHER, "debug", "--module", MODULE, "--append", "quiet", "--script", script],
                              cwd=REPO, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
        out = done.stdout + done.stderr
        self.assertEqual(done.returncode, 7, out)
        self.assertRegex(out, r"#0 +tdrv_driver_init \(\) at .*tdrv\.c:\d+")
        self.assertRegex(out, r"tdrv_probe( \+ \d+)? in section \.text of ")

    @unittest.skipUnless(os.path.exists(MODULE), "the sample module is not built for this kernel")
    def test_at_a_terminal(self):
        """gdb has it, Ctrl-C included, and the run ends with gdb."""
        gdb = pexpect.spawn(LAUNCHER, ["debug", "--module", MODULE, "--append", "quiet"], cwd=REPO, timeout=LIMIT,
                            encoding="utf-8", env={**os.environ, "TERM": "dumb"})
        self.addCleanup(gdb.close, True)
        for command, answer in (("continue", "tdrv_driver_init"), ("backtrace 1", r"tdrv_driver_init \(\) at .*tdrv\.c")):
            gdb.expect(GDB_PROMPT)
            gdb.sendline(command)
            gdb.expect(answer)
        gdb.expect(GDB_PROMPT)
        gdb.sendline("continue")
        gdb.expect(PROMPT)  # the guest's shell
        gdb.sendintr()
        gdb.expect("SIGINT")
        gdb.expect(GDB_PROMPT)
        gdb.sendline("quit")
        gdb.expect(r"Quit anyway\? \(y or n\)")
        gdb.sendline("y")
        self.ends(gdb)

    def test_the_run_can_not_begin(self):
        done = subprocess.run([LAUNCHER, "debug", "--disk", self.path("none")], cwd=REPO, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("No such file", done.stderr)


if __name__ == "__main__":
    unittest.main()
