"""The colour page in Firefox, driven by Mozilla's marionette_driver: from a photograph to a saved file."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli_support import LIMN, ROOT, limn
from PIL import Image

marionette = pytest.importorskip("marionette_driver.marionette")

PAGE = Path(LIMN).resolve().parent / "page/limn.html"
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
PATIENCE = 120  # seconds

pytestmark = [
    pytest.mark.skipif(not PAGE.exists(), reason="needs make page"),
    pytest.mark.skipif(not FIREFOX, reason="needs Firefox"),
]


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_from_a_photograph_to_a_file(tmp_path: Path) -> None:
    photo = tmp_path / "coffee.png"
    with Image.open(ROOT / "weights/samples/coffee.png") as image:
        image.convert("L").resize((300, 200)).save(photo)
    prefs = {"browser.download.folderList": 2, "browser.download.dir": str(tmp_path), "network.manage-offline-status": False}
    firefox = marionette.Marionette(bin=FIREFOX, headless=True, prefs=prefs, gecko_log=str(tmp_path / "log"))
    try:
        firefox.start_session()
        firefox.navigate(PAGE.as_uri())
        firefox.find_element("id", "file").send_keys(str(photo))

        def text(element: str) -> str:
            return firefox.execute_script("return document.getElementById(arguments[0]).innerText", [element])

        def is_idle() -> bool:
            return firefox.execute_script("return document.getElementById('stage').ariaBusy") == "false"

        until(lambda: text("status") == "coffee.png" and is_idle(), "the first answer")
        canvas = firefox.find_element("id", "picture")
        marionette.ActionSequence(firefox, "pointer", "mouse", {"pointerType": "mouse"}).click(element=canvas).perform()
        until(lambda: text("point-help").startswith("Point 1 of 1") and is_idle(), "a point")
        where = text("point-help").removeprefix("Point 1 of 1, at ").rstrip(".").replace(",", "")
        firefox.execute_script(
            "const e = document.getElementById('hex'); e.value = '#a04020'; e.dispatchEvent(new Event('change'));"
        )
        colour = firefox.execute_script("return document.getElementById('hex').value")
        until(is_idle, "an answer")
        firefox.find_element("id", "save").click()
        saved = tmp_path / "coffee-colorized.png"
        until(lambda: text("status") == f"Saved {saved.name}" and saved.exists(), "the saved picture")
    finally:
        firefox.quit()
    (tmp_path / "hints.txt").write_text(f"{where} {colour} 2\n")
    weights = ROOT / "weights/siggraph17-photos.safetensors"
    exact = ("--isa", "baseline", "--kernels", "native", "-o", tmp_path / "program.png")
    assert limn("colorize", "-m", weights, photo, "--hints", tmp_path / "hints.txt", *exact).returncode == 0
    made, want = (np.asarray(Image.open(io.BytesIO(path.read_bytes()))) for path in (saved, tmp_path / "program.png"))
    assert (made == want).all()
