// SPDX-License-Identifier: Apache-2.0
// The section on guest memory: map.js's map, the table page of what is chosen in it, its descriptor bit by bit, and the
// map as text.
import {descriptorPicture, fieldTable} from './bits.js';
import {button, el, folded, table} from './dom.js';
import {bytes, count, hex, plural} from './format.js';
import {looksLegend} from './looks.js';
import {SpaceMap, TablePage} from './map.js';
import {Stage2, isLeaf} from './stage2.js';

function range({ipa, size}) {
    return `${hex(ipa)} – ${hex(ipa + size - 1)}`;
}

function says(entry) {
    if (isLeaf(entry))
        return `A ${entry.kind} of ${bytes(entry.size)} at PA ${hex(entry.out)}: ${entry.memory}, ${entry.perms.split('').join(' ')}.`;
    if (entry.kind === 'table')
        return `Leads to the table of level ${entry.level + 1} at PA ${hex(entry.out)}.`;
    return entry.desc ? `Not zero, but ${entry.kind}: an access here faults at level ${entry.level}.`
        : `Zero: an access here faults at level ${entry.level} and comes to EL2.`;
}

function describe(entry) {
    return [
        el('h4', {}, `Level ${entry.level}, descriptor ${entry.index}`),
        el('p', {}, el('span', {class: 'code'}, `IPA ${range(entry)}`), el('br'), says(entry)),
        el('p', {class: 'code'}, `0x${entry.desc.toString(16).padStart(16, '0')} at PA ${hex(entry.table.pa + 8 * entry.index)}`),
        descriptorPicture(entry.desc, entry.fields),
        fieldTable(entry.fields),
    ];
}

function code(text) {
    return el('span', {class: 'code'}, text);
}

function runTable(stage2) {
    const runs = stage2.runs();
    return table(`${plural(runs.length, 'run')} of mapped memory`, ['IPA', 'Size', 'PA', 'Rights', 'Memory', 'Level'],
        runs.map((run) => [code(range(run)), bytes(run.size), code(hex(run.out)), run.perms, run.memory, `${run.level}`]), [1, 5]);
}

function tableTable(stage2) {
    return table(plural(stage2.tables.length, 'table'), ['PA', 'Level', 'Translates from', 'In use'],
        stage2.tables.map(({pa, level, ipa, entries, slots}) =>
            [hex(pa), `${level}`, hex(ipa), `${count(entries.length)} of ${slots}`]), [1, 3]);
}

// The map, the page and the descriptor show the same choice; the mouse shows others for as long as it is there.
function views(stage2) {
    const detail = el('div', {class: 'detail', 'aria-live': 'polite'}), title = el('h4', {});
    let chosen = null;
    const show = (entry) => {
        detail.replaceChildren(...describe(entry));
        page.show(entry);
        const {level, pa, slots, entries} = entry.table;
        title.textContent = `Its table: level ${level} at PA ${hex(pa)}, ${entries.length} of ${slots} descriptors in use`;
    };
    const tell = {
        hover: (entry) => entry ? detail.replaceChildren(...describe(entry)) : chosen && detail.replaceChildren(...describe(chosen)),
        choose: (entry) => {
            chosen = entry;
            map.choose(entry);
            show(entry);
        },
    };
    const map = new SpaceMap(stage2, tell), page = new TablePage(stage2, tell);
    return {map, page, detail, title, tell};
}

function walkForm(stage2, walk) {
    const input = el('input', {type: 'text', value: hex(stage2.used[0]), spellcheck: 'false', size: 14});
    const complaint = el('span', {role: 'alert', class: 'complaint'});
    const submit = (event) => {
        event.preventDefault();
        const ipa = Number(input.value);
        const good = input.value.trim() !== '' && Number.isInteger(ipa) && ipa >= 0 && ipa < 2 ** 52;
        complaint.textContent = good ? '' : 'An address, please, such as 0x48001000.';
        if (good)
            walk(stage2.walk(ipa));
    };
    return el('form', {class: 'tools', onsubmit: submit}, el('label', {class: 'choice'}, 'Walk the IPA ', input),
        el('button', {type: 'submit'}, 'Walk'), complaint);
}

function toolbar(map, stage2) {
    return el('div', {class: 'tools', role: 'toolbar', 'aria-label': 'Zoom of the map'},
        button('Zoom in', () => map.zoom(0.5)), button('Zoom out', () => map.zoom(2)),
        button('Left', () => map.pan(-0.5)), button('Right', () => map.pan(0.5)), button('To the chosen', () => map.frame()),
        button('Mapped', () => map.show(...map.mapped())), button('Whole space', () => map.show(0, stage2.end)));
}

export function buildMemory(data, section, report, {addWalk}) {
    const stage2 = new Stage2(data);
    const {map, page, detail, title, tell} = views(stage2);
    const present = new Set(stage2.levels.flat().map(({look}) => look));
    section.append(
        el('p', {class: 'note'}, `${stage2.ipaBits}-bit guest-physical addresses (IPA), walked from level ${stage2.startLevel}. ` +
            `VTTBR_EL2 ${data.vttbr}, VTCR_EL2 ${data.vtcr}. Each box is a descriptor; what its table translates is below it.`),
        toolbar(map, stage2), looksLegend(present), map.canvas,
        el('p', {class: 'hint', id: 'map-keys'}, 'Keys: ← → descriptor, ↓ into its table, ↑ back, + − zoom, Enter to the chosen one, ' +
            'm what is mapped, 0 all. Drag moves; Ctrl and the wheel zoom.'),
        el('div', {class: 'pair'}, el('div', {}, title, page.place,
            el('p', {class: 'hint', id: 'page-keys'}, 'One cell a descriptor, all of the table. Keys: arrows, Home, End.'),
            walkForm(stage2, addWalk)), detail),
        folded('The map as text', () => runTable(stage2)), folded('All tables', () => tableTable(stage2)));
    tell.choose(stage2.levels.flat().find(isLeaf) || map.first() || stage2.readEntry(stage2.tables[0], 0, 0n));
}
