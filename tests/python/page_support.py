"""The colour page in Chromium, opened from a file, without network: what a person can do, by selenium."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

PATIENCE = 120  # seconds, on a busy machine


class Page:
    """A tab with the page."""

    def __init__(self, driver: webdriver.Chrome, file: Path, downloads: Path) -> None:
        self.driver, self.file, self.downloads = driver, file, downloads

    def load(self) -> None:
        self.driver.get(self.file.as_uri())

    def forget(self) -> None:
        """Loads the page as a new user has it."""
        self.load()
        self.driver.execute_async_script(
            "localStorage.clear();"
            "indexedDB.open('limn').onsuccess = ({target: {result}}) => {"
            "  result.transaction('files', 'readwrite').objectStore('files').clear().onsuccess = () => arguments[0]();"
            "};"
        )
        self.load()
        self.console(), self.requests()

    def find(self, element: str) -> WebElement:
        return self.driver.find_element(By.ID, element)

    def text(self, element: str) -> str:
        """What a person reads in an element; "" if it is hidden."""
        return self.find(element).text

    def value(self, element: str) -> str:
        return self.find(element).get_property("value")

    def until(self, holds: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, f"{what}: not within {PATIENCE} s; {self.text('status')} {self.text('alert')}"
            time.sleep(0.02)

    def idle(self) -> None:
        """Waits until the picture shows what was asked for."""
        self.driver.execute_async_script("setTimeout(arguments[0], 0)")
        self.until(lambda: self.find("stage").get_attribute("aria-busy") != "true", "an answer")

    def give(self, element: str, *files: Path) -> None:
        """Chooses files in an <input type=file>."""
        self.find(element).send_keys("\n".join(map(str, files)))

    def open(self, file: Path) -> None:
        self.give("file", file)
        self.until(lambda: self.text("status").startswith(file.name) or self.text("alert"), f"opening {file.name}")
        self.until(lambda: self.find("stage").get_attribute("aria-busy") == "false" or self.text("alert"), "an answer")
        self.idle()

    def click(self, element: str) -> None:
        self.driver.execute_script("arguments[0].closest('details')?.setAttribute('open', '')", self.find(element))
        self.find(element).click()
        self.idle()

    def set(self, element: str, value: object) -> None:
        """Sets a slider, field or list to a value, with the events of a person's input."""
        self.driver.execute_script(
            "const [e, value] = arguments; e.value = value;"
            "for (const name of ['input', 'change']) e.dispatchEvent(new Event(name, {bubbles: true}));",
            self.find(element), str(value),
        )  # fmt: skip
        self.idle()

    # Places on the photograph are shares of its width and height.

    def _at(self, x: float, y: float, width: int, height: int) -> tuple[WebElement, int, int]:
        canvas = self.find("picture")
        box = canvas.rect
        scale = min(box["width"] / width, box["height"] / height)
        return canvas, round((x - 0.5) * width * scale), round((y - 0.5) * height * scale)

    def tap(self, x: float, y: float, size: tuple[int, int]) -> None:
        canvas, dx, dy = self._at(x, y, *size)
        ActionChains(self.driver).move_to_element_with_offset(canvas, dx, dy).click().perform()
        self.idle()

    def click_at(self, element: WebElement, x: float, y: float) -> None:
        """Clicks at shares of an element's width and height."""
        box = element.rect
        dx, dy = round((x - 0.5) * box["width"]), round((y - 0.5) * box["height"])
        ActionChains(self.driver).move_to_element_with_offset(element, dx, dy).click().perform()
        self.idle()

    @staticmethod
    def tint(point: str) -> list[float]:
        """The direction of a point's colour from grey: the differences of red, green and blue, of length 1."""
        digits = point.split()[2][1:]
        samples = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)], float)
        samples -= samples.mean()
        return list(samples / np.linalg.norm(samples))

    def drag(self, start: tuple[float, float], end: tuple[float, float], size: tuple[int, int]) -> None:
        canvas, dx, dy = self._at(*start, *size)
        _, to_x, to_y = self._at(*end, *size)
        chain = ActionChains(self.driver).move_to_element_with_offset(canvas, dx, dy).click_and_hold()
        chain.move_by_offset(to_x - dx, to_y - dy).release().perform()
        self.idle()

    def keys(self, *keys: str) -> None:
        self.find("picture").send_keys(*keys)
        self.idle()

    def downloaded(self, name: str) -> bytes:
        """The bytes of a file that the page saves; the file is removed."""
        path = self.downloads / name
        self.until(lambda: path.exists() or self.text("alert"), f"saving {name}")
        assert path.exists(), self.text("alert")
        self.until(lambda: not self.text("status").startswith("Saving"), f"saving {name}")
        content = path.read_bytes()
        path.unlink()
        return content

    def save(self, name: str) -> bytes:
        self.find("save").click()
        return self.downloaded(name)

    def points(self, name: str) -> str:
        """The lines of the points file of a picture."""
        self.click("points-save")
        return self.downloaded(f"{name}-points.txt").decode()

    def shot(self, name: str) -> None:
        """Keeps a picture of the window beside the downloads, for a person to look at."""
        self.driver.save_screenshot(str(self.downloads / name))

    def drop(self, files: list[tuple[str, bytes, str]], text: str = "") -> None:
        """Drops files of (name, bytes, type), or a text, on the page."""
        parts = [[name, list(content), kind] for name, content, kind in files]
        self.driver.execute_script(
            "const [parts, text] = arguments, dataTransfer = new DataTransfer();"
            "for (const [name, bytes, type] of parts)"
            "  dataTransfer.items.add(new File([new Uint8Array(bytes)], name, {type}));"
            "if (text) dataTransfer.setData('text/plain', text);"
            "document.dispatchEvent(new DragEvent('drop', {dataTransfer, bubbles: true, cancelable: true}));",
            parts, text,
        )  # fmt: skip

    def complaint(self) -> str:
        """The error that the page shows, which is closed."""
        self.until(lambda: self.text("alert"), "a message")
        text = self.driver.find_element(By.CSS_SELECTOR, "#alert span").text
        self.find("alert-close").click()
        return text

    def contrast(self) -> int:
        """Between the lightest and darkest sample in the middle of the photograph's canvas."""
        return self.driver.execute_script(
            "const c = document.getElementById('picture'), copy = document.createElement('canvas').getContext('2d');"
            "copy.drawImage(c, (c.width >> 1) - 20, c.height >> 1, 40, 1, 0, 0, 40, 1);"
            "const d = copy.getImageData(0, 0, 40, 1).data.filter((_, i) => i % 4 === 0);"
            "return Math.max(...d) - Math.min(...d);"
        )

    def memory(self) -> int:
        """Bytes of memory of the largest of the browser's processes, which holds the page."""
        command = ["ps", "-o", "rss=", "-C", "chromium", "--sort=-rss"]
        return 1024 * int(subprocess.run(command, capture_output=True, check=True).stdout.split()[0])

    def console(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Addresses that left the page since the last call, but for its own parts."""
        entries = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [entry["params"]["request"]["url"] for entry in entries if entry["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if url != self.file.as_uri() and not url.startswith(("blob:", "data:", "chrome:"))]


@contextmanager
def browser(file: Path, folder: Path, size: tuple[int, int] = (1280, 900), profile: Path | None = None) -> Iterator[Page]:
    """A new Chromium with an empty profile, or the given one, offline."""
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(word)
    options.add_argument(f"--user-data-dir={profile or folder / 'profile'}")
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.set_capability("unhandledPromptBehavior", "ignore")
    driver = webdriver.Chrome(options=options)
    try:
        driver.set_script_timeout(PATIENCE)
        if size[0] < 500:  # narrower than the window of a desktop can be
            metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 2, "mobile": True}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
        driver.execute_cdp_cmd("Network.enable", {})
        offline = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        page = Page(driver, file, folder)
        page.load()
        yield page
    finally:
        driver.quit()
