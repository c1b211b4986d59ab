# SPDX-License-Identifier: Apache-2.0
"""tools/check-symbols complains of unused macros and of static functions named alike, only."""
import unittest

import support

check_symbols = support.load_tool("check-symbols")


class Macros(unittest.TestCase):
    def test_unused(self):
        self.assertEqual(check_symbols.check({"hyp/a.h": "#define LEFT 1\n#define USED 2\n",
                                              "hyp/a.c": "int a = USED; /* LEFT */\n"}),
                         ["hyp/a.h: nothing uses the macro LEFT"])

    def test_used_by_a_test(self):
        self.assertEqual(check_symbols.check({"hyp/a.h": "#define A 1\n",
                                              "test/unit/test_a.c": "int a = A;\n"}), [])

    def test_of_a_test(self):
        self.assertEqual(check_symbols.check({"test/unit/test_a.c": "#define A 1\n"}), [])

    def test_pasted(self):
        header = "#define reg_one s3_0\n#define reg_two s3_1\n#define get(name) read(reg_##name)\n"
        self.assertEqual(check_symbols.check({"hyp/a.h": header, "hyp/a.c": "get(one);\n"}),
                         ["hyp/a.h: nothing uses the macro reg_two"])


class Names(unittest.TestCase):
    def both(self, first, second="static int f(int a)\n{\n    return a;\n}\n"):
        return check_symbols.check({"hyp/a.c": first, "hyp/b.c": second})

    def test_same(self):
        complaint = ["hyp/a.c and hyp/b.c: each has a static function f()"]
        for text in ("static void f(void)\n{\n}\n",
                     "static struct s *f(int a,\n                   int b)\n{\n}\n",
                     "static __attribute__((noinline)) int f(void)\n{\n}\n"):
            self.assertEqual(self.both(text), complaint)

    def test_different(self):
        for text in ("static void g(void)\n{\n    f(1);\n}\n", "void f(void)\n{\n}\n",
                     "static int g(int f)\n{\n}\n", "static int f;\nint g(void)\n{\n}\n"):
            self.assertEqual(self.both(text), [])

    def test_header(self):
        text = "static inline int f(void)\n{\n}\n"
        self.assertEqual(check_symbols.check({"hyp/arch/aarch64/a.h": text,
                                              "hyp/arch/host/a.h": text}), [])


if __name__ == "__main__":
    unittest.main()
