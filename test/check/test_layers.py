# SPDX-License-Identifier: Apache-2.0
"""tools/check-layers complains about what it is there for, and about nothing else."""
import unittest

import support

check_layers = support.load_tool("check-layers")


def complaints(name, text):
    return list(check_layers.check({name: text}))


class Layers(unittest.TestCase):
    def test_upward(self):
        for name, path in (("lib/fmt.c", "mm/io.h"), ("lib/fmt.c", "sysreg.h"),
                           ("mm/io.h", "trap/esr.h"), ("gic/gic.c", "vm/vm.h"),
                           ("dev/virtq.c", "vm/vcpu.h"), ("fdt/vm_fdt.c", "vm/vm.h"),
                           ("arch/aarch64/gich.c", "vm/vm.h")):
            self.assertEqual(complaints(name, f'#include "{path}"\n'),
                             [f'{name}: "{path}" stands above it']
                             + ['arch/aarch64/gich.c: "gic/gic_regs.h" is an exception that is '
                                'not needed'] * name.startswith("arch"))

    def test_same_or_below(self):
        for name, path in (("mm/io.h", "lib/log.h"), ("trap/exit.c", "vm/vm.h"),
                           ("vm/vcpu.h", "trap/exit_reason.h"), ("gic/gic.c", "dev/mmio.h"),
                           ("gic/gic.c", "sysreg.h"), ("main.c", "fdt/host_fdt.h"),
                           ("main.c", "version.h")):
            self.assertEqual(complaints(name, f'#include <stdint.h>\n  # include "{path}"\n'), [])

    def test_unknown(self):
        self.assertEqual(complaints("vm/vm.c", '#include "stranger.h"'),
                         ['vm/vm.c: "stranger.h" is no header of arch/'])
        self.assertEqual(complaints("vm/vm.c", '#include "vm/stranger.h"'),
                         ['vm/vm.c: "vm/stranger.h" is not in hyp/'])

    def test_assembly(self):
        for line in ('asm("nop");', '__asm__ volatile("wfi");', "x = __builtin_arm_rsr64(y);"):
            self.assertEqual(complaints("vm/vm.c", f"/* asm */\n{line}\n"),
                             ["vm/vm.c:2: assembly outside arch/aarch64/"])
            self.assertEqual(complaints("arch/aarch64/cpu.h", line), [])
        self.assertEqual(complaints("trap/new.S", "nop\n"),
                         ["trap/new.S: assembly outside arch/aarch64/"])
        self.assertEqual(complaints("vm/vm.c", 'log_info("asm"); /* __asm__ */ read_sysreg(a);'),
                         [])


if __name__ == "__main__":
    unittest.main()
