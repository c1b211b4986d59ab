// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.

const GROUPED = new Intl.NumberFormat('en');
const TIMES = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']];
const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function count(n) {
    return GROUPED.format(n);
}

export function time(ns) {
    if (ns === null || ns === undefined)
        return '–';
    const [unit, name] = TIMES.find(([size]) => Math.abs(ns) >= size) || TIMES[3];
    return `${Number((ns / unit).toPrecision(3))} ${name}`;
}

// A moment, with as many digits as tell it from one `step` ns away.
export function moment(ns, step) {
    const [unit, name] = TIMES.find(([size]) => Math.abs(ns) >= size) || TIMES[3];
    const digits = Math.max(0, Math.min(9, Math.ceil(Math.log10(unit / Math.max(step, 1)))));
    return `${(ns / unit).toFixed(digits)} ${name}`;
}

export function bytes(n) {
    let power = 0;
    while (power < SIZES.length - 1 && n >= 1024 && n % 1024 === 0) {
        n /= 1024;
        power++;
    }
    while (power < SIZES.length - 1 && n >= 10000) {
        n /= 1024;
        power++;
    }
    return `${Number(n.toFixed(1))} ${SIZES[power]}`;
}

export function hex(n) {
    return `0x${n.toString(16)}`;
}

export function share(part, whole) {
    return whole ? `${(100 * part / whole).toFixed(1)} %` : '–';
}

export function plural(n, word) {
    return `${count(n)} ${word}${n === 1 ? '' : 's'}`;
}

export function sum(numbers) {
    return numbers.reduce((total, n) => total + n, 0);
}
