// SPDX-License-Identifier: Apache-2.0
// What each vCPU and device did when: a lane each, on uPlot's axis of time. Seen from afar, a bar's height says how many
// events begin in that moment; near enough, each event is a box. track.js has the events.
import uPlot from 'uplot';
import {KINDS, button, colours, el, keys, kindColours, table} from './dom.js';
import {moment, plural, sum, time} from './format.js';
import {Track} from './track.js';

const LANE = 50, LABEL = 19, BAR = 24, AXIS = 34; // CSS pixels
const FEWEST_NS = 100; // no closer than this
const BOXES = 0.5; // more events than this a pixel are counted
const SLACK = 4; // pixels beside an event that still mean it
const LISTED = 100;
const OTHERS = 'all others';

export class Timeline {
    constructor(data) {
        this.tracks = data.map((track) => new Track(track)).filter(({events}) => events.length);
        this.first = Math.min(...this.tracks.map(({starts}) => starts[0]));
        this.last = Math.max(...this.tracks.map(({ended}) => ended[ended.length - 1]), this.first + 1);
        this.selected = null; // [track, event]
        this.nameKinds();
        this.readout = el('p', {class: 'readout', 'aria-live': 'polite'}, 'Point at an event, or press → on the chart.');
        this.place = el('div', {class: 'timeline', tabindex: 0, role: 'application', 'aria-describedby': 'timeline-keys',
                                'aria-label': `Timeline of ${plural(this.tracks.length, 'track')}`});
        keys(this.place, this.keys());
    }

    // The most frequent names have colours of their own.
    nameKinds() {
        const numbers = new Map();
        for (const {events} of this.tracks) {
            for (const [, , name] of events)
                numbers.set(name, (numbers.get(name) || 0) + 1);
        }
        const names = [...numbers].sort((a, b) => b[1] - a[1]).slice(0, KINDS - 1).map(([name]) => name);
        this.names = numbers.size > names.length ? [...names, OTHERS] : names;
        const kinds = new Map(names.map((name, i) => [name, i]));
        this.tracks.forEach((track) => track.colour(kinds, KINDS - 1));
    }

    keys() {
        return {
            '+': () => this.zoom(0.5), '=': () => this.zoom(0.5), '-': () => this.zoom(2), '0': () => this.show(this.first, this.last),
            'ArrowRight': () => this.step(1), 'ArrowLeft': () => this.step(-1),
            'ArrowDown': () => this.turn(1), 'ArrowUp': () => this.turn(-1),
            'PageDown': () => this.pan(0.5), 'PageUp': () => this.pan(-0.5),
        };
    }

    // Puts the chart into its place, which by now has a width.
    start() {
        this.plot = new uPlot({
            width: this.place.clientWidth, height: this.tracks.length * LANE + AXIS, padding: [0, 12, 0, 12],
            legend: {show: false}, cursor: {y: false, drag: {x: true, y: false}, points: {show: false}},
            scales: {x: {time: false, range: (plot, from, to) => [from, to]}, y: {range: () => [0, 1]}},
            axes: [{stroke: () => this.ink[0], grid: {stroke: () => this.ink[1], width: 1}, ticks: {show: false}, size: AXIS,
                    space: 90, values: (plot, splits) => splits.map((at) => moment(at, splits[1] - splits[0]))}, {show: false}],
            series: [{}, {show: false}],
            hooks: {drawClear: [() => this.readColours()], draw: [(plot) => this.draw(plot)],
                    setCursor: [(plot) => this.point(plot)], setScale: [() => this.seen?.()]},
        }, [[this.first, this.last], [0, 0]], this.place);
        this.plot.over.addEventListener('wheel', (event) => this.wheel(event), {passive: false});
        new ResizeObserver(() => this.plot.setSize({width: this.place.clientWidth, height: this.plot.height})).observe(this.place);
        document.addEventListener('themechange', () => this.plot.redraw());
    }

    readColours() {
        this.ink = colours('soft', 'line', 'ink', 'panel', 'accent');
        this.fills = kindColours();
    }

    get view() {
        return [this.plot.scales.x.min, this.plot.scales.x.max];
    }

    show(from, to) {
        const width = Math.min(Math.max(to - from, FEWEST_NS), this.last - this.first);
        const start = Math.min(Math.max(from, this.first), this.last - width);
        this.plot.setScale('x', {min: start, max: start + width});
    }

    zoom(factor, at = null) {
        const [from, to] = this.view;
        const chosen = this.selected && this.selected[0].starts[this.selected[1]];
        const middle = at ?? (chosen >= from && chosen <= to && this.selected ? chosen : (from + to) / 2);
        this.show(middle - (middle - from) * factor, middle + (to - middle) * factor);
    }

    pan(part) {
        const [from, to] = this.view;
        this.show(from + (to - from) * part, to + (to - from) * part);
    }

    // With Ctrl, or sideways, the wheel is the chart's; else the page scrolls.
    wheel(event) {
        if (!event.ctrlKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY))
            return;
        event.preventDefault();
        if (event.ctrlKey)
            this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.plot.posToVal(event.offsetX, 'x'));
        else
            this.pan(event.deltaX / this.plot.over.clientWidth);
    }

    step(way) {
        const [track, i] = this.selected || [this.tracks[0], this.tracks[0].firstAfter(this.view[0]) - 1];
        this.select(track, Math.min(Math.max(i + way, 0), track.events.length - 1));
    }

    turn(way) {
        const [track, i] = this.selected || [this.tracks[0], 0];
        const to = this.tracks[Math.min(Math.max(this.tracks.indexOf(track) + way, 0), this.tracks.length - 1)];
        this.select(to, Math.min(to.firstAfter(track.starts[i]), to.events.length - 1));
    }

    select(track, i) {
        const [from, to] = this.view, start = track.starts[i];
        this.selected = [track, i];
        this.say(track, i);
        if (start < from || start > to)
            this.show(start - (to - from) / 2, start + (to - from) / 2);
        this.plot.redraw(false);
    }

    say(track, i) {
        const [start, duration, name, detail] = track.events[i];
        this.readout.textContent = [track.name, `at ${moment(start, 10)}`, name, duration ? `takes ${time(duration)}` : null, detail]
            .filter(Boolean).join(' · ');
    }

    // What is under the mouse.
    point({cursor, over}) {
        if (cursor.left < 0 || !this.plot)
            return;
        const track = this.tracks[Math.floor(cursor.top / over.clientHeight * this.tracks.length)];
        const [from, to] = this.view;
        const i = track ? track.nearest(this.plot.posToVal(cursor.left, 'x'), SLACK * (to - from) / over.clientWidth) : -1;
        if (i >= 0)
            this.say(track, i);
    }

    draw({ctx, bbox}) {
        const scale = window.devicePixelRatio || 1, width = bbox.width / scale;
        ctx.save();
        ctx.setTransform(scale, 0, 0, scale, bbox.left, bbox.top);
        ctx.beginPath();
        ctx.rect(0, 0, width, this.tracks.length * LANE);
        ctx.clip();
        ctx.font = '12px system-ui, sans-serif';
        ctx.textAlign = 'left';
        ctx.textBaseline = 'alphabetic';
        this.tracks.forEach((track, i) => this.drawTrack(ctx, track, i * LANE, width));
        ctx.restore();
    }

    drawTrack(ctx, track, top, width) {
        const [from, to] = [this.plot?.scales.x.min ?? this.first, this.plot?.scales.x.max ?? this.last];
        const first = track.firstIn(from), last = track.firstAfter(to);
        ctx.fillStyle = this.ink[1];
        ctx.fillRect(0, top + LABEL + BAR, width, 1);
        ctx.fillStyle = this.ink[2];
        ctx.fillText(`${track.name} · ${plural(last - first, 'event')} here`, 2, top + LABEL - 4);
        if (last - first > width * BOXES)
            this.drawCounts(ctx, track.columns(from, to, Math.ceil(width), KINDS), top + LABEL);
        else
            this.drawBoxes(ctx, track, first, last, top + LABEL, (at) => (at - from) / (to - from) * width);
        this.drawSelected(ctx, track, top + LABEL, (at) => (at - from) / (to - from) * width);
    }

    // A column a pixel, its height by the root of its count, its colours by the shares of kinds.
    drawCounts(ctx, counts, top) {
        const columns = counts.length / KINDS;
        const totals = Array.from({length: columns}, (_, x) => counts.subarray(x * KINDS, (x + 1) * KINDS).reduce((a, b) => a + b));
        const most = Math.sqrt(totals.reduce((a, b) => Math.max(a, b), 1));
        for (let x = 0; x < columns; x++) {
            let bottom = top + BAR;
            const height = Math.max(2, BAR * Math.sqrt(totals[x]) / most);
            for (let kind = 0; kind < KINDS; kind++) {
                const part = totals[x] && height * counts[x * KINDS + kind] / totals[x];
                ctx.fillStyle = this.fills[kind];
                ctx.fillRect(x, bottom - part, 1, part);
                bottom -= part;
            }
        }
    }

    drawBoxes(ctx, track, first, last, top, place) {
        for (let i = first; i < last; i++) {
            const left = place(track.starts[i]), width = Math.max(1.5, place(track.ends[i]) - left);
            ctx.fillStyle = this.fills[track.kinds[i]];
            ctx.fillRect(left, top, width, BAR);
            const inside = Math.max(left, 0) + 4;
            if (left + width - inside > 60) {
                ctx.save();
                ctx.beginPath();
                ctx.rect(left, top, width - 3, BAR);
                ctx.clip();
                ctx.fillStyle = this.ink[3];
                ctx.fillText(track.events[i][2], inside, top + BAR / 2 + 4);
                ctx.restore();
            }
        }
    }

    drawSelected(ctx, track, top, place) {
        if (this.selected?.[0] !== track)
            return;
        const left = place(track.starts[this.selected[1]]), right = place(track.ends[this.selected[1]]);
        ctx.strokeStyle = this.ink[4];
        ctx.lineWidth = 2;
        ctx.strokeRect(left - 2, top - 2, Math.max(4, right - left + 4), BAR + 4);
    }

    // The events in view, as a table.
    list() {
        const [from, to] = this.view, rows = [];
        for (const track of this.tracks) {
            const first = track.firstIn(from), end = Math.min(track.firstAfter(to), first + LISTED);
            for (const [start, duration, name, detail] of track.events.slice(first, end))
                rows.push([start, [moment(start, 10), track.name, name, time(duration), detail || '']]);
        }
        rows.sort((a, b) => a[0] - b[0]);
        return table(`The first ${Math.min(LISTED, rows.length)} events in view`, ['At', 'Track', 'Event', 'Takes', 'Detail'],
            rows.slice(0, LISTED).map(([, row]) => row), [0, 3]);
    }
}

function legend(names) {
    return el('ul', {class: 'legend'}, names.map((name, i) =>
        el('li', {}, el('i', {class: `swatch kind-${name === OTHERS ? KINDS - 1 : i}`}), name)));
}

export function buildTimeline(data, section) {
    const timeline = new Timeline(data);
    const listed = el('div', {}), events = sum(timeline.tracks.map((track) => track.events.length));
    const list = button('List what is in view', () => listed.replaceChildren(timeline.list()));
    section.append(
        el('p', {class: 'note'}, `${plural(events, 'event')} in ${time(timeline.last - timeline.first)}. From afar, a bar's ` +
            'height tells how many events fall into that moment; zoom in until each is a box. Drag over a stretch to see it larger.'),
        el('div', {class: 'tools', role: 'toolbar', 'aria-label': 'Zoom of the timeline'},
            button('Zoom in', () => timeline.zoom(0.5)), button('Zoom out', () => timeline.zoom(2)),
            button('Earlier', () => timeline.pan(-0.5)), button('Later', () => timeline.pan(0.5)),
            button('All', () => timeline.show(timeline.first, timeline.last)), list),
        legend(timeline.names), timeline.place, timeline.readout,
        el('p', {class: 'hint', id: 'timeline-keys'}, 'Keys: ← → event by event, ↑ ↓ track, + − zoom, ' +
            'Page Up and Page Down move, 0 all; Ctrl and the wheel zoom, too.'),
        listed);
    timeline.start();
    return timeline;
}
