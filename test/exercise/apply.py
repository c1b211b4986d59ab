#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Does the exercise of docs/adding-a-device.md in a copy of hyp/: apply.py PAGE HYP COPY.

Its blocks of C name their file, and where they go if the file is there already:
    ```c hyp/dev/new.c
    ```c hyp/vm/old.c after: a line
    ```c hyp/vm/old.c before: a line
A line is named by how it begins. No more than three files may be touched.
"""
import pathlib
import re
import shutil
import sys

BLOCK = re.compile(r"^```c hyp/(\S+)(?: (before|after): ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_FILES = 3


def insert(text, where, start, code):
    lines = text.splitlines(keepends=True)
    found = [i for i, line in enumerate(lines) if line.startswith(start)]
    if len(found) != 1:
        sys.exit(f"apply.py: {len(found)} lines begin with '{start}', not one")
    at = found[0] + (where == "after")
    return "".join(lines[:at]) + code + "".join(lines[at:])


def apply(page, copy):
    touched = set()
    for name, where, start, code in BLOCK.findall(page):
        path = copy / name
        touched.add(name)
        if where:
            path.write_text(insert(path.read_text(), where, start, code))
        elif path.exists():
            sys.exit(f"apply.py: {name} is there already")
        else:
            path.write_text(code)
    if not 1 <= len(touched) <= MOST_FILES:
        sys.exit(f"apply.py: the exercise touches {len(touched)} files of hyp/: {sorted(touched)}")


def main():
    page, hyp, copy = map(pathlib.Path, sys.argv[1:])
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(hyp, copy, copy_function=shutil.copyfile)  # as new as what it is made of
    apply(page.read_text(), copy)


if __name__ == "__main__":
    main()
