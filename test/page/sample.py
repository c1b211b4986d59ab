# SPDX-License-Identifier: Apache-2.0
"""Reports as those of real runs are, for the page's tests: tables as Traproom makes them, a timeline with as many events
as a boot has. The same on every run."""

import random

MIB, GIB = 1 << 20, 1 << 30
RAM, ROOT, VTCR = 0x48000000, 0x40404000, 0x800D3558
LEAF = 0x7FC | 1  # write-back, read and write, inner shareable, accessed, valid
PAGE, TABLE, DEVICE, READ_ONLY, NO_EXEC = 2, 3, 0x445, 0x77C | 1, 2 << 53
REASONS = ["irq: guest timer", "sysreg: send SGI", "irq: kick from another CPU", "mmio: virtio", "mmio: GICD", "mmio: UART",
           "sysreg: ID register", "hvc", "mmio: GICR", "irq: console input", "abort: to the guest"]
DEVICES = ["virtio-blk 0xa000000", "pl011 0x9000000"]


def stage2():
    """40 bits, so a root of two pages at level 1, which are one table; 512 MiB in blocks of 2 MiB, of which one is split, and other kinds."""
    level3 = [[i, hex((0x48200000 + (i << 12)) | LEAF | PAGE)] for i in range(512)]
    level3[5][1] = hex(0x48205000 | READ_ONLY | PAGE | NO_EXEC)
    level3[8][1] = "0x1234500"
    del level3[7]
    blocks = [[64 + i, hex((RAM + (i << 21)) | LEAF)] for i in range(256)]
    blocks[1][1] = hex(0x40407000 | TABLE)
    low = [[56, hex(0x40408000 | TABLE)]]
    tables = [(ROOT, 1, 0, [[0, hex(0x40409000 | TABLE)], [1, hex(0x40406000 | TABLE)], [3, hex(0xC0000000 | LEAF)]]),
              (0x40409000, 2, 0, low), (0x40406000, 2, GIB, blocks),
              (0x40408000, 3, 56 << 21, [[i, hex((0x7000000 + (i << 12)) | DEVICE | PAGE)] for i in range(4)]),
              (0x40407000, 3, 0x48200000, level3)]
    return {"ipa_bits": 40, "start_level": 1, "vtcr": hex(VTCR), "vttbr": hex(1 << 48 | ROOT),
            "tables": [{"pa": hex(pa), "level": level, "ipa": hex(ipa), "entries": entries} for pa, level, ipa, entries in tables]}


def fields(*rows):
    return [list(row) for row in rows]


def step(stage, target, level, table, index, kind, out, table_ipa=None, desc="0x48001003"):
    return {"stage": stage, "for": target, "level": level, "table_pa": hex(table), "table_ipa": table_ipa and hex(table_ipa), "index": index,
            "desc": desc, "kind": kind, "out": hex(out),
            "fields": fields(("address", "47:12", hex(out), "where it leads"), ("type", "1", "0x1", "a table"), ("valid", "0", "0x1", "the walk may use it"))}


def combined_walk():
    """A virtual address of a kernel's, each access to a stage-1 table walked through stage 2."""
    va, tables = 0xFFFF800008123456, [0x49000000, 0x49001000, 0x49002000, 0x49003000]
    steps = []
    for level, table in enumerate(tables):
        at = (va >> (39 - 9 * level)) & 511
        ipa = table + 8 * at
        steps += [step(2, "s1 table", 1, ROOT, ipa >> 30, "table", 0x40406000),
                  step(2, "s1 table", 2, 0x40406000, ipa >> 21 & 511, "block", ipa & ~0x1FFFFF, desc=hex(ipa & ~0x1FFFFF | LEAF))]
        steps.append(step(1, "va", level, table, at, "table" if level < 3 else "page", tables[level + 1] if level < 3 else 0x4A123000, table))
    steps += [step(2, "output", 1, ROOT, 1, "table", 0x40406000), step(2, "output", 2, 0x40406000, 0x50, "block", 0x4A000000)]
    return {"va": hex(va), "ipa": "0x4a123456", "pa": "0x4a123456", "fault": None, "loads": len(steps),
            "perms": "EL1 reads and executes", "memory": "Normal write-back", "steps": steps}


def fault_walk():
    return {"va": None, "ipa": "0x9000018", "pa": None, "fault": "translation fault, stage 2, level 2", "loads": 2, "perms": "", "memory": "",
            "steps": [step(2, "output", 1, ROOT, 0, "table", 0x40409000), step(2, "output", 2, 0x40409000, 72, "invalid", 0, desc="0x0")]}


def timeline(chance, vcpus, events):
    tracks = []
    for vcpu in range(vcpus):
        at, rows = 1000 * vcpu, []
        for _ in range(events // vcpus):
            at += int(chance.expovariate(1 / 60000)) + (40_000_000 if chance.random() < 0.0005 else 0)
            reason = chance.choices(REASONS, [40, 20, 18, 10, 8, 6, 4, 2, 1, 1, 1])[0]
            rows.append([at, int(chance.lognormvariate(7, 0.5)), reason, f"pc 0xffff8000{chance.randrange(1 << 28):08x}"])
        tracks.append({"track": f"vCPU {vcpu}", "kind": "vcpu", "events": rows})
    for device in DEVICES:
        rows = [[chance.randrange(at), int(chance.lognormvariate(11, 1)), chance.choice(["request: read", "request: write", "interrupt"]),
                 f"queue 0, {chance.randrange(8) * 512} bytes"]
                for _ in range(events // 200)]
        tracks.append({"track": device, "kind": "device", "events": rows})
    return tracks


def exits(tracks, vcpus):
    counts = {reason: [0] * vcpus for reason in REASONS}
    spent = dict.fromkeys(REASONS, 0)
    for vcpu, track in enumerate(tracks[:vcpus]):
        for _, duration, reason, _ in track["events"]:
            counts[reason][vcpu] += 1
            spent[reason] += duration
    return [{"reason": reason, "per_vcpu": counts[reason], "time_ns": spent[reason]} for reason in REASONS]


def ledger(chance):
    return [{"reason": reason, "device": "GICD" if "GIC" in reason else "", "register": chance.choice(["ISENABLER1", "CTLR", "TYPER", ""]),
             "pc": f"0xffff8000{chance.randrange(1 << 28):08x}",
             "symbol": chance.choice(["gic_poke_irq", "cpu_do_idle", "vm_notify", "arch_timer_set"]) + f"+0x{chance.randrange(64) * 4:x}",
             "count": int(chance.lognormvariate(4, 2)) + 1, "time_ns": int(chance.lognormvariate(11, 2))} for reason in REASONS for _ in range(30)]


def report(events=300_000, vcpus=4):
    chance = random.Random(1)
    tracks = timeline(chance, vcpus, events)
    return {"format": "traproom-report", "version": 1, "title": "Debian's Linux 6.1, from its entry to its shell", "date": "2026-11-28 07:30 UTC", "vcpus": vcpus,
            "exits": exits(tracks, vcpus), "ledger": ledger(chance), "timeline": tracks, "stage2": stage2(),
            "walks": [combined_walk(), fault_walk()],
            "latency_ns": [{"irq": "27 (virtual timer)", "samples": [int(chance.lognormvariate(8, 0.6)) for _ in range(20000)]},
                           {"irq": "SGI 0", "samples": [int(chance.lognormvariate(9, 0.4)) for _ in range(5000)]}]}
