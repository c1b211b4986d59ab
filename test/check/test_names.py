# SPDX-License-Identifier: Apache-2.0
"""tools/check-names complains about files that are not there or no neighbours, and nothing else."""
import unittest

import support

check_names = support.load_tool("check-names")

LICENCE = "/* SPDX */\n"
FILES = {
    "hyp/vm/power.c": LICENCE + "/* Job. */\n#include \"vm/power.h\"\nvoid power_park(void)\n{\n}\n",
    "hyp/vm/power.h": LICENCE + "/* Job. */\nvoid power_park(void);\n",
    "hyp/trap/psci.c": LICENCE + "/* Job. */\nvoid psci_call(void)\n{\n    power_park();\n}\n",
    "hyp/lib/fmt.c": LICENCE + "/* Job. */\n",
    "hyp/arch/aarch64/vectors.S": LICENCE + "/* Job. */\n    bl power_park\n",
}


def complaints(path, text, pages=None):
    return list(check_names.check({**FILES, path: text}, pages or {}))


def head(words):
    return f"{LICENCE}/* Job. Neighbours: {words} */\n"


class Names(unittest.TestCase):
    def test_missing(self):
        self.assertEqual(complaints("hyp/vm/vm.c", "/* See gone.c. */"),
                         ["hyp/vm/vm.c: a comment names gone.c, which is not there"])
        self.assertEqual(complaints("hyp/vm/vm.c", 'log("gone.c"); /* power.c, linux/virtio_x.h */'),
                         [])

    def test_page(self):
        self.assertEqual(complaints("hyp/vm/vm.c", "", {"docs/a.md": "`vm/power.c`, `vm/gone.c`"}),
                         ["docs/a.md: it names vm/gone.c, which is not there"])
        self.assertEqual(complaints("guest/a.c", "/* docs/a.md, docs/gone.md */", {"docs/a.md": ""}),
                         ["guest/a.c: it names docs/gone.md, which is not there"])

    def test_neighbours(self):
        text = head("power.c does.")
        self.assertEqual(complaints("hyp/vm/vm.c", text),
                         ["hyp/vm/vm.c: its neighbour power.c has nothing to do with it"])
        for tie in ('#include "vm/power.h"\n', "int f(void)\n{\n    power_park();\n}\n"):
            self.assertEqual(complaints("hyp/vm/vm.c", text + tie), [])

    def test_either_way(self):
        self.assertEqual(complaints("hyp/vm/power.h", head("trap/psci.c calls, vectors.S too.") +
                                    "void power_park(void);\n"), [])
        self.assertEqual(complaints("hyp/vm/power.h", head("fmt.c calls.")),
                         ["hyp/vm/power.h: its neighbour fmt.c has nothing to do with it"])


if __name__ == "__main__":
    unittest.main()
