#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--gdb: the printed command attaches, with the hypervisor's symbols."""

import re
import shlex
import shutil
import subprocess
import unittest

from support import LAUNCHER, LIMIT, REPO, BootTest


@unittest.skipUnless(shutil.which("gdb-multiarch"), "no gdb-multiarch: tools/setup debug")
class Debugger(BootTest):
    def test_stop_in_the_hypervisor(self):
        with subprocess.Popen([LAUNCHER, "run", "--gdb", "--timeout", str(LIMIT)], cwd=REPO,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as launcher:
            words = ""
            while "gdb-multiarch" not in words:
                words = launcher.stderr.readline()
                self.assertTrue(words, "the launcher ended")
            command = shlex.split(words.strip()) + [
                "-batch", "-nx", "-ex", "hbreak stage2_init", "-ex", "continue", "-ex", "backtrace",
                "-ex", "kill"]
            try:
                done = subprocess.run(command, cwd=REPO, stdin=subprocess.DEVNULL, text=True,
                                      capture_output=True, timeout=LIMIT, check=False)
            finally:
                launcher.terminate()
        self.assertRegex(done.stdout, re.compile(r"#0 +stage2_init .*#1 .* vm_init \(.* main \(", re.DOTALL),
                         done.stderr)


if __name__ == "__main__":
    unittest.main()
