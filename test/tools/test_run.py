#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/traproom run as a whole, with a stand-in for QEMU (fake_qemu.py)."""

import gzip
import os
import pty
import random
import re
import select
import signal
import subprocess
import tempfile
import termios
import time
import unittest

from support import (LAUNCHER, LIMIT, MIB, OFF, REPO, VIRT_DTS, RunTest, compile_dts, dump_qemu_tree,
                     image)
from launcher import fdt, guest_tree


class Status(RunTest):
    def check(self, status, program, *options, words=""):
        got, out, err = self.run_launcher(*options, program=program)
        self.assertEqual(got, status, out + err)
        self.assertIn(words, err)

    def test_powered_off(self):
        self.check(0, OFF)

    def test_stopped(self):
        self.check(3, "print('[traproom] exit: guest stopped: bad descriptor')")

    def test_refused(self):
        self.check(1, "print('[traproom] exit: guest refused: two nodes overlap')")

    def test_failed(self):
        self.check(2, "print('[traproom] exit: hypervisor failed: no GIC')")

    def test_only_the_last_line_counts(self):
        self.check(3, OFF + "\nprint('[traproom] exit: guest stopped: x')")
        self.check(2, OFF + "\nprint('and on goes the guest')", words="not said why")
        self.check(2, "print('x [traproom] exit: guest powered off')")
        self.check(2, "print('[traproom] exit: guest powered offline')")

    def test_silent_end(self):
        self.check(2, "", words="not said why")

    def test_qemu_fails_at_once(self):
        self.check(1, "import sys; sys.exit('bad -cpu')", words="did not start")

    def test_qemu_dies_later(self):
        self.check(2, "print('x', flush=True); import os; os.abort()", words="QEMU failed")

    def test_qemu_takes_its_time_to_leave(self):
        self.check(0, OFF + "\nimport time; os.close(1); time.sleep(1.5)")

    def test_timeout(self):
        start = time.monotonic()
        self.check(124, "import time; print('a', flush=True); time.sleep(60)", "--timeout", "0.5",
                   words="time limit")
        self.assertLess(time.monotonic() - start, 10)

    def test_left_by_the_user(self):
        self.check(0, r"print('QEMU: Terminated\n\r')")
        self.check(0, r"print('~ # QEMU: Terminated\n\r')")

    def test_no_verdict(self):
        self.check(120, OFF, "--cmd", "true", words="no verdict")

    def test_reset(self):
        program = "print('[traproom] exit: guest reset')"
        self.check(122, program, words="--reboot")
        self.check(122, program, "--cmd", "true")
        for options, flag in (([], False), (["--cmd", "true"], True), (["--no-reboot"], True), \
                (["--cmd", "true", "--reboot"], False)):
            self.run_launcher(*options)
            self.assertEqual("traproom,no-reboot" in self.tree().chosen.properties, flag, options)

    def test_panic(self):
        """It ends a run that nobody watches, before QEMU ends; else it tells a reset's reason."""
        panic = "print('[    1.500000] Kernel panic - not syncing: Oh dear!\\r\\n', flush=True)\n"
        rest = "print('[    1.600000] ---[ end Kernel panic - not syncing: Oh dear! ]---', flush=True)\n"
        forever = "import time; time.sleep(9999)"
        self.check(121, panic + rest + forever, "--cmd", "true", words="panicked: Oh dear!")
        self.check(121, panic + rest + forever, words="panicked: Oh dear!")
        self.check(121, panic + forever, words="panicked: Oh dear!")
        self.check(121, panic + "print('[traproom] exit: guest reset')", "--cmd", "true")
        self.check(121, panic + forever, "--timeout", "1")
        self.check(0, panic + OFF)  # someone has printed an old log
        self.check(124, "print('[    1.200000] x')\nprint('" + panic[22:] + forever, "--timeout", "3")

    def test_panic_that_is_none(self):
        """Traproom is asked, and knows better than what is printed."""
        panic = "print('[    1.500000] Kernel panic - not syncing: x\\r\\n', flush=True)\n"
        lives = "answer_breaks(['[traproom] break: the guest lives', '[traproom] exit: guest {}'])"
        self.check(0, panic + lives.format("powered off"))
        self.check(122, panic + lives.format("reset"))
        self.check(121, panic + "answer_breaks(['[traproom] exit: guest dead: x'])", words="panicked: x")

    def test_words_of_a_machine_that_is_off(self):
        """Its memory is looked at before QEMU ends. Without a log they are believed."""
        warning = "print('[    1.500000] WARNING: CPU: 1 PID: 8 at x.c:4 f+0x2/0x3\\r\\n', flush=True)\n"
        ram = "print('[traproom] RAM: [0x40000000, 0x403fffff] is the machine\\'s from 0x40000000 on', flush=True)\n"
        kernel = f"""
sys.path.insert(0, {os.path.dirname(os.path.realpath(__file__))!r})
from fake_kernel import FakeKernel
kernel = FakeKernel()
kernel.add_log()
kernel.add_note()
"""
        for said, of, status in (("", "be_off()", 115), (kernel, "be_off(kernel.fetch)", 0)):
            self.check(status, said + ram + warning + OFF + "\n" + of, "--warn=fail")

    def test_hung(self):
        self.check(117, "print('[traproom] exit: guest hung: vCPU 2 takes no interrupts')",
                   words="the guest hung: vCPU 2 takes no interrupts")
        self.check(121, "print('[traproom] exit: guest panicked: its kernel says so')", words="its kernel says so")
        for options, hang in (([], 30), (["--hang", "7"], 7), (["--hang", "0"], None), (["--gdb"], None)):
            self.run_launcher(*options)
            self.assertEqual(self.tree().number(self.tree().chosen, "traproom,hang"), hang)

    def test_oops(self):
        """Where the guest has a status of its own, it is not hidden."""
        oops = "print('[    1.500000] Internal error: Oops: 96000004 [#1] SMP', flush=True)\n"
        done = "print('[    1.600000] ---[ end trace 0000000000000000 ]---', flush=True)\n"
        chatter = "import time\nwhile True: print('x', flush=True); time.sleep(0.1)"
        self.check(116, oops + "import time; time.sleep(9999)", words="oopsed: Oops: 96000004")
        self.check(116, oops + done + chatter, words="oopsed: Oops: 96000004")
        self.check(116, oops + done + OFF)
        self.check(121, oops + done + "print('[    1.700000] Kernel panic - not syncing: Fatal')\n" + chatter,
                   "--timeout", "5")
        self.check(0, oops + done + OFF, "--oops=continue", words="oopsed on the way: Oops: 96000004")
        self.check(120, oops + done + OFF, "--cmd", "true", words="oopsed on the way")
        self.check(116, oops + done + OFF, "--cmd", "true", "--oops=panic")
        self.check(3, oops + done + "print('[traproom] exit: guest stopped: x')")

    def test_warning(self):
        warning = "print('[    1.500000] WARNING: CPU: 0 PID: 7 at fs/x.c:10 f+0x4/0x8', flush=True)\n"
        self.check(0, warning + OFF)
        self.check(115, warning + OFF, "--warn=fail", words="warned: WARN: WARNING: CPU: 0 PID: 7 at fs/x.c:10")
        self.check(115, warning + warning + OFF, "--warn=fail", words=", and 1 more")
        self.check(122, warning + "print('[traproom] exit: guest reset')", "--warn=fail")

    def test_warnings_are_shown(self):
        for given, added in (("quiet", True), ("loglevel=4", True), ("loglevel=7", False), ("x", False)):
            self.run_launcher("--warn=fail", "--append", given)
            self.assertEqual(b"loglevel=5" in self.tree().chosen.properties["bootargs"], added, given)

    def test_tests(self):
        results = "print('KTAP version 1\\n1..2\\nok 1 a\\n{} 2 b', flush=True)\n" + OFF
        junit = self.path("junit.xml")
        self.check(0, results.format("ok"), "--tap", "--junit", junit, words="tests: 2 passed")
        self.check(113, results.format("not ok"), "--tap", "--junit", junit, words="1 passed, 1 failed; b")
        with open(junit, encoding="utf-8") as file:
            self.assertIn("<failure", file.read())
        self.check(0, results.format("not ok"))
        self.check(113, OFF, "--tap", words="no test result came")
        self.check(113, OFF, "--xfstests", words="no test result came")
        self.check(122, results.format("ok") + "\nprint('[traproom] exit: guest reset')", "--tap", words="2 passed")
        self.check(1, OFF, "--junit", junit, words="--junit needs results")
        self.run_launcher("--tap", "--append", "quiet")
        self.assertIn(b"loglevel=7", self.tree().chosen.properties["bootargs"])

    def test_silence(self):
        start = time.monotonic()
        program = "import time\nfor i in range(8): print('x', flush=True); time.sleep(0.5)\ntime.sleep(9999)"
        self.check(118, program, "--silence", "2", words="said nothing for 2 s")
        self.assertGreater(time.monotonic() - start, 5)

    def test_all_are_explained(self):
        """--help and README have the same table, which has every status that a test here expects."""
        with open(os.path.join(REPO, "README.md"), encoding="utf-8") as file:
            readme = re.findall(r"^\| ([0-9N+]+|any) \| (.*) \|$", file.read(), re.MULTILINE)
        shown = self.run_launcher("--help")[1]
        shown = re.findall(r"^  ([0-9N+]+|any) +(.*)$", shown[shown.index("exit status:"):], re.MULTILINE)
        self.assertEqual(shown, [(status, words.replace("`", "")) for status, words in readme])
        with open(__file__, encoding="utf-8") as file:
            expected = set(re.findall(r"self\.check\((\d+),", file.read()))
        self.assertGreater(len(expected), 7)
        self.assertLessEqual(expected, {status for status, _ in shown})

    def test_signal(self):
        """A launcher that is told to end takes QEMU with it."""
        program = "import time; print(os.getpid(), flush=True); time.sleep(60)"
        with subprocess.Popen([LAUNCHER, "run"], env=self.environment(program),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            qemu = int(process.stdout.readline())
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(timeout=LIMIT), 128 + signal.SIGTERM)
        with self.assertRaises(ProcessLookupError):
            os.kill(qemu, 0)

    def test_nohup(self):
        program = "print('x', flush=True); input(); " + OFF
        with subprocess.Popen(["nohup", LAUNCHER, "run"], env=self.environment(program),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.readline(), b"x\n")
            process.send_signal(signal.SIGHUP)
            process.communicate(b"\n", timeout=LIMIT)
            self.assertEqual(process.returncode, 0)

    def test_signal_before_qemu(self):
        """Nothing is left behind, and nothing said, when it comes as dtc is at work."""
        for number, status in ((signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, 130)):
            dtc = self.write("bin/dtc", b"#!/bin/sh\necho > $FAKE_FOLDER/busy\nexec sleep 60\n")
            os.chmod(dtc, 0o755)
            with subprocess.Popen([LAUNCHER, "run"], env=self.environment(OFF),
                                  stderr=subprocess.PIPE) as process:
                while not os.path.exists(self.path("busy")):
                    time.sleep(0.01)
                process.send_signal(number)
                self.assertEqual(process.communicate(timeout=LIMIT)[1], b"")
                self.assertEqual(process.returncode, status)
            self.assertEqual([name for name in os.listdir(self.folder.name) if "traproom" in name], [])
            os.remove(self.path("busy"))


class Machine(RunTest):
    def test_default(self):
        self.assertEqual(self.run_launcher()[0], 0)
        arguments = self.arguments()
        for option, value in (("-M", "virt,virtualization=on,gic-version=3"), ("-smp", "4"),
                              ("-cpu", "max,pauth-impdef=on"), ("-serial", "stdio"),
                              ("-kernel", self.path("build/hyp/traproom.elf"))):
            self.assertEqual(arguments[arguments.index(option) + 1], value)
        tree = self.tree()
        self.assertEqual(self.loaded(tree.chosen, "traproom,kernel"), image(3 * MIB))
        self.assertEqual(self.loaded(tree.chosen, "traproom,initrd"), b"i" * 1001)
        self.assertEqual(self.loaded(tree.virtio_nodes()[0], "traproom,disk"), b"d" * 4096)
        self.assertEqual(tree.initrd_start(), 0x54000000)
        self.assertNotIn("traproom,quiet", tree.chosen.properties)

    def test_options(self):
        self.run_launcher("--smp", "7", "--mem", "1G", "--append", "a=b c", "--cpu", "cortex-a53",
                          "--quiet", "--icount", "--initrd", "none", "--disk", "none")
        tree, arguments = self.tree(), self.arguments()
        self.assertEqual(len(tree.cpus()), 7)
        self.assertEqual(tree.ram(), [(0x48000000, 1 << 30)])
        self.assertEqual(tree.chosen.text("bootargs"), "console=ttyAMA0 a=b c")
        self.assertNotIn("traproom,quiet", tree.chosen.properties)  # it has to answer
        self.assertIn("traproom,unattended", tree.chosen.properties)
        self.assertEqual(tree.number(tree.chosen, "traproom,hang"), 30)
        self.assertNotIn("traproom,stats", tree.chosen.properties)
        self.assertIsNone(tree.initrd_start())
        self.assertNotIn("traproom,disk", tree.virtio_nodes()[0].properties)
        self.assertEqual(arguments[arguments.index("-smp") + 1], "7")
        self.assertEqual(arguments[arguments.index("-cpu") + 1], "cortex-a53")
        self.assertEqual(arguments[arguments.index("-icount") + 1], "shift=0,sleep=off")
        self.assertIn("tcg,thread=single", arguments)

    def test_gdb(self):
        self.write("kernels/Image", image())
        self.write("kernels/vmlinux", b"elf")
        _, _, err = self.run_launcher("--gdb", "--kernel", self.path("kernels/Image"))
        self.assertIn("-S", self.arguments())
        self.assertRegex(err, r"gdb-multiarch .*traproom\.elf.*add-symbol-file .*kernels/vmlinux")
        self.assertIn("nokaslr", self.tree().chosen.text("bootargs"))

    def test_tree_from_qemu(self):
        dump_qemu_tree(self.path("dump.dtb"), "-smp", "2", "-m", "256")
        status, _, err = self.run_launcher("--dtb", self.path("dump.dtb"), "--append", "quiet")
        self.assertEqual(status, 0, err)
        tree = self.tree()
        self.assertEqual(tree.ram(), [(0x40000000, 256 * MIB)])
        self.assertEqual(self.loaded(tree.virtio_nodes()[0], "traproom,disk"), b"d" * 4096)
        self.assertEqual(self.loaded(tree.chosen, "traproom,initrd"), b"i" * 1001)
        self.assertTrue(tree.chosen.text("bootargs").endswith("quiet"))
        self.assertEqual(self.arguments()[self.arguments().index("-smp") + 1], "2")

    def test_tree_says_where_the_initramfs_goes(self):
        with open(VIRT_DTS, encoding="utf-8") as file:
            text = file.read().replace("chosen {", "chosen { linux,initrd-start = <0x50000000>; "
                                                   "linux,initrd-end = <0x50000001>;")
        self.write("own.dtb", compile_dts(text))
        self.assertEqual(self.run_launcher("--dtb", self.path("own.dtb"))[0], 0)
        chosen = self.tree().chosen
        self.assertEqual(self.tree().initrd_start(), 0x50000000)
        self.assertEqual(chosen.properties["linux,initrd-end"],
                         (0x50000000 + 1001).to_bytes(8, "big"))

    def test_small_guest_goes_without_the_default_initramfs(self):
        self.write("build/images/initramfs.cpio.gz", b"i" * 8 * MIB)
        status, _, err = self.run_launcher("--mem", "8M")
        self.assertEqual(status, 0, err)
        self.assertIn("left out", err)
        self.assertIsNone(self.tree().initrd_start())

    def test_comma_in_a_name(self):
        name = self.write("a,b.img", b"d" * 512)
        self.assertEqual(self.run_launcher("--disk", name.replace(",", ",,") + ",ram")[0], 0)
        self.assertEqual(self.loaded(self.tree().virtio_nodes()[0], "traproom,disk"), b"d" * 512)

    STATS = ["[traproom] exits by reason: in all", "[traproom] hvc   1"]

    def test_stats(self):
        """Those of the end are shown even if nothing else is; at the time limit they are asked for."""
        at_end = f"print('\\n'.join({self.STATS!r}))\n" + OFF
        at_break = f"answer_breaks({self.STATS!r} + ['[traproom] break: the guest goes on'])"
        for program, options, status in ((at_end, [], 0), (at_break, ["--timeout", "1"], 124)):
            for volume in [], ["--quiet"]:
                got, out, err = self.run_launcher("--stats", *options, *volume, program=program)
                self.assertEqual((got, out.splitlines()[:2]), (status, self.STATS), err)
                self.assertEqual("[traproom] exit: " in out + err, not volume and status == 0)
            self.assertIn("traproom,stats", self.tree().chosen.properties)
            self.assertNotIn("traproom,quiet", self.tree().chosen.properties)

    def test_stats_of_a_quiet_command(self):
        status, out, err = self.run_launcher("--stats", "--quiet", "--cmd", "true", "--timeout", "1",
                                             program="print('a kernel speaks')\n"
                                             f"answer_breaks({self.STATS!r} + ['[traproom] break: x'], missed=1)")
        self.assertEqual((status, out), (124, ""))
        self.assertLessEqual({"a kernel speaks", *self.STATS}, set(err.splitlines()))

    def test_no_stats(self):
        status, _, err = self.run_launcher("--stats", "--timeout", "1",
                                           program="import time; time.sleep(60)")
        self.assertEqual(status, 124)
        self.assertIn("does not answer", err)

    def test_qemu_says_why(self):
        for said, words, status in (("cannot set up guest memory 'mach-virt.ram'", "--mem", 1),
                                    ("unable to find CPU model 'x'", "-cpu help", 1),
                                    ("-gdb tcp:127.0.0.1:1234: Failed: Address already in use", "gdb", 1),
                                    ("something else", "did not start", 1)):
            got, _, err = self.run_launcher(program=f"sys.exit({said!r})")
            self.assertEqual(got, status, err)
            self.assertRegex(err, f"(?s){re.escape(said)}.*traproom: .*{words}")
        got, _, err = self.run_launcher(program="os.kill(os.getpid(), 9)")
        self.assertEqual(got, 2)
        self.assertIn("out of memory", err)

    def test_more_arguments(self):
        self.run_launcher("--qemu", "-snapshot", "--qemu", "-d int -D 'a b'")
        self.assertEqual(self.arguments()[-5:], ["-snapshot", "-d", "int", "-D", "a b"])

    def test_bare(self):
        self.assertEqual(self.run_launcher("--bare", program="print('hi')")[0], 0)
        self.assertIn("virt,gic-version=3", self.arguments())


class Relay(RunTest):
    """The default guest without a terminal: relay.c, compiled for this machine, with a real tty."""

    @classmethod
    def setUpClass(cls):
        cls.tools = tempfile.TemporaryDirectory(prefix="traproom-relay-")
        cls.relay = os.path.join(cls.tools.name, "relay")
        subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-o",
                        cls.relay, os.path.join(REPO, "guest", "initramfs", "relay.c")], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.tools.cleanup()

    def setUp(self):
        super().setUp()
        self.write("build/images/Image", image(3 * MIB) + b"Linux version 6.1.0-x (me) ")
        self.write("build/images/initramfs.cpio.gz", gzip.compress(b"070701 sbin/relay\0"))

    def environment(self, program):
        return dict(super().environment(program), FAKE_RELAY=self.relay)

    def go(self, *options, stdin=b"", program="relay()"):
        done = subprocess.run([LAUNCHER, "run", *options], env=self.environment(program),
                              input=stdin, capture_output=True, timeout=LIMIT, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_streams(self):
        command = "printf 'out\\r\\n'; printf err >&2; printf abc; exit 42"
        self.assertEqual(self.go("--quiet", "--cmd", command), (42, b"out\r\nabc", b"err"))

    def test_every_byte(self):
        self.write("all", bytes(range(256)) * 999)
        status, out, err = self.go("--quiet", "--cmd", "cat " + self.path("all"))
        self.assertEqual((status, err), (0, b""))
        self.assertEqual(out, bytes(range(256)) * 999)

    def test_by_port(self):
        """The port carries all bytes both ways; the console is the kernel's alone."""
        everything = bytes(range(256)) * 999
        for volume in ["--quiet"], []:
            status, out, err = self.go(*volume, "--cmd", "cat; echo err >&2; exit 42", stdin=everything,
                                       program="relay_by_port()")
            self.assertEqual(status, 42)
            self.assertEqual(out.count(b"a kernel speaks\n"), 0 if volume else 2)
            self.assertEqual(out.replace(b"a kernel speaks\n", b"").partition(b"\n[traproom]")[0], everything)
            self.assertIn(b"err\n", err)

    def test_statuses(self):
        for command, status in (("kill -9 $$", 137), ("exec nonesuch", 127), ("exit 255", 255)):
            self.assertEqual(self.go("--quiet", "--cmd", command)[0], status)

    def test_large_input(self):
        """It arrives whole, though a terminal holds but 4095 bytes and its reader is slow."""
        data = random.Random(1).randbytes(1 << 20)
        status, out, err = self.go("--quiet", "--cmd", "sleep 1; cat", stdin=data)
        self.assertEqual((status, err), (0, b""))
        self.assertEqual(out, data)

    def test_script_by_pipe(self):
        self.assertEqual(self.go("--quiet", stdin=b"x='\x04\x03'\necho $x >&2\nfalse"),
                         (1, b"", b"\x04\x03\n"))
        self.assertEqual(self.go("--quiet", stdin=b"echo a; exit 3; echo b"), (3, b"a\n", b""))

    def test_end_of_input_ends_the_session(self):
        self.assertEqual(self.go("--quiet"), (0, b"", b""))

    def test_input_that_nobody_reads(self):
        for command in ("true", "exec <&-; sleep 1", "head -c 1 >/dev/null"):
            self.assertEqual(self.go("--quiet", "--cmd", command, stdin=b"x" * (1 << 20))[0], 0)

    def test_others_keep_the_output_open(self):
        command = "sleep 9999 & echo $!; exit 2"
        status, out, err = self.go("--quiet", "--cmd", command)
        os.kill(int(out), signal.SIGTERM)  # it is still there
        self.assertEqual((status, err), (2, b""))

    def test_messages_in_between(self):
        """Of the kernel, in UTF-8, after each few bytes of a frame."""
        noise = "[    1.5] a message, \u00e4\u20ac\U0001f3ad\r\n".encode()
        program = f"relay({noise!r}, 5)"
        for command in ("seq 200", "seq 200 >&2"):
            status, out, err = self.go("--quiet", "--cmd", command, program=program)
            self.assertEqual(status, 0)
            self.assertEqual(out + err, b"".join(b"%d\n" % n for n in range(1, 201)))
        status, out, err = self.go("--cmd", "seq 20", program=program)
        self.assertEqual((status, err), (0, b""))
        self.assertGreater(out.count(noise.replace(b"\r", b"")), 10)
        self.assertIn(b"exit: guest powered off", out)

    def test_what_breaks_a_frame_is_noticed(self):
        for noise in (b"\xb0", b"\xff", b"\xf9", b"\xe9"):
            status, _, err = self.go("--quiet", "--cmd", "seq 200", program=f"relay({noise!r}, 500)")
            self.assertEqual(status, 120)
            self.assertIn(b"output was lost", err)

    def test_last_words_of_a_quiet_guest(self):
        program = "relay()\nprint('[    1.900000] Kernel panic - not syncing: Oh!\\r\\nCall trace:\\r')\n" \
                  "print('[traproom] exit: guest reset')"
        status, out, err = self.go("--quiet", "--cmd", "echo a", program=program)
        self.assertEqual((status, out), (121, b"a\n"))
        self.assertIn(b"Call trace:\n", err)
        status, out, err = self.go("--quiet", "--cmd", "echo a",
                                   program="relay()\nprint('[traproom] exit: guest stopped: x')")
        self.assertEqual((status, out), (3, b"a\n"))
        self.assertIn(b"guest stopped: x", err)

    def test_other_guests_get_plain_input(self):
        self.write("build/images/Image", image(3 * MIB))
        program = "print(input()[::-1], flush=True)\nsys.stdin.read()\n" + OFF
        status, out, err = self.go(stdin=b"abc\n", program=program)
        self.assertEqual(status, 0)
        self.assertIn(b"cba\n", out)
        self.assertIn(b"standard input has ended", err)
        for options in (["--quiet"], ["--timeout", "60"]):
            self.assertEqual(self.go(*options, stdin=b"abc\n", program=program)[2], b"")

    def test_other_initramfs(self):
        """With a relay in it, or perhaps, or surely not: then --cmd would wait for ever."""
        program = "print(staged('nonce') is not None); " + OFF
        for data, there in ((b"070701" + b"0" * (3 << 20) + b"sbin/relay\0", True),
                            (b"070701 nothing of the kind", False)):
            for name, content in (("plain", data), ("packed", gzip.compress(data))):
                options = ["--initrd", self.write(name, content)]
                self.assertIn(str(there).encode(), self.go(*options, program=program)[1])
                if there or name == "plain":
                    self.assertEqual(self.go(*options, "--cmd", "true", program=program)[0], 120)
                else:
                    os.remove(self.path("arguments"))
                    self.refused("give both", *options, "--cmd", "true")
        default = self.path("build/images/initramfs.cpio.gz")
        self.assertIn(b"True", self.go("--initrd", default, "--initrd", self.path("packed"),
                                       program=program)[1])

    def test_interrupted(self):
        program = "print(os.getpid(), flush=True); relay()"
        with subprocess.Popen([LAUNCHER, "run", "--cmd", "sleep 9999"], env=self.environment(program),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            qemu = int(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=LIMIT), 130)
        with self.assertRaises(ProcessLookupError):
            os.kill(qemu, 0)

    def test_reader_gone(self):
        """The command hears of it, too, and ends: the FIFO's last writer."""
        fifo = self.path("alive")
        os.mkfifo(fifo)
        script = f"timeout {LIMIT} cat {fifo} & {LAUNCHER} run --cmd 'exec 9>{fifo}; seq 1000000' --quiet " \
                 "</dev/null | head -c 1 >/dev/null; echo ${PIPESTATUS[0]}; wait $!"
        done = subprocess.run(["bash", "-c", script], env=self.environment("relay()"), timeout=LIMIT,
                              capture_output=True, check=False)
        self.assertEqual((done.stdout, done.returncode), (b"141\n", 0), done.stderr)

    def test_closed_files(self):
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            done = subprocess.run(["sh", "-c", f"{LAUNCHER} run --cmd 'cat; exit 9' {closed}"],
                                  env=self.environment("relay()"), timeout=LIMIT, check=False,
                                  stdin=subprocess.DEVNULL, capture_output=True)
            self.assertEqual(done.returncode, 9, done.stderr)


class Refused(RunTest):
    def test_kernels(self):
        for data, words in ((b"", "empty"), (b"\x1f\x8b" + b"x" * 99, "can't be unpacked, as gzip"),
                            (b"\x7fELF" + b"x" * 99, "ELF"), (b"x" * 20, "only 20 bytes"),
                            (image(magic=0x12345678), "0x644d5241"), (b"\xfd7zXZ\0" + b"x" * 99, "as xz")):
            self.refused(words, "--kernel", self.write("kernel", data))
        self.refused("No such file", "--kernel", self.path("missing"))
        self.refused("name is empty", "--kernel", "")
        self.refused("is a folder: give its arch", "--kernel", self.folder.name)
        self.refused("none --put .*/.:/ makes", "--initrd", self.folder.name)
        self.refused("has no room for", "--mem", "8M", "--kernel",
                     self.write("kernel", image(image_size=9 * MIB)))

    def test_other_files(self):
        for option in ("--initrd", "--disk", "--dtb", "--hypervisor"):
            self.refused("No such file", option, self.path("missing"))
        self.refused("512-byte", "--disk", self.write("disk", b"x" * 513))
        self.refused("neither an ELF", "--hypervisor", self.write("x", b"x" * 512))
        self.refused("not a valid device tree", "--dtb", self.write("bad.dtb", b"x" * 100))
        self.refused("does not fit", "--initrd", self.write("big", b"x" * 8 * MIB), "--mem", "8M")

    def test_no_virtio_node(self):
        with open(VIRT_DTS, encoding="utf-8") as file:
            self.write("own.dtb", compile_dts(file.read().replace("virtio,mmio", "other")))
        self.refused("no virtio,mmio", "--dtb", self.path("own.dtb"), "--disk",
                     self.write("disk", b"x" * 512))

    def test_values(self):
        for options in (["--smp", "0"], ["--smp", "17"], ["--smp", "x"], ["--mem", "1X"], ["--mem", "1.3G"],
                        ["--mem", "1M"], ["--mem", "-5"], ["--timeout", "0"], ["--timeout", "no"],
                        ["--nonsense"], ["--dtb", "x", "--smp", "2"], ["--dtb", "x", "--mem", "1G"],
                        ["--cmd", "true", "--initrd", "none"], ["--quiet", "--verbose"],
                        ["--qemu", "'"]):
            self.refused("traproom: ", *options)

    def test_nothing_built(self):
        os.remove(self.path("build/hyp/traproom.elf"))
        self.refused("make build", "--timeout", "1")


class Inputs(RunTest):
    """Files that are none, and names and words that are not UTF-8."""

    def with_pipe(self, *options):
        """Run with a pipe as file 9, that gives an Image."""
        command = f'exec 9< <(cat "{self.path("build/images/Image")}"); exec "$0" run "$@"'
        return subprocess.run(["bash", "-c", command, LAUNCHER, *options], env=self.environment(OFF),
                              capture_output=True, timeout=30, check=False)

    def test_pipe(self):
        done = self.with_pipe("--kernel", "/dev/fd/9")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.loaded(self.tree().chosen, "traproom,kernel"), image(3 * MIB))

    def test_fifo_without_a_writer(self):
        os.mkfifo(self.path("fifo"))
        for option in ("--kernel", "--initrd", "--disk", "--dtb", "--put"):
            name = self.path("fifo") + ",ram" * (option == "--disk")
            status, _, err = self.run_launcher("--timeout", "0.3", option, name)
            self.assertEqual(status, 124, err)
            self.assertIn("a pipe, has not ended", err)

    def test_character_device(self):
        self.refused("character device", "--disk", "/dev/zero")

    def test_bytes_that_are_no_text(self):
        name = self.write("d", b"d" * 512)
        os.rename(name, name + "\udcff")
        status, _, err = self.run_launcher("--append", "a=\udcff", "--cmd", "echo \udcff", "--disk",
                                           name + "\udcff")
        self.assertEqual(status, 120, err)
        self.assertTrue(self.tree().chosen.properties["bootargs"].endswith(b" a=\xff\0"))
        self.assertIn(b"echo \xff\n", self.loaded(self.tree().chosen, "traproom,initrd"))

    def test_name_that_is_no_text(self):
        self.refused("No such file", "--disk", "/no\udcff")

    def test_machine_too_large(self):
        self.refused("this computer can't give the machine its [0-9]{3}", "--mem", "256G")

    def test_more_than_one_read(self):
        """QEMU before 10 loads no file of 2 GiB."""
        with open(self.write("disk", b""), "wb") as file:
            file.truncate(1 << 31)
        self.refused("disk has 2147483648 bytes; this QEMU", "--disk", self.path("disk") + ",ram")

    def test_two_initramfs(self):
        other = self.write("other", b"o" * 100)
        default = self.path("build/images/initramfs.cpio.gz")
        self.assertEqual(self.run_launcher("--initrd", default, "--initrd", other)[0], 0)
        data = self.loaded(self.tree().chosen, "traproom,initrd")
        self.assertTrue(data.startswith(b"i" * 1001 + b"\0" * 23 + b"o" * 100 + b"\0"))

    def test_no_initramfs(self):
        """Linux unpacks none of these; what another kernel makes of it, is its own affair."""
        linux = self.write("linux", image(MIB)[:-100] + b"Linux version 9.9.9-test (me)" + b"\0" * 71)
        bad = (b"070707", b"x" * 600, b"\0" * 600, b"\x04\x22\x4d\x18")
        for data in bad:
            self.refused("other is no archive that Linux unpacks", "--kernel", linux, "--initrd", self.write("other", data))
        self.assertEqual(self.run_launcher("--initrd", self.path("other"))[0], 0)
        for data in (b"070701x", b"\0" * 512 + b"070702x", gzip.compress(b"x"), b"\xfd7zXZ\0"):
            reader, writer = os.pipe()
            with open(writer, "wb") as file:
                file.write(data)
            with open(reader, "rb") as pipe:
                status, _, err = self.run_launcher("--kernel", linux, "--initrd", "/dev/stdin", stdin=pipe)
            self.assertEqual(status, 0, err)

    def test_missing_modules(self):
        """A kernel whose drivers are modules, and an initramfs that has those of another."""
        linux = self.write("linux", image(MIB)[:-100] + b"Linux version 9.9.9-test (me)" + b"\0" * 71)
        for version, words in (("9.9.9-test", ""), ("9.9.8-test", "9.9.9-test, whose drivers")):
            self.write("build/images/initramfs.cpio.gz",
                       gzip.compress(f"lib/modules/{version}/kernel/x.ko".encode()))
            err = self.run_launcher("--kernel", linux)[2]
            self.assertEqual("--modules DIR" in err, bool(words), err)
            self.assertIn(words, err)

    def test_no_modules(self):
        self.refused("no modules are there", "--modules", self.path("bin"))
        self.refused("no such folder", "--modules", self.path("missing"))

    def test_none_and_another_initramfs(self):
        other = self.write("other", b"o" * 100)
        self.refused("another --initrd", "--initrd", other, "--initrd", "none")

    def test_dump_to_nowhere(self):
        name = self.path("missing/x")
        self.refused(f"traproom: {name}: No such file or directory", "--dump-dtb", name)

    def test_dump(self):
        dump = self.path("dump.dtb")
        status, _, err = self.run_launcher("--dump-dtb", dump, "--smp", "3", "--pass", "timer")
        self.assertEqual(status, 0, err)
        self.assertFalse(os.path.exists(self.path("arguments")))
        with open(dump, "rb") as file:
            tree = guest_tree.GuestTree(fdt.parse(file.read(), "dump"), "dump")
        self.assertEqual(len(tree.cpus()), 3)
        self.assertIn("traproom,pass", tree.root.child("timer").properties)
        # It can be used: what was staged for it then is not taken for there.
        self.assertEqual(self.run_launcher("--dtb", dump, "--disk", "none", "--initrd", "none")[0], 0)
        self.assertNotIn("traproom,initrd", self.tree().chosen.properties)
        self.assertNotIn("traproom,disk", self.tree().virtio_nodes()[0].properties)

    def test_silent_guest(self):
        with open(VIRT_DTS, encoding="utf-8") as file:
            self.write("own.dtb", compile_dts(file.read().replace("stdout-path", "x").replace(
                "console=", "y=")))
        linux = self.write("linux", image(MIB)[:-100] + b"Linux version 9.9.9-test (me)" + b"\0" * 71)
        options = ("--dtb", self.path("own.dtb"), "--kernel", linux)
        self.refused("--cmd can't see .*own.dtb has no stdout-path", *options, "--cmd", "true")
        options += ("--initrd", "none")
        for good in ((*options, "--append", "console=ttyAMA0"), options[:2]):
            self.assertNotIn("nothing will be seen", self.run_launcher(*good)[2])


class Terminal(RunTest):
    def run_on_terminal(self, program, *options, kill=None):
        """(status, output, terminal attributes before, and after)."""
        ours, theirs = pty.openpty()
        before = termios.tcgetattr(theirs)
        pid = os.fork()
        if pid == 0:
            os.login_tty(theirs) if hasattr(os, "login_tty") else self.login(theirs, ours)
            os.execve(LAUNCHER, [LAUNCHER, "run", *options], self.environment(program))
        output = b""
        while not re.search(rb"done\r?\n", output):
            self.assertTrue(select.select([ours], [], [], LIMIT)[0], output)
            output += os.read(ours, 1024)
            if b"ready" in output and kill:
                os.kill(pid, kill)
                break
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        after = termios.tcgetattr(theirs)
        os.close(ours)
        os.close(theirs)
        return status, output, before, after

    @staticmethod
    def login(terminal, other):
        os.close(other)
        os.setsid()
        for fd in (0, 1, 2):
            os.dup2(terminal, fd)
        os.close(os.open(os.ttyname(0), os.O_RDWR))

    # Who changes the terminal: we, with a monitor's keys to look for, or QEMU.
    CHANGED_BY = (("", ()), ("import tty; tty.setraw(0); os.set_blocking(0, False)\n", ("--bare",)))

    def test_restored(self):
        for changes, options in self.CHANGED_BY:
            with self.subTest(options):
                status, _, before, after = self.run_on_terminal(
                    changes + "print('x' * 200000); print('done', flush=True)\n" + OFF, *options)
                self.assertEqual(status, 0)
                self.assertEqual(before, after)
                self.assertIn("mon:stdio", self.arguments())

    def test_restored_when_killed(self):
        for changes, options in self.CHANGED_BY:
            with self.subTest(options):
                status, _, before, after = self.run_on_terminal(
                    changes + "import time; print('ready', flush=True); time.sleep(60)", *options, kill=signal.SIGTERM)
                self.assertEqual(status, 128 + signal.SIGTERM)
                self.assertEqual(before, after)

    def test_closed_stdin(self):
        command = f"exec {LAUNCHER} run <&-"
        done = subprocess.run(["sh", "-c", command], env=self.environment(OFF), timeout=LIMIT,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_piped_stdin_reaches_qemu(self):
        program = "print(input()[::-1])\n" + OFF
        done = subprocess.run([LAUNCHER, "run"], env=self.environment(program), input=b"abc\n",
                              timeout=LIMIT, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"cba\n", done.stdout)


if __name__ == "__main__":
    unittest.main()
