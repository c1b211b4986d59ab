// SPDX-License-Identifier: Apache-2.0
// How descriptors look in the map and in a table page: by what they allow, in colour and in pattern, so that
// neither is needed alone.
import {colours, el} from './dom.js';

const PATTERN = 8; // pixels

// name: [words, colour of page.css, the pattern's strokes in a square of 8 by 8]
const LOOKS = {
    all: ['memory: read, write, execute', 'kind-0', []],
    data: ['memory: read, write', 'kind-2', [[0, 8, 8, 0]]],
    readonly: ['memory: not writable', 'kind-1', [[0, 4, 8, 4]]],
    closed: ['mapped, but closed', 'kind-4', [[0, 8, 8, 0], [0, 0, 8, 8]]],
    device: ['device memory', 'kind-3', [[4, 0, 4, 8], [0, 4, 8, 4]]],
    table: ['leads to a table', 'kind-6', [[4, 0, 4, 8]]],
    invalid: ['invalid, but not zero', 'kind-7', [[0, 0, 8, 8]]],
    reserved: ['reserved', 'kind-7', [[0, 0, 8, 8]]],
};
LOOKS.block = LOOKS.page = LOOKS.all;

function tile(colour, back, strokes) {
    const canvas = el('canvas', {width: PATTERN, height: PATTERN}), context = canvas.getContext('2d');
    context.fillStyle = colour;
    context.fillRect(0, 0, PATTERN, PATTERN);
    context.strokeStyle = back;
    context.globalAlpha = 0.55;
    context.lineWidth = 1.5;
    for (const [x0, y0, x1, y1] of strokes) {
        context.beginPath();
        context.moveTo(x0, y0);
        context.lineTo(x1, y1);
        context.stroke();
    }
    return canvas;
}

// {look: what to fill with}, for one drawing in the present theme.
export function fills(context) {
    const found = {}, [back] = colours('panel');
    for (const [look, [, name, strokes]] of Object.entries(LOOKS)) {
        const [colour] = colours(name);
        found[look] = strokes.length ? context.createPattern(tile(colour, back, strokes), 'repeat') : colour;
    }
    return found;
}

// A legend of the looks that occur.
export function looksLegend(present) {
    const samples = [];
    const items = Object.keys(LOOKS).filter((look) => present.has(look)).map((look) => {
        const canvas = el('canvas', {class: 'swatch', width: 16, height: 16, 'aria-hidden': 'true'});
        samples.push([canvas, look]);
        return el('li', {}, canvas, LOOKS[look][0]);
    });
    const paint = () => samples.forEach(([canvas, look]) => {
        const context = canvas.getContext('2d');
        context.fillStyle = fills(context)[look];
        context.fillRect(0, 0, 16, 16);
    });
    paint();
    document.addEventListener('themechange', paint);
    return el('ul', {class: 'legend'}, items);
}
