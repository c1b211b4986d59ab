// SPDX-License-Identifier: Apache-2.0
// Light or dark: as the system has it, unless the reader says otherwise. Who draws on a canvas listens to "themechange".
import {choice} from './dom.js';

const THEMES = ['auto', 'light', 'dark'];
const KEY = 'traproom-theme';

// A page opened as a file may be refused its storage; the choice then lasts as long as the page.
function stored() {
    try {
        return localStorage.getItem(KEY);
    } catch {
        return null;
    }
}

function store(theme) {
    try {
        localStorage.setItem(KEY, theme);
    } catch {
        // Nothing depends on it.
    }
}

function apply(theme) {
    document.documentElement.dataset.theme = theme;
    document.dispatchEvent(new Event('themechange'));
}

export function themeSwitch() {
    const label = choice('Theme', THEMES, (i) => {
        store(THEMES[i]);
        apply(THEMES[i]);
    });
    const theme = THEMES.includes(stored()) ? stored() : 'auto';
    label.querySelector('select').value = THEMES.indexOf(theme);
    apply(theme);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => document.dispatchEvent(new Event('themechange')));
    return label;
}
