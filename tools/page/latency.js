// SPDX-License-Identifier: Apache-2.0
// How long interrupts take: a histogram on uPlot, its bins even in the logarithm, since a few take far longer than most.
import uPlot from 'uplot';
import {choice, colours, el, folded, table} from './dom.js';
import {count, plural, share, time} from './format.js';

const PER_DECADE = 12, HEIGHT = 240;
const MARKS = [['median', 0.5], ['90 %', 0.9], ['99 %', 0.99]];

function bin(ns) {
    return Math.floor(Math.log10(Math.max(ns, 1)) * PER_DECADE + 1e-9);
}

function edge(i) {
    return 10 ** (i / PER_DECADE);
}

// The places of 1, 2, 5, 10, 20 ... between two, or of 1, 10, 100 where those would be too many.
function round(from, to) {
    const digits = to - from > 3 * PER_DECADE ? [1] : [1, 2, 5], places = [];
    for (let power = Math.floor(from / PER_DECADE); power <= to / PER_DECADE; power++)
        places.push(...digits.map((digit) => (power + Math.log10(digit)) * PER_DECADE));
    return places.filter((place) => place >= from && place <= to);
}

// In order, without those of 0: the run has ended before they had.
export function measured(samples) {
    return samples.filter((ns) => ns > 0).sort((a, b) => a - b);
}

export function quantile(sorted, part) {
    return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

// [[bin], [count]], every bin from the first to the last.
function histogram(sorted) {
    const first = bin(sorted[0]), counts = new Array(bin(sorted[sorted.length - 1]) - first + 1).fill(0);
    sorted.forEach((ns) => counts[bin(ns) - first]++);
    return [counts.map((_, i) => first + i), counts];
}

class Histogram {
    constructor(place, sorted) {
        const data = histogram(sorted);
        this.sorted = sorted;
        this.plot = new uPlot({
            width: place.clientWidth, height: HEIGHT, padding: [22, 12, 0, 0], legend: {show: false}, cursor: {show: false},
            scales: {x: {time: false, range: () => [data[0][0] - 0.5, data[0][data[0].length - 1] + 1.5]},
                     y: {range: (plot, from, to) => [0, to * 1.05]}},
            axes: [this.axis({splits: (plot, axis, from, to) => round(from, to),
                              values: (plot, splits) => splits.map((at) => time(edge(at)))}),
                   this.axis({size: 64, values: (plot, splits) => splits.map(count)})],
            series: [{}, {fill: () => this.ink[2], width: 0, points: {show: false}, paths: uPlot.paths.bars({size: [0.9], align: 1})}],
            hooks: {drawClear: [() => { this.ink = colours('soft', 'line', 'kind-0', 'ink', 'accent'); }],
                    draw: [(plot) => this.mark(plot)]},
        }, data, place);
    }

    axis(more) {
        return {stroke: () => this.ink[0], grid: {stroke: () => this.ink[1], width: 1}, ticks: {show: false}, ...more};
    }

    // Lines for the median and its like; a word at each, a line lower where two would meet.
    mark(plot) {
        const {ctx, bbox} = plot, scale = window.devicePixelRatio || 1;
        let free = 0;
        ctx.save();
        ctx.textAlign = 'left';
        ctx.font = `${12 * scale}px system-ui, sans-serif`;
        for (const [name, part] of MARKS) {
            const x = plot.valToPos(Math.log10(Math.max(quantile(this.sorted, part), 1)) * PER_DECADE, 'x', true);
            ctx.fillStyle = this.ink[4];
            ctx.fillRect(x, bbox.top, scale, bbox.height);
            ctx.fillStyle = this.ink[3];
            if (x >= free)
                ctx.fillText(name, x, bbox.top - 6 * scale);
            free = Math.max(free, x + ctx.measureText(`${name}  `).width);
        }
        ctx.restore();
    }

    end() {
        this.plot.destroy();
    }
}

function binTable(sorted) {
    const [bins, counts] = histogram(sorted);
    return table('Interrupts by latency', ['From', 'To', 'Interrupts', 'Share'],
        bins.map((i, n) => [time(edge(i)), time(edge(i + 1)), count(counts[n]), share(counts[n], sorted.length)]), [0, 1, 2, 3]);
}

function words(irq, sorted) {
    const [median, most, nearly] = MARKS.map(([, part]) => time(quantile(sorted, part)));
    return `${irq}: ${plural(sorted.length, 'interrupt')}. Half took at most ${median}, 90 % ${most}, 99 % ${nearly}; ` +
        `the longest ${time(sorted[sorted.length - 1])}, the shortest ${time(sorted[0])}.`;
}

export function buildLatency(data, section) {
    const kinds = data.map(({irq, samples}) => ({irq, sorted: measured(samples)})).filter(({sorted}) => sorted.length);
    const place = el('div', {class: 'histogram', role: 'img'}), bins = el('div', {});
    const says = el('p', {class: 'readout', 'aria-live': 'polite'});
    let shown = null;
    const show = (i) => {
        const {irq, sorted} = kinds[i];
        shown?.end();
        shown = new Histogram(place, sorted);
        says.textContent = words(irq, sorted);
        place.setAttribute('aria-label', `Histogram. ${says.textContent}`);
        bins.replaceChildren(folded('The histogram as a table', () => binTable(sorted)));
    };
    section.append(
        el('p', {class: 'note'}, 'What EL2 takes for it: from the exit that brings an interrupt to the guest\'s going on, with the ' +
            'interrupt given to it. The scale of time is logarithmic.'),
        el('div', {class: 'tools'}, choice('Interrupt', kinds.map(({irq}) => irq), show)), place, says, bins);
    show(0);
    new ResizeObserver(() => shown.plot.setSize({width: place.clientWidth, height: HEIGHT})).observe(place);
    document.addEventListener('themechange', () => shown.plot.redraw());
}
