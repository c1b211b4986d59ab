// SPDX-License-Identifier: Apache-2.0
// Elements, and the colours that a canvas takes from the page's style sheet.

// el('p', {class: 'note', onclick: f, 'aria-label': 'x'}, 'text', otherElement)
export function el(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith('on'))
            element.addEventListener(name.slice(2), value);
        else if (value !== null && value !== undefined && value !== false)
            element.setAttribute(name, value === true ? '' : value);
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return element;
}

// A table; rows are arrays of text or elements. `numeric`: the columns that are numbers.
export function table(caption, head, rows, numeric = []) {
    const kind = (column) => (numeric.includes(column) ? {class: 'number'} : {});
    const body = rows.map((row) => el('tr', {}, row.map((cell, column) =>
        el(column ? 'td' : 'th', {...kind(column), ...(column ? {} : {scope: 'row'})}, cell))));
    return el('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption},
        el('table', {}, el('caption', {}, caption),
            el('thead', {}, el('tr', {}, head.map((name, column) => el('th', {scope: 'col', ...kind(column)}, name)))),
            el('tbody', {}, body)));
}

// What is folded away until asked for; made when it is first opened, since it may be long.
export function folded(summary, make) {
    const details = el('details', {}, el('summary', {}, summary));
    details.addEventListener('toggle', () => {
        if (details.open && details.childElementCount === 1)
            details.append(make());
    });
    return details;
}

export function button(label, onclick, attributes = {}) {
    return el('button', {type: 'button', onclick, ...attributes}, label);
}

export function choice(label, names, onchange) {
    const select = el('select', {onchange: () => onchange(Number(select.value))},
        names.map((name, i) => el('option', {value: i}, name)));
    return el('label', {class: 'choice'}, label, ' ', select);
}

// Resolves variables of the style sheet for canvases, which know none.
export function colours(...names) {
    const probe = el('span', {hidden: true});
    document.body.append(probe);
    const found = names.map((name) => {
        probe.style.color = `var(--${name})`;
        return getComputedStyle(probe).color;
    });
    probe.remove();
    return found;
}

export const KINDS = 8; // --kind-0 to --kind-7 of page.css; the last is for all others

export function kindColours() {
    return colours(...Array.from({length: KINDS}, (_, i) => `kind-${i}`));
}

// A canvas with the screen's own pixels, `height` CSS pixels high; `draw(context, width, height)` is
// called when its size or the theme changes. Returns {canvas, redraw}.
export function drawing(height, draw, attributes = {}) {
    const canvas = el('canvas', {...attributes, style: `height: ${height}px`});
    const redraw = () => {
        const width = canvas.clientWidth;
        if (!width)
            return;
        const scale = window.devicePixelRatio || 1;
        canvas.width = Math.round(width * scale);
        canvas.height = Math.round(height * scale);
        const context = canvas.getContext('2d');
        context.scale(scale, scale);
        draw(context, width, height);
    };
    new ResizeObserver(redraw).observe(canvas);
    document.addEventListener('themechange', redraw);
    return {canvas, redraw};
}

// Calls handlers[event.key] of an element that has the focus; what it handles goes no further.
export function keys(element, handlers) {
    element.addEventListener('keydown', (event) => {
        const handler = handlers[event.key];
        if (event.target !== element || !handler || event.ctrlKey || event.altKey || event.metaKey)
            return;
        event.preventDefault();
        handler();
    });
}
