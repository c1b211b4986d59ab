// SPDX-License-Identifier: Apache-2.0
// The stage-2 tables of a report as a tree: tables, their descriptors, what each translates, a walk through them, and
// the map as runs. map.js draws it.
import {decode, granule, levelShift} from './descriptor.js';
import {hex} from './format.js';

const LAST_LEVEL = 3;

export class Stage2 {
    constructor(data) {
        this.vtcr = BigInt(data.vtcr);
        this.granule = granule(this.vtcr);
        this.ipaBits = data.ipa_bits;
        this.startLevel = data.start_level;
        this.tables = data.tables.map((table) => this.readTable(table, data.tables)).sort((a, b) => a.level - b.level || a.ipa - b.ipa);
        this.roots = this.tables.filter((table) => table.level === this.startLevel);
        this.link();
        this.levels = Array.from({length: LAST_LEVEL + 1}, (_, level) =>
            this.tables.filter((table) => table.level === level).flatMap((table) => table.entries));
    }

    readTable({pa, level, ipa, entries}, all) {
        const table = {pa: Number(pa), level, ipa: Number(ipa), parent: null};
        table.size = this.size(level);
        table.slots = 1 << this.granule.bits;
        // Tables of the first level may lie in a row, and the walk takes them for one, as the data may.
        if (level === this.startLevel && all.filter((one) => one.level === level).length === 1)
            table.slots = Math.max(table.slots, this.end / table.size);
        table.entries = entries.map(([index, desc]) => this.readEntry(table, index, BigInt(desc)))
            .sort((a, b) => a.index - b.index);
        return table;
    }

    readEntry(table, index, desc) {
        return {table, index, desc, level: table.level, ipa: table.ipa + index * table.size, size: table.size,
                child: null, ...decode(desc, table.level, this.granule)};
    }

    link() {
        const byPlace = new Map(this.tables.map((table) => [`${table.level} ${table.ipa}`, table]));
        for (const table of this.tables) {
            for (const entry of table.entries.filter(({kind}) => kind === 'table')) {
                entry.child = byPlace.get(`${table.level + 1} ${entry.ipa}`) || null;
                if (entry.child)
                    entry.child.parent = entry;
            }
        }
    }

    size(level) {
        return 2 ** levelShift(level, this.granule);
    }

    get end() {
        return 2 ** this.ipaBits;
    }

    // From the first to the last byte that something is mapped at.
    get used() {
        const leaves = this.levels.flat().filter((entry) => isLeaf(entry));
        return leaves.length ? [Math.min(...leaves.map(({ipa}) => ipa)), Math.max(...leaves.map(({ipa, size}) => ipa + size))]
            : [0, this.end];
    }

    // The descriptor of `level` for an address; null where it has none, or is all zeros.
    at(ipa, level) {
        const entries = this.levels[level];
        let low = 0, high = entries.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (entries[middle].ipa + entries[middle].size <= ipa)
                low = middle + 1;
            else
                high = middle;
        }
        return entries[low] && entries[low].ipa <= ipa ? entries[low] : null;
    }

    tableAt(ipa, level) {
        return this.tables.find((table) => table.level === level && table.ipa <= ipa &&
                                ipa < table.ipa + table.slots * table.size) || null;
    }

    // Neighbours with the same attributes, of one level, whose memory lies in a row, as one.
    runs() {
        const leaves = this.levels.flat().filter((entry) => isLeaf(entry)).sort((a, b) => a.ipa - b.ipa);
        const runs = [];
        for (const leaf of leaves) {
            const last = runs[runs.length - 1];
            if (last && continues(last, leaf))
                last.size += leaf.size;
            else
                runs.push({...leaf});
        }
        return runs;
    }

    // What the hardware does for an address, as a walk of the report has it.
    walk(ipa) {
        const steps = [];
        let table = this.tableAt(ipa, this.startLevel);
        let entry = null;
        while (table) {
            const index = Math.floor((ipa - table.ipa) / table.size);
            entry = table.entries.find((one) => one.index === index) || this.readEntry(table, index, 0n);
            steps.push(step(entry));
            table = entry.child;
        }
        const leaf = entry && isLeaf(entry);
        return {va: null, ipa: hex(ipa), pa: leaf ? hex(entry.out + ipa % entry.size) : null, loads: steps.length, steps,
                perms: leaf ? entry.perms : '', memory: leaf ? entry.memory : '', fault: leaf ? null : whyNot(entry)};
    }
}

export function isLeaf({kind}) {
    return kind === 'block' || kind === 'page';
}

function continues(run, leaf) {
    return run.ipa + run.size === leaf.ipa && run.out + run.size === leaf.out && run.level === leaf.level &&
        run.perms === leaf.perms && run.memory === leaf.memory;
}

function whyNot(entry) {
    if (!entry)
        return 'the address has more bits than stage 2 translates: a translation fault of level 0';
    return `the descriptor of level ${entry.level} is ${entry.kind}: a stage-2 translation fault of level ${entry.level}`;
}

function step({table, index, desc, level, kind, out, fields}) {
    return {stage: 2, for: 'output', level, table_pa: hex(table.pa), table_ipa: null, index, desc: hex(desc), kind,
            out: out === null ? null : hex(out), fields};
}
