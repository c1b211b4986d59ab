# SPDX-License-Identifier: Apache-2.0
"""What an option like --disk FILE,ro,format=raw says, word by word, and names for QEMU. Used by
the files that make devices of options."""

import re

from launcher import Problem


def escape(name):
    """A name as a value among others in an option of QEMU's."""
    return name.replace(",", ",,")


def split(text):
    """The words between commas; a comma that is part of one is written twice, as for QEMU."""
    return [word.replace(",,", ",") for word in re.findall(r"(?:\A|,)((?:[^,]|,,)*)", text)]


def take_out(option, words):
    """(the values that an option is given, as two words or with =, the other words); one that lacks its
    value stays."""
    values, others, at = [], [], 0
    while at < len(words):
        if words[at] == option and at + 1 < len(words):
            at += 1
            values.append(words[at])
        elif words[at].startswith(option + "="):
            values.append(words[at][len(option) + 1:])
        else:
            others.append(words[at])
        at += 1
    return values, others


class Words:
    """The words after an option's first one, each of them known."""

    def __init__(self, said, words, flags, keys):
        """`said`: the option as the user gave it; `flags`: words that stand alone; `keys`: those with a
        value, in a list of their own as they may come again."""
        self.said = said
        self.flags = set()
        self.values = {key: [] for key in keys}
        for word in words:
            key, equals, value = word.partition("=")
            if word in flags:
                self.flags.add(word)
            elif equals and key in keys:
                self.values[key].append(value)
            else:
                known = ", ".join((*flags, *(f"{key}=..." for key in keys)))
                raise Problem(f"{said}: '{word}' is none of {known} (a comma in a name is written twice)")

    def value(self, key):
        """Of a key that comes once, or None."""
        if len(self.values[key]) > 1:
            raise Problem(f"{self.said}: {key}= is given more than once")
        return self.values[key][0] if self.values[key] else None

    def exclude(self, *flags):
        """Problem: more than one of them is there."""
        given = [flag for flag in flags if flag in self.flags]
        if len(given) > 1:
            raise Problem(f"{self.said}: {given[0]} and {given[1]} don't go together")
