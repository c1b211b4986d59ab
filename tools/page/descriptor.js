// SPDX-License-Identifier: Apache-2.0
// One stage-2 descriptor, bit by bit (Arm ARM, "VMSAv8-64 translation table format descriptors"). Addresses are
// numbers, since 52 bits fit in one; descriptors are BigInts. stage2.js has the tables that they are in.

const SHAREABLE = ['non-shareable', 'reserved', 'outer shareable', 'inner shareable'];
const ACCESS = ['no access', 'read-only', 'write-only', 'read and write'];
const EXECUTE = ['EL1 and EL0 may execute', 'EL0 only may execute', 'nobody may execute', 'EL1 only may execute'];
const DEVICE = ['Device-nGnRnE', 'Device-nGnRE', 'Device-nGRE', 'Device-GRE'];
const CACHE = ['', 'non-cacheable', 'write-through', 'write-back'];

// The sizes of a granule: what the offset takes of an address, and what each level does.
export function granule(vtcr) {
    const offset = [12, 16, 14][Number(vtcr >> 14n & 3n)] ?? 12;
    return {offset, bits: offset - 3};
}

export function levelShift(level, {offset, bits}) {
    return offset + bits * (3 - level);
}

function field(desc, high, low) {
    return Number(desc >> BigInt(low) & (1n << BigInt(high - low + 1)) - 1n);
}

function bits(high, low, desc) {
    const value = field(desc, high, low);
    return [high === low ? `${high}` : `${high}:${low}`, value];
}

function memoryWords(attr) {
    const outer = attr >> 2, inner = attr & 3;
    if (outer === 0)
        return DEVICE[inner];
    if (inner === 0)
        return 'reserved';
    return outer === inner ? `Normal ${CACHE[outer]}` : `Normal, outer ${CACHE[outer]}, inner ${CACHE[inner]}`;
}

// Reads, writes, executes: as "RWX", a dash for what is not allowed.
function permissions(desc) {
    const access = field(desc, 7, 6), never = field(desc, 54, 53);
    return (access & 1 ? 'R' : '-') + (access & 2 ? 'W' : '-') + ['X', 'x', '-', 'x'][never];
}

function kindOf(desc, level, {offset}) {
    if (!(desc & 1n))
        return 'invalid';
    if (desc & 2n)
        return level < 3 ? 'table' : 'page';
    // Blocks exist at level 1 with the 4 KiB granule, and at level 2.
    return level === 2 || (level === 1 && offset === 12) ? 'block' : 'reserved';
}

function typeWords(kind, level) {
    return {table: 'a table of the next level', page: 'a page: the walk ends',
            block: 'a block: the walk ends', reserved: `no such descriptor at level ${level}: a fault`,
            invalid: 'ignored'}[kind];
}

function leafFields(desc, low) {
    const row = (name, high, lowest, words) => [name, ...bits(high, lowest, desc), words];
    const address = Number(desc & (1n << 48n) - (1n << BigInt(low)));
    return [
        row('reserved', 63, 63, ''),
        row('PBHA', 62, 59, 'for the implementation'),
        row('software', 58, 55, 'ignored by the hardware'),
        row('XN', 54, 53, EXECUTE[field(desc, 54, 53)]),
        row('Contiguous', 52, 52, desc >> 52n & 1n ? 'one of a run that may share a TLB entry' : 'on its own in the TLB'),
        row('DBM', 51, 51, desc >> 51n & 1n ? 'hardware may make it writable' : 'rights are as S2AP says'),
        row('reserved', 50, 48, ''),
        ['Output address', `47:${low}`, address, 'where the memory is'],
        ...(low > 12 ? [row('reserved', low - 1, 12, '')] : []),
        row('FnXS', 11, 11, ''),
        row('AF', 10, 10, desc >> 10n & 1n ? 'accessed: no access flag fault' : 'the first access faults'),
        row('SH', 9, 8, SHAREABLE[field(desc, 9, 8)]),
        row('S2AP', 7, 6, ACCESS[field(desc, 7, 6)]),
        row('MemAttr', 5, 2, memoryWords(field(desc, 5, 2))),
    ];
}

function tableFields(desc, low) {
    const address = Number(desc & (1n << 48n) - (1n << BigInt(low)));
    return [
        ['ignored', ...bits(63, 48, desc), 'stage-2 tables take no rights away'],
        ['Next table', `47:${low}`, address, 'where the table of the next level is'],
        ['ignored', ...bits(low - 1, 2, desc), ''],
    ];
}

function fieldsOf(desc, kind, level, low, size) {
    const valid = ['valid', ...bits(0, 0, desc), desc & 1n ? 'the walk may use it' : 'a translation fault'];
    const type = ['type', ...bits(1, 1, desc), typeWords(kind, level)];
    if (kind === 'invalid' || kind === 'reserved')
        return [['ignored', ...bits(63, 2, desc).slice(0, 1), hexOf(desc >> 2n), ''], type, valid];
    return [...(kind === 'table' ? tableFields(desc, low) : leafFields(desc, size)), type, valid];
}

function hexOf(value) {
    return `0x${value.toString(16)}`;
}

// {kind, out, perms, memory, look, fields: [[name, bits, value, words]]}; `look` is what the map's colours tell apart.
export function decode(desc, level, g) {
    const kind = kindOf(desc, level, g);
    const leaf = kind === 'block' || kind === 'page';
    const low = kind === 'block' ? levelShift(level, g) : g.offset;
    const found = {kind, fields: fieldsOf(desc, kind, level, g.offset, low), out: null, perms: '', memory: '', look: kind};
    if (leaf || kind === 'table')
        found.out = Number(desc & (1n << 48n) - (1n << BigInt(low)));
    if (leaf) {
        found.perms = permissions(desc);
        found.memory = memoryWords(field(desc, 5, 2));
        found.look = lookOf(found);
    }
    return found;
}

function lookOf({perms, memory}) {
    if (memory.startsWith('Device'))
        return 'device';
    if (perms.startsWith('--'))
        return 'closed';
    if (perms[1] === '-')
        return 'readonly';
    return perms[2] === '-' ? 'data' : 'all';
}
