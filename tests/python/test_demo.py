"""`make demo`: the page and the sheet that tools/gallery/demo.py writes, with small random weights of all networks."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import model_tables
import pytest
from checkpoint_files import read_safetensors, safetensors
from cli_support import LIMN, ROOT  # which makes tools/ known, too
from segment_support import network

Image = pytest.importorskip("PIL.Image")

from gallery import inputs  # noqa: E402  (tools/ is known through cli_support, and needs Pillow)
from training import cells, nuclei, scenes  # noqa: E402

GOLDENS = {
    "eccv16-scenes": "eccv16", "siggraph17-scenes": "siggraph17", "siggraph17-photos": "siggraph17",
    "vae-scenes": "vae", "dcgan-digits": "dcgan-5-stages", "dcgan-landscapes": "dcgan-3-stages", "enhancenet": "enhancenet",
}  # fmt: skip
NETWORKS = {  # and the first of the weights that each is shown with
    "enhancenet": "enhancenet", "photographs": "siggraph17-photos", "nuclei": "unet-nuclei",
    "deeplabv3": "deeplabv3-scenes", "unet": "unet-cells", "eccv16": "eccv16-scenes",
    "siggraph17": "siggraph17-scenes", "vae": "vae-scenes", "dcgan": "dcgan-digits",
}  # fmt: skip
VOID = {"meta", "img", "br", "link"}
CHROMIUM = shutil.which("chromium")


def demo(weights: Path, output: Path, limn: str = LIMN) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "tools/gallery/demo.py", "--limn", limn, "--weights", weights, "--output", output]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights of every name that the demo shows."""
    folder = tmp_path_factory.mktemp("weights")
    for name, golden in GOLDENS.items():
        shutil.copy(ROOT / f"tests/goldens/{golden}.safetensors", folder / f"{name}.safetensors")
    table = model_tables.unet(3, 2, "transposed", False)
    network(folder / "unet-nuclei.safetensors", table, classes=nuclei.CLASSES)
    unet = network(folder / "unet-cells.safetensors", table, classes=cells.CLASSES)
    record = {"sha256": hashlib.sha256(unet.read_bytes()).hexdigest(), "steps": 123}
    unet.with_suffix(".json").write_text(json.dumps(record))
    (folder / "vae-scenes.json").write_text(json.dumps(record))  # of other weights
    table = model_tables.deeplabv3((1, 1, 1, 1), 13)
    network(folder / "deeplabv3-scenes.safetensors", table, classes=scenes.CLASSES)
    return folder


@pytest.fixture(scope="module")
def whole(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's folder with everything in it, and what it printed."""
    output = tmp_path_factory.mktemp("demo")
    done = demo(weights, output)
    assert (done.returncode, done.stderr) == (0, "")
    return output, done.stdout


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo with EnhanceNet's weights alone."""
    folder, output = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("demo")
    shutil.copy(ROOT / "tests/goldens/enhancenet.safetensors", folder)
    done = demo(folder, output)
    assert (done.returncode, done.stderr) == (0, "")
    return output, done.stdout


class Page(HTMLParser):
    """What a page holds; its elements must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, *names: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag in names]


def test_the_page_stands_alone(whole: tuple[Path, str]) -> None:
    text = (whole[0] / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>") and page.all("html") == [{"lang": "en"}]
    assert not page.all("script", "iframe", "object", "embed") and "url(" not in text and "@import" not in text
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert sorted(names) == sorted({*NETWORKS, "pixels", "explain"})
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for target in (attributes.get("src"), attributes.get("href")):
            assert target is None or target.startswith("data:") or (target[0] == "#" and target[1:] in names), target
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))


def test_pictures_of_the_page(whole: tuple[Path, str]) -> None:
    """Each is sound, of the size that it is said to have, and described; no description stands twice in a section."""
    images = Page((whole[0] / "index.html").read_text(encoding="utf-8")).all("img")
    assert len(images) > 50
    for attributes in images:
        kind, data = re.fullmatch(r"data:image/(png|jpeg|svg\+xml);base64,(.*)", attributes["src"]).groups()
        data = base64.b64decode(data, validate=True)
        assert len(attributes["alt"]) > 5
        if kind == "svg+xml":
            assert ElementTree.fromstring(data).tag.endswith("svg")
            continue
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            assert picture.format == kind.upper()
            assert picture.size == (int(attributes["width"]), int(attributes["height"]))


def test_what_the_page_says(whole: tuple[Path, str]) -> None:
    """Figures, times and weights of every exhibit, in the page and on standard output."""
    folder, printed = whole
    sections = (folder / "index.html").read_text(encoding="utf-8").split("<section ")[1:]
    assert len(sections) == len(printed.splitlines()) - 1 == 11
    for name, section, line in zip((*NETWORKS, "pixels", "explain"), sections, printed.splitlines(), strict=False):
        assert section.startswith(f'id="{name}"') and line.startswith(f"{name}: ")
        assert "Missing weights" not in section and "Failed" not in section
        assert re.search(r"\d+ runs of limn, \d+\.\d\d s", section) and re.search(r"\(\d+\.\d\d s\)$", line)
        assert ("&quot;steps&quot;: 123" in section) == (name == "unet")
        if name in NETWORKS:
            assert f"<code>{NETWORKS[name]}.safetensors</code>" in section
            assert re.search(r"[\d,]+ parameters, \d+\.\d\d MB.*sha256 [0-9a-f]{16}", section)
    figures = {
        "enhancenet": "PSNR", "photographs": "with 30 hints", "nuclei": "Dice of nuclei", "deeplabv3": "IoU",
        "unet": "Dice", "eccv16": "Delta-E", "siggraph17": "a hint", "vae": "between variants",
        "pixels": "mean squared error 0", "explain": "arena",
    }  # fmt: skip
    for name, figure in figures.items():
        assert re.search(f"^{name}: .*{figure}", printed, re.MULTILINE), (name, printed)


def test_commands_of_the_page_repeat_it(whole: tuple[Path, str], weights: Path) -> None:
    """A command that the page shows works in the demo's folder as it stands there."""
    folder = whole[0]
    commands = re.findall(r"<code>(limn .*?)</code>", (folder / "index.html").read_text(encoding="utf-8"))
    command = next(html.unescape(command) for command in commands if "--hints" in command)
    made = folder / command.split(" -o ")[1].split()[0]
    before = made.read_bytes()
    made.unlink()
    environment = os.environ | {"LIMN_WEIGHTS": str(weights)}
    subprocess.run(command.replace("limn", LIMN, 1), shell=True, cwd=folder, env=environment, check=True)
    assert made.read_bytes() == before


def test_the_sheet(whole: tuple[Path, str], bare: tuple[Path, str]) -> None:
    sizes = []
    for folder, _ in (whole, bare):
        with Image.open(folder / "sheet.png") as sheet:
            sheet.load()
            sizes.append(sheet.size)
            colours = sheet.convert("RGB").getcolors(1 << 24)
        assert len(colours) > 500
    assert sizes[0] == sizes[1]


def test_missing_weights_are_named(bare: tuple[Path, str]) -> None:
    folder, printed = bare
    text = (folder / "index.html").read_text(encoding="utf-8")
    Page(text)
    for name, file in list(NETWORKS.items())[1:]:
        line = f"^{name}: missing weights: weights/{file}.safetensors.*tools/training/train_"
        assert re.search(line, printed, re.MULTILINE)
    assert text.count("Missing weights:") == 8 and "Failed" not in text
    assert re.search("^enhancenet: PSNR", printed, re.MULTILINE)


def test_a_failure_is_shown(weights: Path, tmp_path: Path) -> None:
    """Damaged weights: the others are shown, the page has limn's message, the exit code is 1."""
    folder, output = tmp_path / "weights", tmp_path / "demo"
    folder.mkdir()
    shutil.copy(weights / "enhancenet.safetensors", folder)
    (folder / "dcgan-digits.safetensors").write_bytes((weights / "dcgan-digits.safetensors").read_bytes()[:-100])
    done = demo(folder, output)
    assert done.returncode == 1
    assert re.fullmatch(r"demo: dcgan: limn inspect .*dcgan-digits\.safetensors.*\n", done.stderr), done.stderr
    text = (output / "index.html").read_text(encoding="utf-8")
    Page(text)
    assert f"Failed: {html.escape(done.stderr.removeprefix('demo: dcgan: ').strip())}" in text
    assert "enhancenet: PSNR" in done.stdout


def test_text_from_outside(weights: Path, tmp_path: Path) -> None:
    """Metadata, names of classes and a folder whose name is not UTF-8: the page is valid, and escapes what it shows."""
    folder, output = tmp_path / os.fsdecode(b"weights \xff<b>\x01"), tmp_path / os.fsdecode(b"demo \xe9\n")
    folder.mkdir()
    tensors, metadata, _ = read_safetensors((weights / "unet-cells.safetensors").read_bytes())
    metadata |= {"limn.licence": "<script>\ufffe\x1b[31m", "limn.source": '"\u202e&amp;'}
    metadata["limn.classes"] = json.dumps(["a<i>", "\x01"])
    (folder / "unet-cells.safetensors").write_bytes(safetensors(tensors, metadata))
    shutil.copy(weights / "enhancenet.safetensors", folder)
    (folder / "dcgan-digits.safetensors").write_bytes(b"damaged")
    done = demo(folder, output)
    assert done.returncode == 1 and "demo: dcgan: limn inspect" in done.stderr, done.stderr
    text = (output / "index.html").read_bytes().decode("utf-8")
    Page(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ufffe]", text)
    assert "&lt;script&gt;\ufffd\ufffd[31m" in text and "&quot;\ufffd&amp;amp;" in text and "a&lt;i&gt;" in text


def test_no_program(weights: Path, tmp_path: Path) -> None:
    done = demo(weights, tmp_path, limn="/nowhere/limn")
    assert (done.returncode, done.stderr) == (1, "demo: /nowhere/limn: No such file or directory\n")


def test_weights_of_other_classes(weights: Path, tmp_path: Path) -> None:
    """Weights of one's own under the same name may know other classes: shown, not measured against the drawing's."""
    folder = tmp_path / "weights"
    folder.mkdir()
    shutil.copy(weights / "enhancenet.safetensors", folder)
    shutil.copy(ROOT / "tests/goldens/deeplabv3.safetensors", folder / "deeplabv3-scenes.safetensors")
    done = demo(folder, tmp_path / "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert "deeplabv3: not measured: the network has other classes" in done.stdout


def test_the_inputs_need_no_pytorch() -> None:
    script = "import sys; sys.path.insert(0, sys.argv[1]); from gallery import demo; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script, ROOT / "tools"], check=True, timeout=60)


def test_the_hint_lies_in_its_part() -> None:
    number, (y, x), where = inputs.guessed_part()
    assert where[y, x] and where.sum() >= inputs.LEAST_PART
    assert len({*inputs.scene(number).objects[where].tolist()}) == 1


# In a browser

# A window may not become narrow; a frame may.
QUESTIONS = """<script>addEventListener("load", () => {
const broken = [...document.images].filter(image => !image.complete || !image.naturalWidth).length;
const told = [document.images.length, broken, innerWidth, document.documentElement.scrollWidth].join(" ");
parent.document.documentElement.dataset.told = told;
});</script>"""
FRAME = """<!DOCTYPE html><link rel="icon" href="data:,"><title></title><iframe width="{}" height="800"
style="border: 0" srcdoc="{}"></iframe>"""


def browsed(page: str, folder: Path, width: int) -> tuple[list[int], list[str]]:
    """What a browser makes of a page: pictures, broken ones, its own width, the page's; and its console's lines."""
    asked = folder / f"asked-{width}.html"
    asked.write_text(FRAME.format(width, html.escape(page.replace("</body>", QUESTIONS + "</body>"))), encoding="utf-8")
    done = subprocess.run(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
         "--enable-logging=stderr", "--window-size=1400,900", "--dump-dom", asked.as_uri()],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    told = re.search('data-told="([0-9 ]+)"', done.stdout)
    assert told, done.stderr
    return [int(number) for number in told[1].split()], re.findall(".*CONSOLE.*", done.stderr)


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
@pytest.mark.parametrize("width", [360, 1280])
def test_in_a_browser(whole: tuple[Path, str], tmp_path: Path, width: int) -> None:
    """No broken picture, nothing on the console, nothing wider than the screen."""
    text = (whole[0] / "index.html").read_text(encoding="utf-8")
    (images, broken, inner, page), console = browsed(text, tmp_path, width)
    assert (images, broken, console) == (text.count("<img "), 0, [])
    assert inner == width and page <= width


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_browser_sees_what_is_wrong(tmp_path: Path) -> None:
    wrong = ('<!DOCTYPE html><title></title><body><img src="data:image/png;base64,AAAA" alt="none">'
             '<p style="width: 900px">wide</p><script>nothing()</script></body>')  # fmt: skip
    (images, broken, inner, page), console = browsed(wrong, tmp_path, 360)
    assert (images, broken, inner) == (1, 1, 360) and page > 360 and len(console) == 1
