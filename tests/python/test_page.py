"""The colour page (`make page`) in Chromium: opened from a file, offline, as a person uses it."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cli_support import LIMN, ROOT, limn, make, pixels, succeeds
from PIL import Image, ImageCms

pytest.importorskip("selenium")
from page_support import Page, browser  # noqa: E402  (needs selenium)

BUILD = Path(LIMN).resolve().parent
ZIG = Path(os.environ.get("ZIG", BUILD / "zig-venv/bin/python-zig"))
SAMPLES = ROOT / "weights/samples"
MOST = 12e6  # bytes of the page
ANSWERS = 60 if os.environ.get("LIMN_TEST_QUICK") else 200

pytestmark = [
    pytest.mark.skipif(not ZIG.exists(), reason="needs zig, which make page installs"),
    pytest.mark.skipif(not shutil.which("esbuild"), reason="needs esbuild"),
    pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs chromium-driver"),
]


@pytest.fixture(scope="module")
def file() -> Path:
    make("-j2", "page", f"BUILD={os.path.relpath(BUILD, ROOT)}", *([f"ZIG={ZIG}"] if "ZIG" in os.environ else []))
    return BUILD / "page/limn.html"


@pytest.fixture(scope="module")
def tab(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(file, tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(tab: Page) -> Iterator[Page]:
    """The page as a new user has it. The test fails if it logged a message or asked for anything."""
    tab.forget()
    yield tab
    assert tab.console() == []
    assert tab.requests() == []


def coffee(folder: Path, side: int = 300) -> Path:
    """A grey photograph, side x side * 2 / 3."""
    path = folder / "coffee.jpg"
    with Image.open(SAMPLES / "coffee.png") as image:
        image.convert("L").resize((side, side * 2 // 3)).save(path, quality=90)
    return path


SIZE = (300, 200)


def opened(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def colorized(folder: Path, picture: Path, *options: str | Path) -> np.ndarray:
    """The pixels that the program makes, with the kernels that WebAssembly has."""
    output = folder / "program.png"
    exact = ("--isa", "baseline", "--kernels", "native", "--force", "-o", output)
    done = limn("colorize", "-m", ROOT / "weights/siggraph17-photos.safetensors", picture, *options, *exact)
    assert done.returncode == 0, done.stderr  # it may note what a picture loses
    return opened(output.read_bytes())


# What is in the page


def test_the_page_is_one_file_of_at_most_12_megabytes(file: Path) -> None:
    text = file.read_text("utf-8")
    assert file.stat().st_size <= MOST
    assert re.findall(r"""(?:src|href)=["'](?!data:)[^"']*""", text) == []
    assert "@STYLE@" not in text and "@VERSION@" not in text


def test_archives_carry_the_page(file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "limn.tar.gz"
    script = [ROOT / "tools/packaging/archive.sh", ROOT / "LICENSE", tmp_path / "limn", file, ROOT / "LICENSE"]
    subprocess.run(["sh", *script], cwd=ROOT, check=True)
    with tarfile.open(packed) as archive:
        assert archive.extractfile("limn/limn.html").read() == file.read_bytes()
    script = [ROOT / "tools/packaging/windows_zip.py", ROOT / "LICENSE", tmp_path / "limn.zip", file, ROOT / "LICENSE"]
    subprocess.run([sys.executable, *script], cwd=ROOT, check=True)
    with zipfile.ZipFile(tmp_path / "limn.zip") as archive:
        assert archive.read("limn/limn.html") == file.read_bytes()


# The whole path, at two widths


@pytest.mark.parametrize("width", [1280, 390])
def test_from_a_photograph_to_a_file(width: int, file: Path, tmp_path: Path) -> None:
    photo = coffee(tmp_path)
    with browser(file, tmp_path, (width, 844)) as page:
        assert "Choose a photograph" in page.text("welcome")
        page.shot(f"welcome-{width}.png")
        page.open(photo)
        assert page.text("welcome") == "" and page.text("alert") == ""
        page.shot(f"automatic-{width}.png")
        page.tap(0.5, 0.45, SIZE)
        assert "Point 1 of 1" in page.text("point-help")
        page.set("hex", "#7a4a20")
        page.tap(0.15, 0.2, SIZE)
        page.click("grey")
        page.shot(f"points-{width}.png")
        (x, y, colour, radius), second = (line.split() for line in page.points("coffee").splitlines())
        assert (abs(int(x) - 150) <= 2, abs(int(y) - 90) <= 2, radius) == (True, True, "2")
        assert abs(int(second[0]) - 45) <= 2 and len(set(re.findall("..", second[2][1:]))) == 1
        page.set("saturation", 1.5)
        page.set("temperature", 10)
        page.set("split", 50)
        page.shot(f"before-after-{width}.png")
        made = opened(page.save("coffee-colorized.png"))
        (tmp_path / "points.txt").write_text(f"{x} {y} {colour} {radius}\n{' '.join(second)}\n")
        options = ("--hints", tmp_path / "points.txt", "--saturation", "1.5", "--temperature", "10")
        assert (made == colorized(tmp_path, photo, *options)).all()
        assert page.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        assert (page.console(), page.requests()) == ([], [])


# What is saved equals what the program writes


def pictures(folder: Path) -> dict[str, Path]:
    """Ten files: kinds of PNG and JPEG, with a profile, with alpha, turned."""
    rgb = Image.fromarray(np.asarray(Image.open(SAMPLES / "chelsea.png").convert("RGB").resize((211, 140))))
    alpha = rgb.copy()
    alpha.putalpha(Image.fromarray(np.tile(np.arange(211, dtype=np.uint8), (140, 1))))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        "rgb.png": (rgb, {}), "grey.png": (rgb.convert("L"), {}), "palette.png": (rgb.convert("P"), {}),
        "alpha.png": (alpha, {}), "profile.png": (rgb, {"icc_profile": profile}),
        "rgb.jpg": (rgb, {"quality": 85}), "grey.jpg": (rgb.convert("L"), {"quality": 60}),
        "progressive.jpg": (rgb, {"progressive": True}), "turned.jpg": (rgb, {"exif": turned}),
        "profile.jpg": (rgb, {"icc_profile": profile, "subsampling": 0}),
    }  # fmt: skip
    for name, (image, options) in files.items():
        image.save(folder / name, **options)
    return {name: folder / name for name in files}


def test_saved_pixels_are_those_of_the_program(page: Page, tmp_path: Path) -> None:
    for name, path in pictures(tmp_path).items():
        page.open(path)
        width, height = (140, 211) if name == "turned.jpg" else (211, 140)
        page.tap(0.3, 0.6, (width, height))
        page.set("hex", "#a03060")
        hints = tmp_path / "hints.txt"
        hints.write_text(page.points(path.stem))
        made = page.save(f"{path.stem}-colorized.png")
        assert (opened(made) == colorized(tmp_path, path, "--hints", hints)).all(), name
        with Image.open(io.BytesIO(made)) as image:
            assert (image.info.get("icc_profile") is not None) == name.startswith("profile"), name
            assert image.getexif().get(0x0112, 1) == 1, name


def test_a_jpeg_equals_that_of_the_program(page: Page, tmp_path: Path) -> None:
    photo = coffee(tmp_path)
    page.open(photo)
    page.set("format", "jpg")
    made = page.save("coffee-colorized.jpg")
    output = tmp_path / "program.jpg"
    weights = ROOT / "weights/siggraph17-photos.safetensors"
    succeeds("colorize", "-m", weights, photo, "--isa", "baseline", "--kernels", "native", "-o", output)
    assert (opened(made) == opened(output.read_bytes())).all()


@pytest.mark.parametrize("factor", [2, 4])
def test_an_enlarged_picture_is_that_of_two_commands(factor: int, page: Page, tmp_path: Path) -> None:
    photo = coffee(tmp_path, 120)
    page.open(photo)
    page.set("factor", factor)
    made = opened(page.save(f"coffee-colorized-{factor}x.png"))
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    Image.fromarray(colorized(tmp_path, photo)).save(small)
    exact = ("--isa", "baseline", "--kernels", "native", "--scale", str(factor), "-o", large)
    succeeds("upscale", "-m", ROOT / "weights/enhancenet.safetensors", small, *exact)
    assert (made == opened(large.read_bytes())).all()


def test_the_shown_commands_make_the_saved_picture(page: Page, tmp_path: Path) -> None:
    photo = coffee(tmp_path)
    page.open(photo)
    page.click("right")
    page.tap(0.5, 0.5, SIZE[::-1])
    page.set("saturation", 0.5)
    page.set("detail", 384)
    (tmp_path / "coffee-points.txt").write_text(page.points("coffee"))
    page.click("prepared-save")
    (tmp_path / "coffee-prepared.png").write_bytes(page.downloaded("coffee-prepared.png"))
    words = page.value("command").split()
    assert words[:4] == ["limn", "colorize", "-m", "siggraph17-photos"]
    succeeds(*words[1:], "--isa", "baseline", "--kernels", "native", cwd=tmp_path)
    made = opened(page.save("coffee-colorized.png"))
    assert made.shape == (300, 200, 3)
    assert (made == opened((tmp_path / "coffee-colorized.png").read_bytes())).all()


def test_formats_of_the_browser_equal_a_png_of_their_pixels(page: Page, tmp_path: Path) -> None:
    image = Image.fromarray(pixels(60, 90))
    image.save(tmp_path / "lossless.webp", lossless=True)
    image.save(tmp_path / "lossless.png")
    page.open(tmp_path / "lossless.webp")
    made = opened(page.save("lossless-colorized.png"))
    assert (made == colorized(tmp_path, tmp_path / "lossless.png")).all()


# Points


def test_points_move_change_and_go(page: Page, tmp_path: Path) -> None:
    page.open(coffee(tmp_path))
    page.tap(0.25, 0.25, SIZE)
    page.set("hex", "#204080")
    first = page.points("coffee")
    page.drag((0.25, 0.25), (0.75, 0.5), SIZE)
    x, y, colour, _ = page.points("coffee").split()
    assert abs(int(x) - 225) <= 2 and abs(int(y) - 100) <= 2 and colour == first.split()[2]
    page.click("undo")
    assert page.points("coffee") == first
    page.click("redo")
    page.set("radius", 9)
    assert page.points("coffee").split()[3] == "9"
    page.click("remove")
    assert page.points("coffee") == ""
    for _ in range(5):
        page.click("undo")
    assert page.find("undo").get_property("disabled")
    page.click("redo")
    assert len(page.points("coffee").splitlines()) == 1
    page.set("saturation", 2)
    assert page.find("redo").get_property("disabled")
    page.click("undo")
    assert page.value("saturation") == "1" and len(page.points("coffee").splitlines()) == 1


def test_the_keyboard_alone_is_enough(page: Page, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415

    page.open(coffee(tmp_path))
    page.keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ENTER)
    page.keys(Keys.ARROW_LEFT * 10, Keys.ENTER)
    assert "Point 2 of 2" in page.text("point-help")
    page.keys("n")
    assert "Point 1 of 2" in page.text("point-help")
    before = page.points("coffee").splitlines()
    page.keys(Keys.ALT, Keys.ARROW_DOWN)
    after = page.points("coffee").splitlines()
    assert int(after[0].split()[1]) > int(before[0].split()[1]) and after[1] == before[1]
    page.find("a").send_keys(Keys.ARROW_RIGHT * 20)
    page.idle()
    assert page.points("coffee").splitlines()[0].split()[2] != after[0].split()[2]
    page.keys(Keys.DELETE)
    assert page.points("coffee").splitlines() == after[1:]
    page.keys(Keys.CONTROL, "z")
    assert len(page.points("coffee").splitlines()) == 2


def test_colours_are_picked_from_pictures(page: Page, tmp_path: Path) -> None:
    halves = np.full((100, 200, 3), 128, np.uint8)
    halves[:, 100:] = (200, 60, 60)
    Image.fromarray(halves).save(tmp_path / "halves.png")
    page.open(coffee(tmp_path))
    page.tap(0.5, 0.5, SIZE)
    page.set("hex", "#808080")
    page.give("reference", tmp_path / "halves.png")
    page.until(lambda: page.find("reference-dialog").is_displayed(), "the other picture")
    canvas = page.find("reference-picture")
    page.click_at(canvas, 0.75, 0.5)
    red = page.points("coffee")
    assert not page.find("reference-dialog").is_displayed()
    assert page.tint(red) == pytest.approx(page.tint("0 0 #c83c3c"), abs=0.15)
    page.tap(0.1, 0.9, SIZE)
    page.click("pick")
    page.tap(0.5, 0.5, SIZE)
    first, second = page.points("coffee").splitlines()
    assert first == red.strip()
    assert page.tint(second) == pytest.approx(page.tint(first), abs=0.15)
    assert "2 of 2" in page.text("point-help")


def test_points_are_read_as_the_program_reads_them(page: Page, tmp_path: Path) -> None:
    page.open(coffee(tmp_path))
    text = tmp_path / "hints.txt"
    text.write_text("# colours\n10 20 #ff0000\n\n150 100 #00Ff00 7\n")
    page.give("points-load", text)
    page.until(lambda: "2 points" in page.text("status"), "points")
    page.idle()
    assert page.points("coffee") == "10 20 #ff0000 2\n150 100 #00ff00 7\n"
    for line, found in {"10 20 red": '"10 20 red"', "300 20 #ff0000": "300, 20 is outside", "[]": "JSON"}.items():
        text.write_text(f"# one\n{line}\n" if line != "[]" else line)
        page.give("points-load", text)
        assert found in page.complaint()
    assert len(page.points("coffee").splitlines()) == 2


def test_points_follow_the_picture_when_it_is_turned_and_cropped(page: Page, tmp_path: Path) -> None:
    image = Image.new("L", (300, 200), 90)
    image.paste(200, (30, 40, 41, 51))
    image.save(tmp_path / "spot.png")
    page.open(tmp_path / "spot.png")
    (tmp_path / "hints.txt").write_text("35 45 #b04040 3\n250 150 #4040b0 3\n")
    page.give("points-load", tmp_path / "hints.txt")
    page.until(lambda: "2 points" in page.text("status"), "points")
    page.click("right")
    page.click("crop")
    for field, value in {"x": 100, "y": 0, "width": 100, "height": 100}.items():
        page.set(f"crop-{field}", value)
    page.find("cropping").submit()
    page.idle()
    assert page.points("spot") == "54 35 #b04040 3\n"
    page.click("prepared-save")
    prepared = opened(page.downloaded("spot-prepared.png"))
    want = np.rot90(np.asarray(Image.open(tmp_path / "spot.png").convert("RGB")), -1)[0:100, 100:200]
    assert (prepared == want).all()
    assert prepared[35, 54, 0] == 200
    page.click("left")
    assert page.points("spot") == "35 45 #b04040 3\n"
    page.click("prepared-save")
    turned = opened(page.downloaded("spot-prepared.png"))
    assert (turned == np.rot90(want)).all() and turned[45, 35, 0] == 200
    for _ in range(3):
        page.click("undo")
    assert page.points("spot") == "35 45 #b04040 3\n250 150 #4040b0 3\n"


# Nothing is lost


def test_work_outlives_the_tab(page: Page, tmp_path: Path) -> None:
    page.open(coffee(tmp_path))
    asks = "return !dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    assert not page.driver.execute_script(asks)
    page.tap(0.5, 0.5, SIZE)
    page.set("saturation", 2)
    assert page.driver.execute_script(asks)
    points = page.points("coffee")
    page.save("coffee-colorized.png")
    assert not page.driver.execute_script(asks)
    page.load()
    page.until(lambda: page.text("continue") == "Continue with coffee.jpg", "the last picture")
    page.click("continue")
    page.until(lambda: page.text("welcome") == "", "the last picture")
    page.idle()
    assert page.points("coffee") == points and page.value("saturation") == "2"


def test_a_browser_that_keeps_nothing_is_said_once(page: Page, tmp_path: Path) -> None:
    page.driver.execute_script(
        "Storage.prototype.setItem = () => { throw new Error('no'); };"
        "IDBFactory.prototype.open = () => { throw new Error('no'); };"
    )
    page.open(coffee(tmp_path))
    page.tap(0.5, 0.5, SIZE)
    page.until(lambda: "keeps nothing" in page.text("status"), "a message")


# Weights


def test_own_weights(page: Page, tmp_path: Path) -> None:
    photo = coffee(tmp_path)
    page.open(photo)
    page.give("weights", ROOT / "weights/vae-scenes.safetensors")
    page.until(lambda: "vae" in page.text("status"), "weights")
    page.idle()
    page.click("fit")
    page.tap(0.5, 0.5, SIZE)
    assert "takes no points" in page.complaint()
    made = opened(page.save("coffee-colorized.png"))
    output = tmp_path / "program.png"
    weights = ROOT / "weights/vae-scenes.safetensors"
    succeeds("colorize", "-m", weights, photo, "--isa", "baseline", "--kernels", "native", "-o", output)
    assert (made == opened(output.read_bytes())).all()
    page.give("weights", ROOT / "weights/unet-cells.safetensors")
    assert "found unet" in page.complaint()
    damaged = bytearray((ROOT / "weights/enhancenet.safetensors").read_bytes())
    del damaged[-100:]
    (tmp_path / "damaged.safetensors").write_bytes(damaged)
    page.give("weights", tmp_path / "damaged.safetensors")
    assert "damaged.safetensors" in page.complaint()
    page.click("weights-included")
    page.until(lambda: "siggraph17-photos" in page.driver.execute_script(
        "return document.getElementById('weights-shown').textContent"), "the included weights")  # fmt: skip
    page.idle()
    page.tap(0.5, 0.5, SIZE)
    assert "Point 1 of 1" in page.text("point-help")


# Bad input


def test_bad_files_leave_the_work_alone(page: Page, tmp_path: Path) -> None:
    photo = coffee(tmp_path)
    page.open(photo)
    page.tap(0.5, 0.5, SIZE)
    before = page.points("coffee")
    noise = bytes(range(256)) * 4
    large = tmp_path / "large.png"
    Image.new("1", (10_000, 10_000)).save(large)
    png = (SAMPLES / "coffee.png").read_bytes()
    bad = {
        "empty.png": (b"", "empty"),
        "damaged.png": (png[:5000] + bytes(100) + png[5100:20000], "damaged.png"),
        "damaged.jpg": (photo.read_bytes()[:700], "damaged.jpg"),
        "noise.bin": (noise, "not a picture"),
        "page.pdf": (b"%PDF-1.4\n\x01\x02", "found PDF"),
        "scan.tiff": (b"II*\0" + bytes(100), "TIFF"),
        "photo.heic": (bytes([0, 0, 0, 24]) + b"ftypheic" + bytes(100), "HEIC"),
        "large.png": (large.read_bytes(), "100 megapixels"),
    }
    for name, (content, found) in bad.items():
        page.drop([(name, content, "")])
        complaint = page.complaint()
        assert name in complaint and found in complaint, complaint
    page.drop([(f"{i}.png", b"", "image/png") for i in range(10)])
    assert "10 files; expected one" in page.complaint()
    page.drop([], text="hello")
    assert "expected a picture" in page.complaint()
    page.drop([("notes.txt", b"hello there", "text/plain")])
    assert 'notes.txt, line 1: "hello there"' in page.complaint()
    assert page.points("coffee") == before
    made = opened(page.save("coffee-colorized.png"))
    (tmp_path / "hints.txt").write_text(before)
    assert (made == colorized(tmp_path, photo, "--hints", tmp_path / "hints.txt")).all()


def test_without_simd_the_page_says_so(file: Path, tmp_path: Path) -> None:
    with browser(file, tmp_path) as page:
        source = {"source": "WebAssembly.validate = () => false;"}
        page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
        page.load()
        assert "lacks WebAssembly SIMD" in page.text("unsupported")


def test_a_save_can_be_cancelled(page: Page, tmp_path: Path) -> None:
    page.open(coffee(tmp_path, 900))
    page.set("factor", 4)
    page.find("save").click()
    page.until(lambda: page.find("cancel").is_displayed(), "the button")
    page.find("cancel").click()
    assert page.complaint() == "cancelled"
    page.set("factor", 1)
    assert opened(page.save("coffee-colorized.png")).shape == (600, 900, 3)


# Large pictures, many answers


def test_a_large_picture_is_painted_sharply_where_it_is_seen(page: Page, tmp_path: Path) -> None:
    stripes = np.zeros((2000, 3000, 3), np.uint8)
    stripes[:, ::2] = 200
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    page.open(tmp_path / "stripes.png")
    for _ in range(8):
        page.find("in").click()
    page.until(lambda: page.contrast() > 150, "the pixels of the picture")


def test_many_answers_do_not_grow_the_memory(page: Page, tmp_path: Path) -> None:
    page.open(coffee(tmp_path))
    page.tap(0.5, 0.5, SIZE)
    sizes = []
    for i in range(ANSWERS):
        page.set("hex", f"#{i % 128 + 64:02x}4060")
        if i in (20, ANSWERS - 1):
            sizes.append(page.memory())
    assert sizes[1] < 1.2 * sizes[0], sizes


# Everyone


@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_checks_of_axe(look: str, page: Page, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_core_python")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text("utf-8")

    def faults() -> list[tuple[str, list[str]]]:
        page.driver.execute_script(script)
        found = page.driver.execute_async_script("axe.run().then(arguments[0])")
        return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found["violations"]]

    assert faults() == []
    page.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": look}]}
    )
    page.open(coffee(tmp_path))
    page.tap(0.5, 0.5, SIZE)
    for details in page.driver.find_elements("css selector", "details"):
        page.driver.execute_script("arguments[0].open = true", details)
    assert faults() == []
    page.click("crop")
    assert faults() == []
