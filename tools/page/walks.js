// SPDX-License-Identifier: Apache-2.0
// Walks, level by level: what is loaded from where, which bits of the address chose it, what comes out. For a virtual
// address each access to a stage-1 table is itself walked through stage 2 first, as the hardware does.
import {addressPicture, descriptorPicture, fieldTable} from './bits.js';
import {button, choice, el, keys} from './dom.js';
import {hex, plural} from './format.js';
import {levelShift} from './descriptor.js';

const PAUSE = 1400; // milliseconds a step, when it plays
const OFFSETS = [12, 14, 16]; // of an address, by granule

// What a step translates: the virtual address, a stage-1 descriptor's IPA, or the final IPA.
function inputOf(walk, i) {
    const step = walk.steps[i];
    if (step.stage === 1)
        return ['VA', walk.va];
    if (step.for !== 's1 table')
        return ['IPA', walk.ipa];
    const next = walk.steps.slice(i).find(({stage}) => stage === 1);
    return ['IPA', next?.table_ipa ? hex(BigInt(next.table_ipa) + 8n * BigInt(next.index)) : null];
}

// The bits that a step's index is made of. The walk does not say its granule: it is the one whose bits they are.
function indexBits(address, {level, index}) {
    for (const offset of OFFSETS) {
        const bits = offset - 3, low = levelShift(level, {offset, bits});
        for (const width of [bits, bits + 1, bits + 2, bits + 3, bits + 4]) {
            if (low < 56 && (BigInt(address) >> BigInt(low) & (1n << BigInt(width)) - 1n) === BigInt(index))
                return [Math.min(low + width - 1, 55), low];
        }
    }
    return null;
}

// The loads that make one of stage 1's, each with stage 2's for its table before it; and the last of stage 2:
// [[title, [numbers of steps]]].
function groups(walk) {
    const found = [];
    walk.steps.forEach((step, i) => {
        if (i === 0 || walk.steps[i - 1].stage === 1)
            found.push([groupTitle(walk, i), []]);
        found[found.length - 1][1].push(i);
    });
    return found;
}

function groupTitle(walk, i) {
    const next = walk.steps.slice(i).find(({stage}) => stage === 1);
    return next ? `Stage 1, level ${next.level}` : walk.va === null ? 'The IPA' : 'The resulting IPA';
}

function name(walk) {
    return `${walk.va === null ? 'IPA' : 'VA'} ${walk.va ?? walk.ipa}${walk.fault ? ': faults' : ` → PA ${walk.pa}`}`;
}

// A table as a page, and where in it the descriptor is, once the walk has come there.
function pagePicture({level, stage, index, table_pa: at}, reached) {
    const slots = index < 512 ? 512 : 8192;
    return el('div', {class: `tablepage ${reached ? '' : 'later'}`, 'aria-hidden': 'true'},
        el('div', {class: 'sheet'}, reached ? el('i', {style: `top: ${Math.min(100 * index / slots, 97)}%`}) : null),
        el('small', {}, `S${stage}, level ${level}`), el('small', {class: 'code'}, reached ? at : '?'));
}

function outcome(step) {
    return {table: `It leads to the next table, at ${step.out}.`, block: `A block: the walk ends. Its memory begins at ${step.out}.`,
            page: `A page: the walk ends. Its memory begins at ${step.out}.`, invalid: 'Invalid: the walk ends in a fault.',
            reserved: 'Reserved at this level: the walk ends in a fault.'}[step.kind];
}

class Player {
    constructor() {
        this.walks = [];
        this.at = 0;
        this.timer = null;
        this.rail = el('ol', {class: 'rail', 'aria-label': 'Steps of the walk'});
        this.stage = el('div', {class: 'stage', 'aria-live': 'polite'});
        this.playButton = button('Play', () => this.play());
        this.chooser = el('div', {});
        this.controls = el('div', {class: 'tools', role: 'toolbar', 'aria-label': 'Walk'},
            button('Start', () => this.go(0)), button('Back', () => this.go(this.at - 1)), this.playButton,
            button('Step', () => this.go(this.at + 1)), button('End', () => this.go(Infinity)));
        this.place = el('div', {class: 'player', tabindex: 0, role: 'group', 'aria-label': 'Walk, step by step',
                                'aria-describedby': 'walk-keys'}, this.rail, this.stage);
        keys(this.place, {'ArrowRight': () => this.go(this.at + 1), 'ArrowLeft': () => this.go(this.at - 1), 'Home': () => this.go(0),
                          'End': () => this.go(Infinity), ' ': () => this.play()});
    }

    add(walk) {
        this.walks.push(walk);
        const label = choice('Walk of', this.walks.map(name), (i) => this.choose(i));
        this.chooser.replaceChildren(label);
        label.querySelector('select').value = this.walks.length - 1;
        this.choose(this.walks.length - 1);
    }

    choose(i) {
        this.walk = this.walks[i];
        this.chooser.querySelector('select').value = i;
        this.stop();
        this.go(0);
    }

    // Step 0 to the last; behind it, the result.
    go(to) {
        this.at = Math.min(Math.max(to, 0), this.walk.steps.length);
        if (this.at === this.walk.steps.length)
            this.stop();
        this.rail.replaceChildren(...this.railItems());
        this.stage.replaceChildren(...(this.at === this.walk.steps.length ? this.result() : this.step(this.at)));
    }

    play() {
        if (this.timer !== null)
            return this.stop();
        if (this.at === this.walk.steps.length)
            this.go(0);
        this.playButton.textContent = 'Pause';
        this.timer = setInterval(() => this.go(this.at + 1), PAUSE);
        return undefined;
    }

    stop() {
        clearInterval(this.timer);
        this.timer = null;
        this.playButton.textContent = 'Play';
    }

    railItems() {
        const stop = (i, text, words) => button(text, () => this.go(i), {
            class: i < this.at ? 'done' : '', 'aria-label': words, 'aria-current': i === this.at ? 'step' : null});
        const items = groups(this.walk).map(([title, numbers]) => el('li', {}, el('span', {}, title), numbers.map((i) => {
            const {stage, level} = this.walk.steps[i];
            return stop(i, `S${stage} L${level}`, `Step ${i + 1}: stage ${stage}, level ${level}`);
        })));
        const end = this.walk.steps.length;
        return [...items, el('li', {}, el('span', {}, 'Result'), stop(end, this.walk.fault ? 'fault' : 'PA', 'Result'))];
    }

    step(i) {
        const step = this.walk.steps[i], [kind, address] = inputOf(this.walk, i);
        const bits = address === null ? null : indexBits(address, step);
        return [
            el('h4', {}, `Load ${i + 1} of ${this.walk.steps.length}: stage ${step.stage}, level ${step.level}`),
            bits ? addressPicture(kind, address, Math.max(47, bits[0]), bits[0], bits[1], step.index) : null,
            el('div', {class: 'pair'}, el('div', {}, this.where(step, kind, address), this.pages(i)),
                el('div', {}, el('p', {class: 'code'}, step.desc), descriptorPicture(step.desc, step.fields),
                    el('p', {class: 'says'}, outcome(step)), fieldTable(step.fields))),
        ].filter(Boolean);
    }

    // Where its descriptor lies.
    where(step, kind, address) {
        const place = (table) => hex(BigInt(table) + 8n * BigInt(step.index));
        return el('p', {}, `${address === null ? '' : `${kind} ${address}: `}index ${step.index}. The descriptor lies at PA `,
            el('span', {class: 'code'}, place(step.table_pa)),
            step.table_ipa ? `, to the guest at IPA ${place(step.table_ipa)}.` : '.');
    }

    // The tables on the way of the same address.
    pages(i) {
        const [, numbers] = groups(this.walk).find(([, all]) => all.includes(i));
        return el('div', {class: 'pages'}, numbers.map((n, place) =>
            [place ? el('span', {class: 'arrow', 'aria-hidden': 'true'}, '→') : '', pagePicture(this.walk.steps[n], n <= i)]));
    }

    result() {
        const {va, ipa, pa, fault, why, loads, perms, memory} = this.walk;
        const facts = [['VA', va], ['IPA', ipa], ['PA', pa], ['Rights', perms], ['Memory', memory], ['Fault', fault], ['Why', why]]
            .filter(([, value]) => value);
        return [el('h4', {}, fault ? 'It faults' : 'Found'),
                el('dl', {class: 'facts'}, facts.map(([title, value]) =>
                    [el('dt', {}, title), el('dd', {class: title.endsWith('A') ? 'code' : ''}, value)])),
                el('p', {}, `The hardware loads ${plural(loads, 'descriptor')} for it, unless its TLB has them.`)];
    }
}

// Returns what shows a walk more. Walks of the map come in here, too.
export function walkPlayer(section) {
    const player = new Player();
    return (walk) => {
        if (!player.walks.length) {
            section.replaceChildren(el('p', {class: 'note'}, 'Each load that the hardware makes, in its order.'), player.chooser,
                player.controls, player.place,
                el('p', {class: 'hint', id: 'walk-keys'}, 'Keys: → step, ← back, space plays and pauses, Home, End.'));
        }
        player.add(walk);
        return player;
    };
}
