// SPDX-License-Identifier: Apache-2.0
// The report page: reads the data that stand in the page itself and builds a section for each part. A part that is not
// there is named, with what to run to have it. docs/report-page.md has the format.
import 'uplot/dist/uPlot.min.css';
import './page.css';
import {el} from './dom.js';
import {buildExits, buildLedger} from './exits.js';
import {count, plural, share, sum, time} from './format.js';
import {buildLatency, measured, quantile} from './latency.js';
import {buildMemory} from './memory.js';
import {themeSwitch} from './theme.js';
import {buildTimeline} from './timeline.js';
import {walkPlayer} from './walks.js';

const COLLECT = 'tools/traproom report --collect DATA.json --html OUT.html';

// [part, title, builder, has something, how to have it]
const PARTS = [
    ['timeline', 'Timeline', buildTimeline, (tracks) => tracks.some(({events}) => events.length)],
    ['exits', 'Exits by reason', buildExits, (exits) => exits.some(({per_vcpu: all}) => sum(all))],
    ['ledger', 'Exits by place', buildLedger, (rows) => rows.length],
    ['stage2', 'Guest memory', buildMemory, ({tables}) => tables.length],
    ['walks', 'Walks', buildWalks, (walks) => walks.length],
    ['latency_ns', 'Interrupt latency', buildLatency, (kinds) => kinds.some(({samples}) => measured(samples).length)],
];

function buildWalks(data, section, report, {addWalk}) {
    const [player] = data.map(addWalk);
    player.choose(0);
}

function missing(part) {
    const more = part === 'walks' ? ' Or walk an address of the map above.' : '';
    return el('p', {class: 'missing'}, 'Not in this report. To have it, run ', el('code', {}, COLLECT), '.', more);
}

function tiles(report) {
    const exits = report.exits || [], all = sum(exits.flatMap(({per_vcpu: n}) => n));
    const most = exits.slice().sort((a, b) => sum(b.per_vcpu) - sum(a.per_vcpu))[0];
    const spent = sum(exits.map((exit) => exit.time_ns || 0));
    const samples = measured((report.latency_ns || []).flatMap((kind) => kind.samples));
    return [
        ['vCPUs', report.vcpus && count(report.vcpus)],
        ['exits', all && count(all)],
        ['most of them', all && `${most.reason}, ${share(sum(most.per_vcpu), all)}`],
        ['time in EL2', spent && time(spent)],
        ['tables of stage 2', report.stage2?.tables.length && count(report.stage2.tables.length)],
        ['median of interrupts', samples.length && time(quantile(samples, 0.5))],
    ].filter(([, value]) => value).map(([title, value]) => el('div', {}, el('dt', {}, title), el('dd', {}, value)));
}

// What the reader of its numbers must know.
function cautions({unit, lost}) {
    return [unit === 'instructions' && 'each ns is an instruction', lost && `${plural(lost, 'exit')} came too fast to be taken down`];
}

function header(report) {
    return el('header', {}, el('div', {class: 'title'}, el('h1', {}, report.title || 'Traproom'), themeSwitch()),
        el('p', {class: 'note'}, ['A report of Traproom\'s', report.date, ...cautions(report)].filter(Boolean).join('; ')),
        el('dl', {class: 'tiles'}, tiles(report)),
        el('nav', {'aria-label': 'Sections'}, PARTS.map(([part, title]) => el('a', {href: `#${part}`}, title))));
}

function build(report) {
    document.title = `${report.title || 'Traproom'} – report`;
    const main = el('main', {}), bodies = {};
    for (const [part, title] of PARTS) {
        bodies[part] = el('div', {});
        main.append(el('section', {id: part, 'aria-labelledby': `${part}-title`}, el('h2', {id: `${part}-title`}, title), bodies[part]));
    }
    document.body.prepend(header(report), main);
    const addWalk = walkPlayer(bodies.walks);
    const toWalk = (walk) => addWalk(walk).place.focus();
    for (const [part, , builder, full] of PARTS) {
        if (report[part] && full(report[part]))
            builder(report[part], bodies[part], report, {addWalk: part === 'stage2' ? toWalk : addWalk});
        else
            bodies[part].append(missing(part));
    }
}

build(JSON.parse(document.getElementById('report').textContent));
document.documentElement.dataset.ready = 'true';
