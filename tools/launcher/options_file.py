# SPDX-License-Identifier: Apache-2.0
"""traproom.toml: options of `tools/traproom run` in a file, beside a driver, say. Used by cli.py, which
puts them before those of the command line.

A key is the long option's name without its dashes. What stands before the first table is for each run;
a table is a profile, `tools/traproom run NAME`, whose keys come on top.
"""

import argparse
import os
import tomllib

from launcher import Problem
from launcher.words import escape

NAME = "traproom.toml"
NONE = "none"
# Options that begin with the name of a file or a folder, and of these those in which a comma has to be
# written twice.
PATHS = ("kernel", "app", "dtb", "initrd", "put", "modules", "module", "disk", "share", "build", "hypervisor", "dump-dtb",
         "junit", "inject-log", "bundle")
WITH_WORDS = ("module", "disk", "share")
NOT_HERE = ("help", "options")


def words(parser, given, profile):
    """
    Arguments for the parser out of the file `given`, None for NAME if it is here, with those of that
    profile; and the file, None: there is none.
    """
    path = NAME if given is None else given
    if given == NONE or given is None and not os.path.exists(path):
        if profile:
            raise Problem(f"{profile}: profiles are in a {NAME}, and " +
                          ("--options none leaves it out" if given else "there is none here"))
        return [], None
    return File(parser, path).arguments(profile), path


def known(parser):
    """The parser's options by their names, without the dashes."""
    found = {}
    for action in parser._actions:  # argparse has no other way to ask; pylint: disable=protected-access
        for option in action.option_strings:
            name = option.removeprefix("--")
            if option.startswith("--") and name not in NOT_HERE and not name.startswith("no-"):
                found[name] = action
    return found


class File:
    def __init__(self, parser, path):
        self.path = path
        self.known = known(parser)
        try:
            with open(path, "rb") as file:
                self.keys = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise Problem(f"{path}: {error}") from error
        except UnicodeDecodeError as error:
            raise Problem(f"{path}: it is not in UTF-8") from error
        self.profiles = {name: keys for name, keys in self.keys.items() if isinstance(keys, dict)}

    def arguments(self, profile):
        common = {key: value for key, value in self.keys.items() if key not in self.profiles}
        if profile is not None and profile not in self.profiles:
            names = ", ".join(self.profiles) or "none"
            raise Problem(f"{self.path} has no profile [{profile}]; it has {names}")
        for name, keys in self.profiles.items():
            self._check(f"[{name}] ", keys)
        self._check("", common)
        common.update(self.profiles.get(profile, {}))
        return [word for key, value in common.items() for word in self._words(key, value)]

    def _check(self, where, keys):
        """Problem: a key or its value is none; each in its own words."""
        for key, value in keys.items():
            said = f"{self.path}: {where}{key}"
            action = self.known.get(key)
            if action is None:
                raise Problem(f"{said}: no option has that name: `tools/traproom run --help` has them all")
            for one in value if isinstance(value, list) else [value]:
                self._check_value(said, action, one)
            if isinstance(value, list) and not is_repeated(action):
                raise Problem(f"{said}: it is given once, not as a list")

    def _check_value(self, said, action, value):
        if value is False or is_flag(action):
            if not isinstance(value, bool):
                raise Problem(f"{said}: it is true or false")
            return
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise Problem(f"{said}: it is a text or a number, or false to leave it out")
        try:
            if action.type:
                action.type(str(value))
        except argparse.ArgumentTypeError as error:
            raise Problem(f"{said}: {error}") from error
        if action.choices and value not in action.choices:
            raise Problem(f"{said}: '{value}' is none of {', '.join(action.choices)}")

    def _words(self, key, value):
        if is_flag(self.known[key]):
            negative = f"--no-{key}"
            off = [negative] if negative in self.known[key].option_strings else []
            return [f"--{key}"] if value else off
        return [f"--{key}={self._text(key, one)}" for one in (value if isinstance(value, list) else [value])
                if one is not False]

    def _text(self, key, value):
        """A relative name is relative to this file's folder."""
        folder, text = os.path.dirname(self.path), str(value)
        if key == "model":
            name, equals, text = text.rpartition("=")
            begin = "" if text.startswith(("/", "unix:/")) else "unix:" * text.startswith("unix:")
            text = text.removeprefix(begin)
            return name + equals + begin + os.path.join(folder, text)
        if key not in PATHS or not folder or text == NONE:
            return text
        return os.path.join(escape(folder) if key in WITH_WORDS else folder, text)


def is_flag(action):
    return action.nargs == 0


def is_repeated(action):
    return not is_flag(action) and type(action).__name__ in ("_AppendAction", "_ExtendAction", "DeviceOption")
