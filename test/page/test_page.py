# SPDX-License-Identifier: Apache-2.0
"""The report page in Chromium: `test_page.py BUILD`. With TRAPROOM_SCREENSHOTS=DIR it leaves pictures there."""

import copy
import os
import subprocess
import sys
import tempfile
import unittest

from browser import Browser
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
import sample

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(REPO, "tools"))

from launcher import report_page  # noqa: E402  pylint: disable=wrong-import-position

BUILD = os.path.realpath(sys.argv.pop(1))
TEMPLATE = os.path.join(BUILD, "page", "report.html")
EVENTS = 300_000  # as a boot has
DESKTOP, PHONE = 1280, 360
PARTS = ("timeline", "exits", "ledger", "stage2", "walks", "latency_ns")
# Contrast of text by WCAG 2: (lighter + 0.05) / (darker + 0.05). Colours are drawn, since any notation may come.
CONTRAST = """
const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const light = (colour) => {
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const back = (element) => {
    for (; element; element = element.parentElement) {
        const colour = getComputedStyle(element).backgroundColor;
        if (colour !== 'rgba(0, 0, 0, 0)')
            return colour;
    }
    return 'white';
};
return [...document.querySelectorAll('p, a, th, td, dt, dd, button, li, h1, h2, h4, label, summary, small')]
    .filter((element) => element.offsetParent && element.textContent.trim()).map((element) => {
        const [a, b] = [light(getComputedStyle(element).color), light(back(element))].sort();
        return [(b + 0.05) / (a + 0.05), element.textContent.slice(0, 40)];
    }).filter(([contrast]) => contrast < 4.5);
"""


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="traproom-page-")
        cls.browser = Browser()
        cls.full = cls.page("full", sample.report(EVENTS))
        cls.small = cls.page("small", sample.report(400))

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.folder.cleanup()

    @classmethod
    def page(cls, name, report):
        path = os.path.join(cls.folder.name, f"{name}.html")
        report_page.check(report, name)
        report_page.write(report, TEMPLATE, path)
        return path

    def tearDown(self):
        self.assertEqual(self.browser.errors(), [])
        self.assertEqual(self.browser.requests(), [])

    def text(self, selector):
        return self.browser.find(selector).text

    def focus(self, selector):
        self.browser.run("document.querySelector(arguments[0]).focus()", selector)

    def click(self, words, within="body"):
        self.browser.run("[...document.querySelectorAll(`${arguments[0]} button`)].find((one) => one.textContent === arguments[1]).click()",
                         within, words)


class Looks(PageTest):
    def test_widths_and_themes(self):
        for width in (DESKTOP, PHONE):
            for theme in ("light", "dark"):
                with self.subTest(width=width, theme=theme):
                    self.browser.open(self.small, width, theme)
                    self.assertLessEqual(self.browser.run("return document.documentElement.scrollWidth"), width)
                    back = self.browser.run("return getComputedStyle(document.body).backgroundColor")
                    self.assertEqual(back, {"light": "rgb(246, 245, 241)", "dark": "rgb(20, 23, 26)"}[theme])
                    self.assertEqual(self.browser.run(CONTRAST), [])
                    self.keep_picture(f"{width}-{theme}")

    def keep_picture(self, name):
        if os.environ.get("TRAPROOM_SCREENSHOTS"):
            self.browser.screenshot(os.path.join(os.environ["TRAPROOM_SCREENSHOTS"], f"H-{name}.png"))

    def test_switch(self):
        self.browser.open(self.small, theme="light")
        colour = "return getComputedStyle(document.body).backgroundColor"
        pixels = "return document.querySelector('canvas.map').toDataURL()"
        light, drawn = self.browser.run(colour), self.browser.run(pixels)
        self.focus("header select")
        self.browser.press(Keys.DOWN, Keys.DOWN)
        self.browser.until(f"{colour} !== arguments[0]", light)
        self.browser.until(f"{pixels} !== arguments[0]", drawn)
        self.focus("header select")
        self.browser.press(Keys.UP)
        self.assertEqual(self.browser.run(colour), light)
        self.browser.press(Keys.UP)

    def test_all_has_a_name(self):
        self.browser.open(self.small)
        for element in self.browser.driver.find_elements("css selector", "button, select, input, summary, a, [tabindex], [role=img]"):
            self.assertNotEqual(element.accessible_name or element.text, "", element.get_attribute("outerHTML")[:200])
        self.assertEqual(self.browser.run("return [...document.querySelectorAll('[id]')].map((one) => one.id)"
                                          ".filter((id, i, all) => all.indexOf(id) !== i)"), [])

    def test_keyboard_reaches_all(self):
        self.browser.open(self.small)
        wanted = self.browser.run("return document.querySelectorAll('button, select, input, summary, nav a, [tabindex=\"0\"]').length")
        seen = set()
        for _ in range(wanted + 1):
            self.browser.press(Keys.TAB)
            seen.add(self.browser.driver.switch_to.active_element.id)
        self.assertGreaterEqual(len(seen), wanted)


class Parts(PageTest):
    def test_texts(self):
        self.browser.open(self.full)
        page = self.text("body")
        for words in ("Debian's Linux 6.1", "2026-11-28 07:30 UTC", "irq: guest timer", "303,000 events", "300,000 exits", "40-bit guest-physical", "All tables",
                      "20,000 interrupts"):
            self.assertIn(words, page)
        self.assertIn("MIT", self.browser.run("return document.querySelector('footer').textContent"))
        self.assertIn("uPlot 1.6", self.browser.run("return document.querySelector('footer').textContent"))

    def test_missing(self):
        whole = sample.report(400)
        for part in PARTS:
            with self.subTest(part=part):
                rest = {name: value for name, value in whole.items() if name != part}
                self.browser.open(self.page(f"without-{part}", rest), PHONE)
                self.assertIn("tools/traproom report --collect", self.text(f"#{part}"))
        self.browser.open(self.page("empty", {name: whole[name] for name in ("format", "version", "vcpus")}))
        self.assertEqual(len(self.browser.driver.find_elements("css selector", ".missing")), len(PARTS))

    def test_empty_parts(self):
        empty = {**sample.report(400), "exits": [], "ledger": [], "timeline": [], "walks": None, "latency_ns": [{"irq": "27", "samples": []}]}
        empty["stage2"] = {**sample.stage2(), "tables": []}
        self.browser.open(self.page("empty-parts", empty))
        self.assertEqual(len(self.browser.driver.find_elements("css selector", ".missing")), len(PARTS))

    def test_text_is_no_markup(self):
        evil = copy.deepcopy(sample.report(400))
        evil["title"] = "</script><script>document.title = 'taken'</script><b id=taken>"
        evil["exits"][0]["reason"] = "<img src=x onerror=\"document.title='taken'\">"
        self.browser.open(self.page("evil", evil))
        self.assertNotEqual(self.browser.driver.title, "taken")
        self.assertEqual(self.browser.driver.find_elements("css selector", "#taken, img"), [])

    def test_exits(self):
        self.browser.open(self.small)
        counts = {exit["reason"]: sum(exit["per_vcpu"]) for exit in sample.report(400)["exits"]}
        rows = self.browser.run("return [...document.querySelectorAll('.exits tr')].map((row) => [...row.cells].map((cell) => cell.textContent))")
        self.assertEqual({row[0]: int(row[2]) for row in rows}, {reason: n for reason, n in counts.items() if n})
        self.assertEqual([int(row[2]) for row in rows], sorted((n for n in counts.values() if n), reverse=True))

    def test_ledger_filter(self):
        self.browser.open(self.small)
        self.focus("#ledger input")
        self.browser.press("gic_poke_irq")
        names = self.browser.run("return [...document.querySelectorAll('#ledger td:nth-child(5)')].map((cell) => cell.textContent)")
        self.assertTrue(names)
        self.assertEqual([name for name in names if not name.startswith("gic_poke_irq")], [])

    def test_histogram(self):
        self.browser.open(self.small)
        label = self.browser.find(".histogram").accessible_name
        samples = sorted(sample.report(400)["latency_ns"][0]["samples"])
        self.assertIn(f"the shortest {samples[0]} ns", label)
        self.browser.run("[...document.querySelectorAll('#latency_ns details summary')][0].click()")
        total = self.browser.until("const cells = [...document.querySelectorAll('#latency_ns td:nth-child(3)')]; "
                                   "return cells.reduce((sum, cell) => sum + Number(cell.textContent.replace(/,/g, '')), 0)")
        self.assertEqual(total, len(samples))


class Timeline(PageTest):
    def test_keyboard(self):
        self.browser.open(self.small)
        events = sample.report(400)["timeline"]
        self.focus(".timeline")
        self.browser.press(Keys.RIGHT)
        first = events[0]["events"][0]
        self.assertIn(f"vCPU 0 · at {first[0] / 1000:.2f} µs · {first[2]}", self.text("#timeline .readout").replace(",", ""))
        self.browser.press(Keys.RIGHT)
        self.assertIn(events[0]["events"][1][3], self.text("#timeline .readout"))
        self.browser.press(Keys.DOWN)
        self.assertIn("vCPU 1", self.text("#timeline .readout"))

    def test_mouse(self):
        self.browser.open(self.small)
        chart = self.browser.find(".timeline .u-over")
        before = self.text("#timeline .readout")
        for across in range(0, 400, 20):
            ActionChains(self.browser.driver).move_to_element_with_offset(chart, across, -60).perform()
        self.assertNotEqual(self.text("#timeline .readout"), before)

    def test_quick(self):
        """A boot's 300,000 events: drawn anew in far less time than it would take by the event."""
        self.browser.open(self.full)
        took = self.browser.run("""
            const button = [...document.querySelectorAll('#timeline button')].find((one) => one.textContent === 'Zoom in');
            const start = performance.now();
            for (let i = 0; i < 5; i++) button.click();
            return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start))));""")
        self.assertLess(took, 5000)

    def test_list(self):
        self.browser.open(self.small)
        self.click("List what is in view", "#timeline")
        self.assertEqual(len(self.browser.driver.find_elements("css selector", "#timeline tbody tr")), 100)


class Memory(PageTest):
    def detail(self):
        return self.text(".detail")

    def field(self, name):
        return self.browser.run("return [...[...document.querySelectorAll('.detail .fields tr')].find((row) => row.cells[0].textContent === arguments[0]).cells]"
                                ".slice(1).map((cell) => cell.textContent)", name)

    def test_block(self):
        """The first leaf by level, then by keys: its neighbours, its table, the pages below."""
        self.browser.open(self.small)
        self.focus("canvas.map")
        self.assertIn("Level 1, descriptor 3", self.detail())
        self.browser.press(Keys.LEFT)
        self.assertIn("Leads to the table of level 2 at PA 0x40406000", self.detail())
        self.browser.press(Keys.DOWN)
        self.assertIn("IPA 0x48000000 – 0x481fffff", self.detail())
        self.assertIn("A block of 2 MiB at PA 0x48000000: Normal write-back, R W X.", self.detail())
        self.assertIn("0x00000000480007fd at PA 0x40406200", self.detail())
        for name, expected in (("S2AP", ["[7:6]", "0x3", "read and write"]), ("MemAttr", ["[5:2]", "0xf", "Normal write-back"]),
                               ("SH", ["[9:8]", "0x3", "inner shareable"]), ("Output address", ["[47:21]", "0x48000000", "where the memory is"]),
                               ("XN", ["[54:53]", "0x0", "EL1 and EL0 may execute"])):
            self.assertEqual(self.field(name), expected)
        self.browser.press(Keys.RIGHT, Keys.DOWN)
        self.assertIn("A page of 4 KiB at PA 0x48200000", self.detail())
        self.browser.press(Keys.UP)
        self.assertIn("Level 2, descriptor 65", self.detail())

    def test_page_of_memory(self):
        """The table page, by keys: a page that is read-only, a zero, one that is invalid but not zero."""
        self.browser.open(self.small)
        self.focus("canvas.map")
        self.browser.press(Keys.LEFT, Keys.DOWN, Keys.RIGHT, Keys.DOWN)
        self.focus("canvas.page")
        self.assertEqual(self.browser.focused(), "Table of level 3 at 0x40407000: 512 descriptors, 511 in use")
        self.browser.press(*[Keys.RIGHT] * 5)
        self.assertIn("Normal write-back, R - -", self.detail())
        self.assertEqual(self.field("S2AP")[2], "read-only")
        self.assertEqual(self.field("XN")[2], "nobody may execute")
        self.browser.press(Keys.RIGHT, Keys.RIGHT)
        self.assertIn("Zero: an access here faults at level 3", self.detail())
        self.browser.press(Keys.RIGHT)
        self.assertIn("Not zero, but invalid", self.detail())

    def test_mouse(self):
        self.browser.open(self.small)
        page = self.browser.find("canvas.page")
        before = self.detail()
        size = page.size
        ActionChains(self.browser.driver).move_to_element_with_offset(page, -size["width"] // 2 + 3, -size["height"] // 2 + 3).perform()
        self.assertIn("Level 1, descriptor 0", self.detail())
        ActionChains(self.browser.driver).move_to_element(self.browser.find("h1")).perform()
        self.assertEqual(self.detail(), before)

    def test_runs(self):
        self.browser.open(self.small)
        self.browser.run("[...document.querySelectorAll('#stage2 summary')].find((one) => one.textContent === 'The map as text').click()")
        self.browser.until("return document.querySelector('#stage2 tbody tr td.number')")
        text = self.text("#stage2 details")
        self.assertIn("0x48400000 – 0x67ffffff", text)
        self.assertIn("0x7000000 – 0x7003fff", text)
        self.assertIn("Device-nGnRE", text)

    def test_walk_of_the_map(self):
        self.browser.open(self.small)
        field = self.browser.find("#stage2 form input")
        for address, result in (("0x48001234", "0x48001234"), ("0x4820700c", "a stage-2 translation fault of level 3"),
                                ("0x10000000000", "more bits than stage 2 translates")):
            field.clear()
            field.send_keys(address + Keys.ENTER)
            self.click("End", "#walks")
            self.assertIn(result, self.text("#walks .stage"))
        field.clear()
        field.send_keys("nowhere" + Keys.ENTER)
        self.assertIn("An address, please", self.text("#stage2 form"))


class Walks(PageTest):
    def test_steps(self):
        self.browser.open(self.small)
        self.assertIn("Load 1 of 14: stage 2, level 1", self.text("#walks .stage"))
        self.focus(".player")
        self.browser.press(Keys.RIGHT, Keys.RIGHT)
        self.assertIn("Load 3 of 14: stage 1, level 0", self.text("#walks .stage"))
        self.assertIn("VA 0xffff800008123456: index 256", self.text("#walks .stage"))
        self.assertEqual(self.browser.find(".address").accessible_name, "VA 0xffff800008123456: bits 47 to 39 are the index, 256")
        self.browser.press(Keys.LEFT)
        self.assertIn("Load 2 of 14: stage 2, level 2", self.text("#walks .stage"))
        self.browser.press(Keys.END)
        self.assertIn("0x4a123456", self.text("#walks .facts"))

    def test_plays(self):
        self.browser.open(self.small)
        self.focus(".player")
        self.browser.press(Keys.SPACE)
        self.browser.until("return document.querySelector('#walks .stage h4').textContent.startsWith('Load 3')")
        self.click("Pause", "#walks")
        self.assertIn("Play", self.text("#walks .tools"))

    def test_fault(self):
        self.browser.open(self.small)
        self.browser.run("const select = document.querySelector('#walks select'); select.value = 1; select.dispatchEvent(new Event('change'))")
        self.click("End", "#walks")
        self.assertIn("translation fault, stage 2, level 2", self.text("#walks .stage"))


class Command(unittest.TestCase):
    def report(self, text):
        with tempfile.TemporaryDirectory() as folder:
            data, page = os.path.join(folder, "data.json"), os.path.join(folder, "page.html")
            with open(data, "w", encoding="utf-8") as file:
                file.write(text)
            ended = subprocess.run([os.path.join(REPO, "tools", "traproom"), "report", "--build", BUILD, "--html", page, data],
                                   capture_output=True, text=True, check=False)
            return ended.returncode, ended.stderr, os.path.exists(page)

    def test_refuses(self):
        head = '{"format": "traproom-report", "version": 1'
        for text, words in (("nonsense", "is no JSON"), ("[]", "is no report of Traproom's"),
                            (head[:-1] + "2}", "version 2"), (head + "}", "how many \"vcpus\""),
                            (head + ', "vcpus": 1, "exits": [{"reason": "hvc"}]}', "each of \"exits\" must have reason, per_vcpu")):
            status, said, written = self.report(text)
            self.assertEqual((status, written), (1, False), said)
            self.assertIn(words, said)

    def test_writes(self):
        self.assertEqual(self.report('{"format": "traproom-report", "version": 1, "vcpus": 1}'), (0, "", True))


if __name__ == "__main__":
    unittest.main()
