// SPDX-License-Identifier: Apache-2.0
// Guest-physical space from left to right, a lane for each level of stage 2: tables as frames, descriptors as boxes in
// them, so that what a table translates stands below the descriptor that leads to it. memory.js puts it on the page.
import {colours, drawing, el, keys} from './dom.js';
import {bytes, hex, plural} from './format.js';
import {fills} from './looks.js';

const LANE = 58, LABEL = 18, BOX = 32, AXIS = 24; // CSS pixels
const TICK = 110; // no two closer than this
const MARGIN = 0.04;

export class SpaceMap {
    // `tell.hover(entry or null)`, `tell.choose(entry)`
    constructor(stage2, tell) {
        this.stage2 = stage2;
        this.tell = tell;
        this.chosen = null;
        this.levels = [0, 1, 2, 3].filter((level) => level >= stage2.startLevel && stage2.levels[level].length);
        const {canvas, redraw} = drawing(this.levels.length * LANE + AXIS, (...args) => this.draw(...args), {
            class: 'map', tabindex: 0, role: 'application', 'aria-describedby': 'map-keys',
            'aria-label': `Map of guest-physical space, ${stage2.ipaBits} bits, ${stage2.tables.length} tables`});
        this.canvas = canvas;
        this.redraw = redraw;
        [this.from, this.to] = this.mapped();
        this.listen();
    }

    mapped() {
        const [first, end] = this.stage2.used, margin = (end - first) * MARGIN;
        return [Math.max(0, first - margin), Math.min(this.stage2.end, end + margin)];
    }

    listen() {
        const {canvas} = this;
        keys(canvas, {
            '+': () => this.zoom(0.5), '=': () => this.zoom(0.5), '-': () => this.zoom(2), '0': () => this.show(0, this.stage2.end),
            'm': () => this.show(...this.mapped()), 'Enter': () => this.frame(),
            'PageDown': () => this.pan(0.5), 'PageUp': () => this.pan(-0.5),
            'ArrowRight': () => this.step(1), 'ArrowLeft': () => this.step(-1), 'ArrowDown': () => this.down(), 'ArrowUp': () => this.up(),
        });
        canvas.addEventListener('wheel', (event) => this.wheel(event), {passive: false});
        canvas.addEventListener('pointerdown', (event) => this.press(event));
        canvas.addEventListener('pointermove', (event) => this.move(event));
        canvas.addEventListener('pointerup', (event) => this.release(event));
        canvas.addEventListener('pointerleave', () => this.tell.hover(null));
        canvas.addEventListener('dblclick', () => this.frame());
    }

    // ---- Where it looks ----

    show(from, to) {
        const width = Math.min(Math.max(to - from, 16 * 4096), this.stage2.end);
        this.from = Math.min(Math.max(from, 0), this.stage2.end - width);
        this.to = this.from + width;
        this.redraw();
    }

    zoom(factor, at = null) {
        const {chosen} = this, seen = chosen && chosen.ipa < this.to && chosen.ipa + chosen.size > this.from;
        const middle = at ?? (seen ? Math.min(Math.max(chosen.ipa + chosen.size / 2, this.from), this.to) : (this.from + this.to) / 2);
        this.show(middle - (middle - this.from) * factor, middle + (this.to - middle) * factor);
    }

    pan(part) {
        this.show(this.from + (this.to - this.from) * part, this.to + (this.to - this.from) * part);
    }

    // What is chosen, or its table, fills the view.
    frame() {
        if (this.chosen)
            this.show(this.chosen.ipa - this.chosen.size * MARGIN, this.chosen.ipa + this.chosen.size * (1 + MARGIN));
    }

    wheel(event) {
        if (!event.ctrlKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY))
            return;
        event.preventDefault();
        if (event.ctrlKey)
            this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.ipaAt(event.offsetX));
        else
            this.pan(event.deltaX / this.canvas.clientWidth);
    }

    // ---- The pointer: a drag moves the map, a click chooses ----

    ipaAt(x) {
        return this.from + x / this.canvas.clientWidth * (this.to - this.from);
    }

    entryAt({offsetX, offsetY}) {
        const level = this.levels[Math.floor(offsetY / LANE)];
        if (level === undefined)
            return null;
        const pixel = (this.to - this.from) / this.canvas.clientWidth;
        return [0, 1, -1].map((off) => this.stage2.at(this.ipaAt(offsetX) + off * pixel, level)).find(Boolean) || null;
    }

    press(event) {
        this.drag = {x: event.offsetX, from: this.from, moved: false};
        this.canvas.setPointerCapture(event.pointerId);
    }

    move(event) {
        if (!this.drag) {
            this.tell.hover(this.entryAt(event));
            return;
        }
        const by = event.offsetX - this.drag.x;
        this.drag.moved ||= Math.abs(by) > 4;
        if (this.drag.moved) {
            const start = this.drag.from - by / this.canvas.clientWidth * (this.to - this.from);
            this.show(start, start + this.to - this.from);
        }
    }

    release(event) {
        const entry = this.drag && !this.drag.moved ? this.entryAt(event) : null;
        this.drag = null;
        if (entry)
            this.tell.choose(entry);
    }

    // ---- The keyboard ----

    first() {
        const row = this.stage2.levels[this.levels[0]];
        return row.find((entry) => entry.ipa + entry.size > this.from) || row[0];
    }

    step(way) {
        if (!this.chosen)
            return this.go(this.first());
        const {ipa, level, index, table} = this.chosen, row = this.stage2.levels[level];
        const at = row.findIndex((entry) => entry.ipa >= ipa), here = row[at]?.table === table && row[at].index === index;
        return this.go(row[way > 0 ? at + (here ? 1 : 0) : (at < 0 ? row.length : at) - 1]);
    }

    down() {
        this.go(this.chosen ? this.chosen.child?.entries[0] : this.first());
    }

    up() {
        this.go(this.chosen?.table.parent);
    }

    go(entry) {
        if (!entry)
            return;
        this.tell.choose(entry);
        const width = this.to - this.from;
        if (entry.ipa >= this.to || entry.ipa + entry.size <= this.from)
            this.show(entry.ipa + entry.size / 2 - width / 2, entry.ipa + entry.size / 2 + width / 2);
    }

    choose(entry) {
        this.chosen = entry;
        this.redraw();
    }

    // ---- Drawing ----

    draw(context, width) {
        this.ink = colours('soft', 'line', 'ink', 'panel', 'accent');
        this.fills = fills(context);
        this.place = (ipa) => (ipa - this.from) / (this.to - this.from) * width;
        context.font = '12px system-ui, sans-serif';
        this.levels.forEach((level, i) => this.drawLevel(context, level, i * LANE, width));
        this.drawAxis(context, this.levels.length * LANE, width);
    }

    drawLevel(context, level, top, width) {
        context.fillStyle = this.ink[0];
        const tables = this.stage2.tables.filter((table) => table.level === level);
        context.fillText(`Level ${level} · ${bytes(this.stage2.size(level))} a descriptor · ${plural(tables.length, 'table')}`, 2, top + 12);
        for (const table of tables)
            this.drawTable(context, table, top + LABEL, width);
        this.drawEntries(context, this.stage2.levels[level], top + LABEL, width);
        if (this.chosen?.level === level)
            this.outline(context, this.chosen, top + LABEL);
    }

    drawTable(context, {ipa, slots, size}, top, width) {
        const left = Math.max(this.place(ipa), -4), right = Math.min(this.place(ipa + slots * size), width + 4);
        if (right < 0 || left > width)
            return;
        context.strokeStyle = this.ink[1];
        context.fillStyle = this.ink[3];
        context.fillRect(left, top, Math.max(right - left, 1), BOX);
        context.lineWidth = 1;
        context.strokeRect(left + 0.5, top + 0.5, Math.max(right - left - 1, 1), BOX - 1);
    }

    // Of those that share a pixel, one is drawn.
    drawEntries(context, entries, top, width) {
        let drawn = -1;
        for (const entry of entries) {
            const left = this.place(entry.ipa), right = this.place(entry.ipa + entry.size);
            if (right < 0 || (right - left < 1 && Math.floor(left) === drawn))
                continue;
            if (left > width)
                break;
            drawn = Math.floor(left);
            this.drawEntry(context, entry, Math.max(left, -2), Math.min(right, width + 2), top);
        }
    }

    drawEntry(context, entry, left, right, top) {
        const gap = right - left > 5 ? 1 : 0, words = entry.kind === 'table' ? `→ ${hex(entry.out)}` : entry.perms || entry.kind;
        context.fillStyle = this.fills[entry.look];
        context.fillRect(left + gap, top + 3, Math.max(right - left - 2 * gap, 1), BOX - 6);
        const need = context.measureText(words).width + 12;
        if (right - left <= need + 8)
            return;
        context.fillStyle = this.ink[3];
        context.fillRect(Math.max(left, 0) + 5, top + 8, need - 2, BOX - 16);
        context.fillStyle = this.ink[2];
        context.fillText(words, Math.max(left, 0) + 10, top + BOX / 2 + 4);
    }

    outline(context, {ipa, size}, top) {
        const left = this.place(ipa), right = this.place(ipa + size);
        context.strokeStyle = this.ink[4];
        context.lineWidth = 2.5;
        context.strokeRect(left - 1, top + 1, Math.max(right - left + 2, 4), BOX - 2);
    }

    drawAxis(context, top, width) {
        const step = 2 ** Math.ceil(Math.log2((this.to - this.from) * TICK / width));
        context.fillStyle = this.ink[0];
        for (let at = Math.ceil(this.from / step) * step; at <= this.to; at += step) {
            const x = this.place(at), text = hex(at), needs = context.measureText(text).width;
            context.fillRect(x, top, 1, 5);
            context.fillText(text, Math.min(Math.max(x - needs / 2, 0), width - needs), top + 18);
        }
    }
}

// One table as the page of memory that it is: all its descriptors, in rows.
export class TablePage {
    constructor(stage2, tell) {
        this.stage2 = stage2;
        this.tell = tell;
        this.table = null;
        this.place = el('div', {});
    }

    show(entry) {
        this.index = entry.index;
        if (this.table !== entry.table) {
            this.table = entry.table;
            this.make();
        }
        this.redraw();
    }

    get entry() {
        return this.entryOf(this.index);
    }

    entryOf(index) {
        return this.table.entries.find((entry) => entry.index === index) || this.stage2.readEntry(this.table, index, 0n);
    }

    make() {
        const {pa, level, slots, entries} = this.table;
        this.columns = slots > 1024 ? 128 : 32;
        const rows = slots / this.columns, focused = document.activeElement === this.canvas;
        const {canvas, redraw} = drawing(Math.min(rows, 32) * 18, (...args) => this.draw(...args), {
            class: 'page', tabindex: 0, role: 'application', 'aria-describedby': 'page-keys',
            'aria-label': `Table of level ${level} at ${hex(pa)}: ${slots} descriptors, ${entries.length} in use`});
        const cell = ({offsetX, offsetY}) => Math.min(Math.floor(offsetY / canvas.clientHeight * rows), rows - 1) * this.columns +
            Math.min(Math.floor(offsetX / canvas.clientWidth * this.columns), this.columns - 1);
        canvas.addEventListener('pointermove', (event) => this.tell.hover(this.entryOf(cell(event))));
        canvas.addEventListener('pointerleave', () => this.tell.hover(null));
        canvas.addEventListener('click', (event) => this.tell.choose(this.entryOf(cell(event))));
        const go = (by) => () => this.tell.choose(this.entryOf(Math.min(Math.max(this.index + by, 0), slots - 1)));
        keys(canvas, {'ArrowRight': go(1), 'ArrowLeft': go(-1), 'ArrowDown': go(this.columns), 'ArrowUp': go(-this.columns),
                      'Home': go(-slots), 'End': go(slots)});
        this.canvas = canvas;
        this.redraw = redraw;
        this.place.replaceChildren(canvas);
        if (focused)
            canvas.focus();
    }

    draw(context, width, height) {
        const [line, accent, panel] = colours('line', 'accent', 'panel'), looks = fills(context);
        const rows = this.table.slots / this.columns, w = width / this.columns, h = height / rows;
        context.fillStyle = panel;
        context.fillRect(0, 0, width, height);
        context.strokeStyle = line;
        for (let i = 0; i < this.table.slots; i++)
            context.strokeRect(i % this.columns * w + 0.5, Math.floor(i / this.columns) * h + 0.5, w, h);
        for (const {index, look} of this.table.entries) {
            context.fillStyle = looks[look];
            context.fillRect(index % this.columns * w + 1, Math.floor(index / this.columns) * h + 1, w - 1, h - 1);
        }
        context.strokeStyle = accent;
        context.lineWidth = 2.5;
        context.strokeRect(this.index % this.columns * w, Math.floor(this.index / this.columns) * h, w, h);
    }
}
