# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium, for the report page's tests: opens a page at a width and in a theme, and keeps an eye on errors and
on the network."""

import json
import sys
import time

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait
except ImportError:
    sys.exit("python3-selenium is not installed: run tools/setup page-test")

LIMIT = 240  # seconds, for a machine that is busy
ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
             "--disable-background-networking", "--disable-component-update", "--force-color-profile=srgb")
LOCAL = ("file:", "data:", "blob:", "about:", "chrome:")


class Browser:
    def __init__(self):
        options = Options()
        for argument in ARGUMENTS:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_page_load_timeout(LIMIT)
        self.driver.set_script_timeout(LIMIT)

    def quit(self):
        self.driver.quit()

    def devtools(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def size(self, width, height=900):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefers(self, theme):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    def open(self, path, width=1280, theme="light"):
        """The seconds that it took until the page was built."""
        self.size(width)
        self.prefers(theme)
        self.requests()
        self.errors()
        start = time.monotonic()
        self.driver.get(f"file://{path}")
        self.until("return document.documentElement.dataset.ready === 'true'")
        self.run("localStorage.clear()")
        return time.monotonic() - start

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def until(self, script, *arguments):
        """Waits until the script's value is true, and returns it."""
        return WebDriverWait(self.driver, LIMIT, poll_frequency=0.05).until(lambda driver: driver.execute_script(script, *arguments))

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def focused(self):
        """The accessible name of what has the focus."""
        return self.driver.switch_to.active_element.accessible_name

    def press(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def errors(self):
        """What the console has said since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """What was asked of the network since the last call."""
        sent = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [message["params"]["request"]["url"] for message in sent if message["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(LOCAL)]

    def screenshot(self, path):
        """All of the page."""
        width, height = self.run("return [innerWidth, document.documentElement.scrollHeight]")
        self.size(width, height)
        self.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.driver.save_screenshot(path)
        self.size(width)
