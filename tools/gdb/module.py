# SPDX-License-Identifier: Apache-2.0
"""For gdb: stop in a kernel module's init function, with the module's symbols.

    (gdb) source tools/gdb/module.py
    (gdb) module-init FILE.ko [ADDRESS]
    (gdb) continue

FILE.ko is the module that the guest will load, with debug information. The kernel's do_init_module(),
through which each module goes once it lies in memory, is found by vmlinux's symbols; without a
vmlinux, ADDRESS says where it is (docs/debugging.md: how to find out).
"""

import atexit
import os
import shutil
import struct
import tempfile

import gdb

# ELF-64: the header's e_shoff, e_shentsize, e_shnum, e_shstrndx; a section's sh_name, sh_type,
# sh_flags, sh_addr, sh_offset, sh_size; a symbol's st_name, st_info, st_other, st_shndx, st_value,
# st_size.
HEADER, HEADER_AT = struct.Struct("<Q10xHHH"), 40
SECTION = struct.Struct("<IIQQQQ")
SYMBOL = struct.Struct("<IBBHQQ")
SECTION_ADDRESS_AT = 16
SHT_SYMTAB, SHF_ALLOC = 2, 2
INSTRUCTION, TRACING_ROOM = 4, 16
SHN_UNDEF, SHN_LORESERVE = 0, 0xff00


class Module:
    """A .ko file: its sections, and where its symbols are in them."""

    def __init__(self, path):
        self.name = os.path.basename(path).split(".ko")[0].replace("-", "_")
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        if self.data[:5] != b"\x7fELF\x02":
            raise gdb.GdbError(f"{path} is not a module: give the .ko file, not packed")
        start, size, count, names = HEADER.unpack_from(self.data, HEADER_AT)
        places = [start + i * size for i in range(count)]
        headers = [SECTION.unpack_from(self.data, place) for place in places]
        self.sections = {i: self._text(headers[names][4] + header[0])
                         for i, header in enumerate(headers) if header[2] & SHF_ALLOC}
        table = next(header for header in headers if header[1] == SHT_SYMTAB)
        self.symbols = list(SYMBOL.iter_unpack(self.data[table[4]:table[4] + table[5]]))
        # The linker gives some an address that says nothing. gdb would then take them all for known.
        for place in places:
            struct.pack_into("<Q", self.data, place + SECTION_ADDRESS_AT, 0)

    def _text(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def copy(self):
        """
        A file that gdb can relocate, until gdb ends. Each has a folder of its own: what gdb has once
        read of a file it keeps, with the addresses of that time.
        """
        folder = tempfile.mkdtemp(prefix="traproom-gdb-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        path = os.path.join(folder, self.name + ".ko")
        with open(path, "wb") as file:
            file.write(self.data)
        return path

    def addresses(self, loaded):
        """Each section's address, by the same symbols as the kernel has relocated them."""
        found = {}
        for (_, _, _, section, offset, _), (_, _, _, _, address, _) in zip(self.symbols, loaded):
            if SHN_UNDEF < section < SHN_LORESERVE and section in self.sections:
                found[self.sections[section]] = address - offset
        return found


class Layout:
    """Where struct module has what is read here, from vmlinux or from the module's own file."""

    def __init__(self, module):
        try:
            self._read()
        except (gdb.error, KeyError):
            gdb.execute(f"add-symbol-file {module.copy()} 0", to_string=True)
            try:
                self._read()
            except (gdb.error, KeyError) as error:
                raise gdb.GdbError(f"{module.name} has no debug information, or the kernel no "
                                   "CONFIG_KALLSYMS") from error
            finally:
                gdb.execute("remove-symbol-file -a 0", to_string=True)

    def _read(self):
        kernel = gdb.lookup_type("struct module")
        self.name, self.init, self.kallsyms = \
            (kernel[field].bitpos // 8 for field in ("name", "init", "kallsyms"))


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def word(address):
    return struct.unpack("<Q", read(address, 8))[0]


def loaded_symbols(table):
    """Of a struct mod_kallsyms: its first two members are the symbols and their count."""
    count = struct.unpack("<I", read(table + 8, 4))[0]
    return SYMBOL.iter_unpack(read(word(table), count * SYMBOL.size))


def first_line(function):
    """A function's first instruction with a line: room for tracing is left before it."""
    places = range(function, function + TRACING_ROOM + 1, INSTRUCTION)
    return next((place for place in places if gdb.find_pc_line(place).line), function)


class Loaded(gdb.Breakpoint):
    """The first instruction of do_init_module(), whose argument, a struct module *, is in x0."""

    def __init__(self, place, module, layout):
        super().__init__(place, type=gdb.BP_HARDWARE_BREAKPOINT, internal=True)
        self.module = module
        self.layout = layout

    def stop(self):
        at = int(gdb.parse_and_eval("(unsigned long)$x0"))
        name = self.module.name.encode() + b"\0"
        if read(at + self.layout.name, len(name)) != name:
            return False
        places = self.module.addresses(loaded_symbols(word(at + self.layout.kallsyms)))
        text = " ".join(f"-s {section} {address:#x}" for section, address in places.items())
        gdb.execute(f"add-symbol-file {self.module.copy()} {text}", to_string=True)
        init = word(at + self.layout.init)
        if init == 0:
            print(f"{self.module.name} is loaded and has no init function")
            return True
        gdb.Breakpoint(f"*{first_line(init):#x}", type=gdb.BP_HARDWARE_BREAKPOINT, temporary=True)
        self.enabled = False
        return False


class ModuleInit(gdb.Command):
    """Stop in a module's init function: module-init FILE.ko [ADDRESS OF do_init_module]"""

    def __init__(self):
        super().__init__("module-init", gdb.COMMAND_BREAKPOINTS, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, _from_tty):
        words = gdb.string_to_argv(argument)
        if len(words) not in (1, 2):
            raise gdb.GdbError("usage: module-init FILE.ko [ADDRESS OF do_init_module]")
        place = words[1] if len(words) == 2 else "do_init_module"
        try:
            gdb.parse_and_eval(place)
        except gdb.error as error:
            raise gdb.GdbError(f"{error}: load a vmlinux, or say where do_init_module is") from error
        module = Module(words[0])
        Loaded(f"*{place}", module, Layout(module))
        print(f"continue, and the machine stops in the init function of {words[0]}")


ModuleInit()
