// SPDX-License-Identifier: Apache-2.0
// Exits by reason, a bar each, cut into the vCPUs' parts; and the ledger, which has them by device, register and place.
import {choice, el, folded, table} from './dom.js';
import {count, plural, share, sum, time} from './format.js';

const SHOWN = 200; // rows of the ledger at a time

function orders(hasTime) {
    const byCount = ['count', (exit) => exit.count, count];
    if (!hasTime)
        return [byCount];
    return [byCount, ['time in EL2', (exit) => exit.time_ns || 0, time],
            ['time of one', (exit) => (exit.count ? (exit.time_ns || 0) / exit.count : 0), time]];
}

function bar(exit, value, most) {
    const part = (n, vcpu) => el('span', {class: 'part', style: `flex-grow: ${n}`, title: `vCPU ${vcpu}: ${count(n)}`});
    return el('div', {class: 'bar', style: `width: ${100 * value / (most || 1)}%`, 'aria-hidden': 'true'},
        exit.per_vcpu.map((n, vcpu) => (n ? part(n, vcpu) : null)));
}

function rows(exits, [, value, words]) {
    const ordered = exits.slice().sort((a, b) => value(b) - value(a));
    const most = value(ordered[0]), all = sum(exits.map(value));
    return ordered.map((exit) => el('tr', {role: 'row'},
        el('th', {scope: 'row', role: 'rowheader'}, exit.reason),
        el('td', {class: 'bars', role: 'cell'}, bar(exit, value(exit), most)),
        el('td', {class: 'number', role: 'cell'}, words(value(exit))),
        el('td', {class: 'number share', role: 'cell'}, share(value(exit), all))));
}

function perVcpu(exits, vcpus) {
    return table('Exits by reason and vCPU', ['Reason', ...Array.from({length: vcpus}, (_, i) => `vCPU ${i}`), 'Time in EL2'],
        exits.map((exit) => [exit.reason, ...exit.per_vcpu.map(count), time(exit.time_ns)]),
        Array.from({length: vcpus + 1}, (_, i) => i + 1));
}

export function buildExits(data, section, report) {
    const exits = data.map((exit) => ({...exit, count: sum(exit.per_vcpu)})).filter((exit) => exit.count);
    const kinds = orders(exits.some((exit) => exit.time_ns !== null && exit.time_ns !== undefined));
    const body = el('tbody', {role: 'rowgroup'}, rows(exits, kinds[0]));
    const order = choice('Order and bars by', kinds.map(([name]) => name), (i) => body.replaceChildren(...rows(exits, kinds[i])));
    section.append(
        el('p', {class: 'note'}, `${plural(sum(exits.map((exit) => exit.count)), 'exit')}. ` +
            'The gaps in a bar divide it into the vCPUs\' parts, vCPU 0 first.'),
        kinds.length > 1 ? el('div', {class: 'tools'}, order) : '',
        el('table', {class: 'exits', role: 'table', 'aria-label': 'Exits by reason'}, body),
        folded('Numbers for each vCPU', () => perVcpu(exits, report.vcpus)));
}

function matches(row, text) {
    return [row.reason, row.device, row.register, row.pc, row.symbol].some((cell) => cell && cell.toLowerCase().includes(text));
}

function ledgerTable(rows, all) {
    const shown = rows.slice(0, SHOWN);
    const cut = shown.length < rows.length ? `, the first ${SHOWN} shown` : '';
    const caption = `${plural(rows.length, 'place')}${cut}: ${plural(sum(rows.map((row) => row.count)), 'exit')}`;
    return table(caption, ['Reason', 'Device', 'Register', 'PC', 'Symbol', 'Count', 'Share', 'Time'],
        shown.map((row) => [row.reason, row.device || '–', row.register || '–', row.pc || '–', row.symbol || '–',
                            count(row.count), share(row.count, all), time(row.time_ns)]), [5, 6, 7]);
}

export function buildLedger(data, section) {
    const rows = data.slice().sort((a, b) => b.count - a.count), all = sum(rows.map((row) => row.count));
    const place = el('div', {'aria-live': 'polite'}, ledgerTable(rows, all));
    const filter = el('input', {type: 'search', placeholder: 'vgic, GICD, el1_irq …', oninput: () => {
        const text = filter.value.trim().toLowerCase();
        place.replaceChildren(ledgerTable(rows.filter((row) => matches(row, text)), all));
    }});
    section.append(el('div', {class: 'tools'}, el('label', {class: 'choice'}, 'Only with', ' ', filter)), place);
}
