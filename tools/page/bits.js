// SPDX-License-Identifier: Apache-2.0
// Pictures of 64-bit words: a descriptor with its fields, an address with the bits that a level takes.
import {el} from './dom.js';
import {hex} from './format.js';

function range(text) {
    const [high, low = high] = String(text).replace(/[[\]]/g, '').split(':').map(Number);
    return [high, low];
}

function binary(word, high, low) {
    return (word >> BigInt(low) & (1n << BigInt(high - low + 1)) - 1n).toString(2).padStart(high - low + 1, '0');
}

// The word's fields from bit 63 down, each as wide as it has bits, and what they mean.
export function descriptorPicture(desc, fields) {
    const word = BigInt(desc), strip = [];
    let next = 63;
    const add = (name, high, low, shade) => {
        const attributes = {class: `bits ${shade}`, style: `flex-grow: ${high - low + 1}`, title: `${name} [${high}:${low}]`};
        strip.push(el('span', attributes, binary(word, high, low)));
        next = low - 1;
    };
    const ordered = fields.map(([name, bits]) => [name, ...range(bits)]).sort((a, b) => b[1] - a[1]);
    for (const [i, [name, high, low]] of ordered.entries()) {
        if (high < next)
            add('ignored', next, high + 1, 'none');
        add(name, high, low, `shade-${i % 2}`);
    }
    if (next >= 0)
        add('ignored', next, 0, 'none');
    return el('div', {class: 'word', 'aria-hidden': 'true'}, strip);
}

export function fieldTable(fields) {
    const rows = fields.map(([name, bits, value, words]) => el('tr', {class: name === 'ignored' || name === 'reserved' ? 'idle' : ''},
        el('th', {scope: 'row'}, name), el('td', {class: 'code'}, `[${String(bits).replace(/[[\]]/g, '')}]`),
        el('td', {class: 'code'}, typeof value === 'number' ? hex(value) : String(value)), el('td', {}, words)));
    return el('table', {class: 'fields'},
        el('thead', {}, el('tr', {}, ['Field', 'Bits', 'Value', 'Meaning'].map((name) => el('th', {scope: 'col'}, name)))),
        el('tbody', {}, rows));
}

// An address cut at `high` and `low`, the part between them marked as the index.
export function addressPicture(name, address, top, high, low, index) {
    const word = BigInt(address);
    const part = (from, to, kind, label) => from < to ? null :
        el('span', {class: `bits ${kind}`, style: `flex-grow: ${from - to + 1}`},
            el('b', {}, binary(word, from, to)), el('small', {}, label));
    return el('div', {class: 'address', role: 'img',
                      'aria-label': `${name} ${hex(word)}: bits ${high} to ${low} are the index, ${index}`},
        part(top, high + 1, 'rest', ''), part(high, low, 'index', `[${high}:${low}] = ${index}`),
        part(low - 1, 0, 'rest', ''));
}
