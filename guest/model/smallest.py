# SPDX-License-Identifier: Apache-2.0
"""The smallest model: a device of one register. See docs/models.md."""

COMPATIBLE = "acme,smallest"


def read(offset, _size):
    return 0x20594F54 if offset == 0 else 0
