# SPDX-License-Identifier: Apache-2.0
"""Has the guest's kernel the drivers of its devices, and which modules are they? Used by
initramfs.py."""

from launcher import Problem, session


def names(made):
    """The modules of all devices, each once."""
    return list(dict.fromkeys(name for device in made for name in device.modules))


def loadable(tree, made, version):
    """
    The names of those that are modules in the tree, for the guest to load. Problem: a device has
    no driver there that must have one.
    """
    for device in made:
        own = device.modules[:1]
        if own and not tree.has(own[0]):
            words = f"{device.said}: Linux {version} has no {own[0]}, the driver, built in or as a module"
            if device.must_drive:
                raise Problem(f"{words}: {device.otherwise}give a kernel that has it, with --kernel and --modules, "
                              "such as that of Debian's linux-image-arm64")
            session.say(f"warning: {words}")
    return [name for name in names(made) if tree.resolve(name)]


def warn(kernel, made):
    """A kernel of which no modules are known: the drivers should be built in."""
    missing = [device for device in made if device.modules and not kernel.names(device.modules[0])]
    if missing:
        session.say(f"warning: {kernel.file.name} is Linux {kernel.version}, whose drivers for "
                    f"{' and '.join(device.said for device in missing)} are not built in, and the initramfs lacks "
                    "them: --modules DIR adds them")
