// SPDX-License-Identifier: Apache-2.0
// One track of the timeline: its events as columns of numbers, in order, so that hundreds of thousands are quick to look
// through. timeline.js draws it.

export class Track {
    constructor({track, kind, events}) {
        this.name = track;
        this.kind = kind;
        this.events = inOrder(events) ? events : events.slice().sort((a, b) => a[0] - b[0]);
        this.starts = Float64Array.from(this.events, ([start]) => start);
        this.ends = Float64Array.from(this.events, ([start, duration]) => start + duration);
        // An event may outlast later ones: up to here, all have ended by then.
        this.ended = this.ends.slice();
        for (let i = 1; i < this.ended.length; i++)
            this.ended[i] = Math.max(this.ended[i], this.ended[i - 1]);
    }

    // Numbers each event's kind by `kinds`, names to numbers; what is not in it is the last of all.
    colour(kinds, others) {
        this.kinds = Uint8Array.from(this.events, ([, , name]) => kinds.get(name) ?? others);
    }

    // The first event that has not ended before `time`, and the first that begins after it.
    firstIn(time) {
        return lowerBound(this.ended, time);
    }

    firstAfter(time) {
        return lowerBound(this.starts, time);
    }

    // The event at a time, or the nearest within `slack` of it; -1: none.
    nearest(time, slack) {
        let best = -1, distance = slack;
        for (let i = this.firstIn(time - slack); i < this.events.length && this.starts[i] <= time + slack; i++) {
            const away = Math.max(this.starts[i] - time, time - this.ends[i], 0);
            if (away <= distance) {
                best = i;
                distance = away;
            }
        }
        return best;
    }

    // How many events of each kind begin in each of `columns` equal parts of [from, to): a row of `kinds` a column.
    columns(from, to, columns, kinds) {
        const counts = new Uint32Array(columns * kinds);
        const last = this.firstAfter(to);
        for (let i = this.firstAfter(from); i < last; i++) {
            const column = Math.floor((this.starts[i] - from) / (to - from) * columns);
            counts[column * kinds + this.kinds[i]]++;
        }
        return counts;
    }
}

function inOrder(events) {
    return events.every(([start], i) => i === 0 || events[i - 1][0] <= start);
}

function lowerBound(numbers, value) {
    let low = 0, high = numbers.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (numbers[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
