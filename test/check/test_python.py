# SPDX-License-Identifier: Apache-2.0
"""No function or class in the project's Python hides an earlier one of its name: a test would not run."""

import ast
import unittest

import support


def hidden(text):
    """Names that are defined again in the same class or file."""
    for scope in ast.walk(ast.parse(text)):
        if isinstance(scope, (ast.ClassDef, ast.Module)):
            names = [node.name for node in scope.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
            yield from (name for i, name in enumerate(names) if name in names[:i])


class Python(unittest.TestCase):
    def test_nothing_is_hidden(self):
        files = []
        for folder in ("test", "tools"):
            files += (support.TOOLS.parent / folder).rglob("*.py")
        self.assertGreater(len(files), 30)
        for path in files:
            self.assertEqual(list(hidden(path.read_text(encoding="utf-8"))), [], path)

    def test_hidden(self):
        self.assertEqual(list(hidden("class A:\n def f(self): 1\n def g(self): 1\n def f(self): 2\n")), ["f"])
        self.assertEqual(list(hidden("def f(): 1\nclass A:\n def f(self): 1\n")), [])


if __name__ == "__main__":
    unittest.main()
